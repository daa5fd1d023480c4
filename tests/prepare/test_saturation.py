"""Values that could not be measured, and those that only look so."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities import prepare
from napari_stm_impurities.data.images import make_stack


def noise(shape, seed=7) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def spot(n_y: int, n_x: int, y: float, x: float, fwhm: float) -> np.ndarray:
    rows, columns = np.mgrid[:n_y, :n_x]
    return np.exp(-4 * np.log(2) * ((rows - y) ** 2 + (columns - x) ** 2) / fwhm**2)


@pytest.mark.parametrize("rail", [10.0, -10.0])
def test_values_at_a_rail_become_missing_and_nothing_else(rail):
    data = noise((5, 20, 20))
    data[1, 4:7, 4:7] = rail
    data[2, 5:8, 5] = rail
    out = prepare.clip_saturated(make_stack(data, range(5), 1.0))
    np.testing.assert_array_equal(np.isnan(out.values), data == rail)
    assert "12 at the rail" in out.attrs["history"][-1]


def test_maps_that_were_scaled_to_one_have_no_rail():
    data = noise((30, 20, 20))
    data = 2 * (data - data.min((1, 2), keepdims=True)) / np.ptp(data, axis=(1, 2), keepdims=True) - 1
    assert not np.isnan(prepare.clip_saturated(make_stack(data, range(30), 1.0)).values).any()


def test_coarse_steps_of_a_converter_are_no_rail():
    data = np.round(8 * noise((3, 40, 40)))
    assert not np.isnan(prepare.clip_saturated(make_stack(data, range(3), 1.0)).values).any()


@pytest.mark.parametrize("background", [0.0, 0.02])
def test_a_sharp_bright_spot_is_no_spike_but_a_lone_pixel_is(background):
    data = background * noise((1, 40, 40)) + spot(40, 40, 12.3, 20.7, 1.7) + 3 * spot(40, 40, 30, 8, 2.0)
    data[0, 25, 30] = 40.0
    data[0, 0, 0] = -40.0
    out = prepare.clip_saturated(make_stack(data, 0, 1.0))
    assert sorted(map(tuple, np.argwhere(np.isnan(out.values[0])).tolist())) == [(0, 0), (25, 30)]


def test_infinite_values_become_missing():
    data = noise((2, 12, 12))
    data[0, 3, 3], data[1, 4, 4] = np.inf, -np.inf
    out = prepare.clip_saturated(make_stack(data, [0, 1], 1.0))
    np.testing.assert_array_equal(np.isnan(out.values), np.isinf(data))


def test_the_saturated_values_of_the_real_grid(shared_data):
    from napari_stm_impurities.io.readers import read_stack

    stack = read_stack(shared_data / "pycroscopy__SciFiDatasets" / "NanonisReader_STS_grid_lockin.3ds")
    out = prepare.clip_saturated(stack)
    np.testing.assert_array_equal(np.isnan(out.values), stack.values == 10.0)
    assert np.isfinite(prepare.fill_missing(out).values).all()
