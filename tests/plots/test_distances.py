"""Plots of distances: what is drawn is what the table says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_stm_impurities.analysis.spatial_statistics import SurfaceStatistics, surface_statistics
from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.plots.distances import (
    draw_nearest_neighbours,
    draw_pair_correlation,
    nearest_neighbours_table,
    pair_correlation_table,
    pair_distances_table,
    plot_nearest_neighbours,
    plot_pair_correlation,
    plot_pair_distances,
)
from napari_stm_impurities.plots.figures import empty_figure


def lattice(n: int) -> SurfaceStatistics:
    """Points on a square lattice, n to a side, 5 nm apart."""
    rows = [[5.0 * (i + 0.5), 5.0 * (j + 0.5)] for i in range(n) for j in range(n)]
    side = 5.0 * n
    return surface_statistics(make_points(rows, (1.0, 1.0), source="manual"), (0.0, side, 0.0, side))


def test_the_pair_correlation_and_its_band() -> None:
    statistics = lattice(6)
    _, axes = empty_figure()
    plot_pair_correlation(axes, statistics)
    table = pair_correlation_table(statistics)
    curve = next(line for line in axes.get_lines() if line.get_label() == "36 points")
    np.testing.assert_array_equal(curve.get_xdata(), table["r_nm"])
    np.testing.assert_array_equal(curve.get_ydata(), table["g"])
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(table["high"].max())
    assert list(table.columns) == ["r_nm", "g", "random", "low", "high"]


def test_all_neighbours_of_a_lattice_stand_in_one_bar() -> None:
    statistics = lattice(6)
    _, axes = empty_figure()
    plot_nearest_neighbours(axes, statistics)
    table = nearest_neighbours_table(statistics)
    values, edges, _ = next(patch for patch in axes.patches if patch.get_label() == "36 points").get_data()
    np.testing.assert_array_equal(values, table["points"])
    at = int(np.flatnonzero(values)[0])
    assert values[at] == 36
    assert edges[at] <= 5.0 <= edges[at + 1]
    marks = [line.get_xdata()[0] for line in axes.get_lines()]
    assert marks == pytest.approx([5.0, statistics.random_nearest_nm])


@pytest.mark.parametrize("draw", [draw_pair_correlation, draw_nearest_neighbours])
def test_a_file_needs_two_points(tmp_path: Path, draw: object) -> None:
    with pytest.raises(StmError, match="two points"):
        draw(lattice(1), tmp_path / "g.png")
    assert draw(lattice(3), tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")


def test_distances_of_pairs_reach_beyond_the_tolerance() -> None:
    _, axes = empty_figure()
    plot_pair_distances(axes, [0.1, 0.1, 0.39], 0.4)
    table = pair_distances_table([0.1, 0.1, 0.39], 0.4)
    assert table["pairs"].sum() == 3
    assert axes.get_xlim() == pytest.approx((0.0, 0.5))
    assert [line.get_xdata()[0] for line in axes.get_lines()] == [0.4]
    assert pair_distances_table([], 0.4)["pairs"].sum() == 0
