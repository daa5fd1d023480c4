"""Filling, and the mask of what was never measured."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities import prepare
from napari_stm_impurities.data.images import make_stack


def noise(shape, seed=7) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def plane(n_y: int, n_x: int) -> np.ndarray:
    y, x = np.mgrid[:n_y, :n_x]
    return 5.0 + 0.3 * y - 0.1 * x


def test_a_missing_pixel_is_filled_from_its_neighbours_and_a_missing_area_with_the_median():
    data = plane(40, 40)[None] * np.ones((3, 1, 1))
    data[0, 10, 10] = np.nan
    data[1, 20:] = np.nan
    data[2] = np.nan
    out = prepare.fill_missing(make_stack(data, [0, 1, 2], 1.0)).values
    assert out[0, 10, 10] == pytest.approx(plane(40, 40)[10, 10], abs=0.01)
    assert out[1, 20, 20] == pytest.approx(plane(40, 40)[19, 20], abs=0.5)
    np.testing.assert_allclose(out[1, 24:], np.median(plane(40, 40)[:20]))
    np.testing.assert_array_equal(out[2], 0)
    np.testing.assert_array_equal(out[1, :20], plane(40, 40)[:20].astype(np.float32))


def test_the_mask_tells_what_was_measured_at_no_bias():
    data = noise((3, 9, 9))
    data[:, 2, 3] = np.nan
    data[1:, 4, 5] = np.nan
    mask = prepare.missing_mask(make_stack(data, [0, 1, 2], 1.0))
    assert mask.dims == ("y", "x")
    assert np.argwhere(mask.values).tolist() == [[2, 3]]
