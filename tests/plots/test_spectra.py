"""Plots of spectra: the curves, their spread, and what was not measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.plots.figures import empty_figure
from napari_stm_impurities.plots.spectra import Spectrum, draw_spectra, plot_spectra, spectra_table

#: Uneven, as many measurements are.
BIAS_MV = np.array([-500.0, -400, -390, 0, 10])


def test_an_uneven_axis_is_drawn_to_scale_with_its_unit() -> None:
    _, axes = empty_figure()
    plot_spectra(axes, BIAS_MV, [Spectrum("here", 1e-12 * BIAS_MV)], "dI/dV", "A")
    (line,) = axes.get_lines()
    np.testing.assert_array_equal(line.get_xdata(), BIAS_MV)
    assert axes.get_xlim() == (-500, 10)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("bias (mV)", "dI/dV (A)")


def test_the_band_is_one_standard_deviation_and_broken_where_nothing_was_measured() -> None:
    mean = np.array([1.0, 2.0, np.nan, 4.0, 5.0])
    _, axes = empty_figure()
    plot_spectra(axes, BIAS_MV, [Spectrum("here", mean), Spectrum("surface", mean, np.full(5, 0.5))], "dI/dV", "")
    paths = axes.collections[0].get_paths()
    spans = [(path.vertices[:, 0].min(), path.vertices[:, 0].max()) for path in paths]
    assert spans == [(-500, -400), (0, 10)]
    assert paths[0].vertices[:, 1].min() == 0.5
    assert paths[1].vertices[:, 1].max() == 5.5
    assert np.isnan(axes.get_lines()[0].get_ydata()[2])
    assert axes.get_ylabel() == "dI/dV"


def test_the_table_holds_what_was_drawn() -> None:
    mean, std = np.arange(5.0), np.full(5, 0.5)
    table = spectra_table(BIAS_MV, [Spectrum("here", mean + 1), Spectrum("surface", mean, std)], "LI X", "nS")
    names = ["bias_mv", "here: LI X (nS)", "surface: LI X (nS)", "surface: standard deviation (nS)"]
    assert table.columns.tolist() == names
    np.testing.assert_array_equal(table.to_numpy().T, [BIAS_MV, mean + 1, mean, std])


@pytest.mark.parametrize("mean", [[np.nan, np.nan], [3.0], [0.0, 0.0]])
def test_little_or_nothing_can_be_drawn(mean: list[float]) -> None:
    figure, axes = empty_figure()
    values = np.array(mean)
    plot_spectra(axes, np.arange(len(values)) * 1.0, [Spectrum("a", values, values * 0)], "dI/dV", "nS")
    figure.canvas.draw()
    assert axes.get_lines()[0].get_marker() == "o"  # of a single bias there is no line to see


def test_a_file_needs_two_biases_and_a_point(tmp_path: Path) -> None:
    stack = make_stack(np.random.default_rng(0).normal(size=(3, 12, 12)), [-10, 0, 10], 0.5)
    point = make_points([[4, 4]], (0.5, 0.5), source="manual")
    none = make_points([], (0.5, 0.5), source="manual")
    for maps, points in ((stack[:1], point), (stack, none)):
        with pytest.raises(StmError, match="two biases"):
            draw_spectra(maps, points, tmp_path / "spectra.png")
    assert draw_spectra(stack, point, tmp_path / "spectra.png").read_bytes().startswith(b"\x89PNG")
