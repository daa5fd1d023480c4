"""Tables for the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from ..analysis.comparison import Comparison
    from ..analysis.spatial_statistics import SurfaceStatistics
    from ..workflow.demo import Demo


def comparison_table(report: Comparison, title: str | None = None) -> Table:
    """The figures of a comparison as a table, with their meaning."""
    table = Table(title=title, title_justify="left", show_header=False)
    for row in report.summary_rows():
        table.add_row(*row)
    return table


def statistics_table(statistics: SurfaceStatistics) -> Table:
    """The spatial statistics of points as a table, with their meaning."""
    table = Table(show_header=False)
    for row in statistics.summary_rows():
        table.add_row(*row)
    return table


def demo_table(demo: Demo) -> Table:
    """The result and the duration of each step of the demo as a table."""
    table = Table("step", "result", "seconds", title="Simulated Au(111) surface", title_justify="left")
    results = {
        "simulate": f"{len(demo.truth)} impurities",
        "write": f"{demo.files[0].stat().st_size / 1e6:.1f} MB of Nanonis grid",
        "find": f"{len(demo.points)} points",
        "reference": f"{len(demo.reference)} points on the map of the bound states",
    }
    for step, seconds in demo.seconds.items():
        table.add_row(step, results.get(step, ""), f"{seconds:.1f}")
    table.add_row("in all", "", f"{sum(demo.seconds.values()):.1f}", style="bold")
    return table
