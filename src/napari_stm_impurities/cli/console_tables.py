"""Tables for the screen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from ..analysis.comparison import Comparison
    from ..analysis.spatial_statistics import SurfaceStatistics
    from ..workflow.demo import Demo


def comparison_table(report: Comparison, title: str | None = None) -> Table:
    """The figures of a comparison, each with what it means."""
    table = Table(title=title, title_justify="left", show_header=False)
    by_chance = "not known" if math.isnan(report.chance_ratio) else f"{report.chance_ratio:.3f}"
    apart = "-" if math.isnan(report.rms_distance_nm) else f"{report.rms_distance_nm:.3f} nm"
    rows = (
        ("points", str(report.n_points), f"{len(report.extra)} of them extra"),
        ("reference points", str(report.n_reference), f"{len(report.missed)} of them missed"),
        ("recall", f"{report.recall:.3f}", f"one to one, within {report.tolerance_nm:g} nm"),
        ("precision", f"{report.precision:.3f}", f"one to one, within {report.tolerance_nm:g} nm"),
        ("F1", f"{report.f1:.3f}", ""),
        ("distance (rms)", apart, "over the matched pairs"),
        (
            "reference ratio",
            f"{report.reference_ratio:.3f}",
            f"nearest point under {report.ratio_radius_nm:.3g} nm away",
        ),
        ("ratio by chance", by_chance, f"as many random points, area {report.frame_source}"),
    )
    for row in rows:
        table.add_row(*row)
    return table


def statistics_table(told: SurfaceStatistics) -> Table:
    """What points say of the surface, each number with what it means."""
    table = Table(show_header=False)
    beside = f", {told.n_outside} more lie beside it" if told.n_outside else ""
    table.add_row("points", str(told.n_points), f"on the measured area{beside}")
    table.add_row("measured area", f"{told.area_nm2:.5g} nm^2", "missing pixels are left out")
    density = f"{told.density_per_nm2:.4g} +- {told.density_error_per_nm2:.2g} per nm^2"
    table.add_row("density", density, "the error is that of counting")
    if told.n_points > 1:
        low, high = told.random_nearest_band_nm
        table.add_row("nearest neighbour", f"{told.nearest_mean_nm:.3g} nm", f"in the mean: {told.verdict}")
        table.add_row("... at random", f"{told.random_nearest_nm:.3g} nm", f"95 % between {low:.3g} and {high:.3g} nm")
        g = told.pair_correlation
        for sign, outside in (("above", g["g"] > g["high"]), ("below", g["g"] < g["low"])):
            where = ", ".join(f"{r:.2g}" for r in g["r_nm"][outside]) or "nowhere"
            table.add_row(f"g(r) {sign} the band", where, "nm; 1 distance in 20 is by chance")
    return table


def demo_table(demo: Demo) -> Table:
    """What each step of the demo gave, and how long it took."""
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
