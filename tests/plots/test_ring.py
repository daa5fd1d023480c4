"""The Fourier transform with its circle, and E(q) with its parabola, for waves of known length."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.physics.dispersion import Dispersion
from napari_stm_impurities.plots.figures import empty_figure
from napari_stm_impurities.plots.ring import (
    energy_table,
    plot_energy,
    plot_transform,
    plot_transform_axes,
    reach_per_nm,
    ring_radius_per_nm,
    transform_table,
)
from napari_stm_impurities.qpi.fourier_maps import FourierMaps, fourier_maps

GOLD = Dispersion.of_material("Au(111)")
BIAS_MV = np.array([-200.0, -120.0, 40.0])
PIXEL_NM = 0.25


@pytest.fixture(scope="module")
def picture() -> FourierMaps:
    """Plane waves along x, with q = 2k of gold at each bias."""
    x = PIXEL_NM * np.arange(96)
    maps = [np.sin(2 * float(GOLD.k_per_nm(bias)) * x) * np.ones((96, 1)) for bias in BIAS_MV]
    return fourier_maps(make_stack(np.array(maps), BIAS_MV, PIXEL_NM))


@pytest.mark.parametrize("bias_mv", [*BIAS_MV, -130.0])
def test_the_waves_lie_on_the_circle(picture: FourierMaps, bias_mv: float) -> None:
    _, axes = empty_figure()
    plot_transform_axes(axes, picture, GOLD)
    image, circle, text = plot_transform(axes, picture, GOLD, bias_mv)
    nearest = BIAS_MV[np.abs(BIAS_MV - bias_mv).argmin()]
    assert circle.get_radius() == pytest.approx(2 * float(GOLD.k_per_nm(nearest)))
    assert text.get_text() == f"{nearest:g} mV"
    power, (left, right, bottom, top) = image.get_array(), image.get_extent()
    row, column = np.unravel_index(power.argmax(), power.shape)
    q_x = left + (column + 0.5) * (right - left) / power.shape[1]
    q_y = top + (row + 0.5) * (bottom - top) / power.shape[0]
    step = 2 * np.pi / (96 * PIXEL_NM)
    assert (abs(q_x), q_y) == (pytest.approx(circle.get_radius(), abs=step), pytest.approx(0, abs=1e-9))


def test_the_table_is_the_map_that_is_drawn(picture: FourierMaps) -> None:
    table = transform_table(picture, GOLD, -120.0)
    brightest = table.loc[table["log_power"].idxmax()]
    step = 2 * np.pi / (96 * PIXEL_NM)
    assert np.hypot(brightest["q_x_per_nm"], brightest["q_y_per_nm"]) == pytest.approx(
        brightest["ring_radius_per_nm"], abs=step
    )
    assert table["bias_mv"].unique() == [-120]
    reach = reach_per_nm(picture, GOLD)
    assert table[["q_x_per_nm", "q_y_per_nm"]].abs().to_numpy().max() <= reach
    assert reach == pytest.approx(1.6 * 2 * float(GOLD.k_per_nm(40.0)))


def test_the_parabola_is_that_of_the_band(picture: FourierMaps) -> None:
    _, axes = empty_figure()
    plot_energy(axes, picture, GOLD)
    (line,) = axes.get_lines()
    np.testing.assert_allclose(line.get_xdata(), 2 * GOLD.k_per_nm(np.asarray(line.get_ydata())))
    table = energy_table(picture, GOLD)
    assert set(table["bias_mv"]) == set(BIAS_MV)
    for bias, rows in table.groupby("bias_mv"):
        assert rows["ring_radius_per_nm"].iloc[0] == pytest.approx(2 * float(GOLD.k_per_nm(float(bias))))
    # each uneven bias has its own row of cells, from half-way to half-way
    mesh = axes.collections[0]
    np.testing.assert_allclose(mesh.get_coordinates()[:, 0, 1], [-240, -160, -40, 120])


def test_without_a_band_there_is_no_curve(picture: FourierMaps) -> None:
    figure, axes = empty_figure()
    plot_transform_axes(axes, picture, None)
    assert len(plot_transform(axes, picture, None, 0.0)) == 2
    plot_energy(axes, picture, None)
    assert not axes.get_lines()
    assert transform_table(picture, None, 0.0)["ring_radius_per_nm"].isna().all()
    assert energy_table(picture, None)["ring_radius_per_nm"].isna().all()
    figure.canvas.draw()


def test_below_the_band_there_is_no_ring(picture: FourierMaps) -> None:
    above = Dispersion.of_wavelength(1.5, 40.0).model_copy(update={"band_bottom_mv": 0.0})
    assert ring_radius_per_nm(picture, above, -200.0) is None
    assert ring_radius_per_nm(picture, above, 40.0) > 0
    table = energy_table(picture, above)
    assert table.loc[table["bias_mv"] < 0, "ring_radius_per_nm"].isna().all()


def test_one_map_alone_can_be_drawn() -> None:
    alone = fourier_maps(make_stack(np.random.default_rng(0).normal(size=(1, 32, 32)), 10.0, 0.3))
    figure, axes = empty_figure()
    plot_energy(axes, alone, GOLD)
    figure.canvas.draw()
    low, high = axes.get_ylim()
    assert low < 10 < high
