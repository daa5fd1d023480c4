"""Planes and lines: what is taken out, and that defects and gaps do not mislead it."""

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


def spot(n_y: int, n_x: int, y: float, x: float, fwhm: float) -> np.ndarray:
    rows, columns = np.mgrid[:n_y, :n_x]
    return np.exp(-4 * np.log(2) * ((rows - y) ** 2 + (columns - x) ** 2) / fwhm**2)


def test_the_plane_goes_and_the_rest_stays():
    n_y, n_x = 40, 60
    signal = 0.01 * noise((n_y, n_x))
    out = prepare.level_planes(make_stack(plane(n_y, n_x) + signal, 0, 1.0))
    np.testing.assert_allclose(out.values[0], signal, atol=0.005)


def test_defects_a_step_and_missing_rows_do_not_tilt_the_plane():
    n_y, n_x = 60, 60
    data = plane(n_y, n_x)
    defects = sum(50 * spot(n_y, n_x, y, x, 6) for y, x in ((5, 5), (10, 20), (8, 40)))
    with_hole = data + defects
    with_hole[45:] = np.nan
    out = prepare.level_planes(make_stack(with_hole, 0, 1.0)).values[0]
    away = (defects < 0.01) & np.isfinite(out)
    assert np.abs(out[away]).max() < 0.3
    assert np.isnan(out[45:]).all()
    # a least-squares plane is led astray by the same defects
    y, x = np.nonzero(np.isfinite(with_hole))
    design = np.column_stack([np.ones(len(y)), y, x])
    plain = with_hole[y, x] - design @ np.linalg.lstsq(design, with_hole[y, x], rcond=None)[0]
    assert np.abs(plain[away[y, x]]).max() > 2


def test_tiny_currents_are_levelled_as_well_as_large_numbers():
    for scale in (1e-12, 1.0, 1e9):
        out = prepare.level_planes(make_stack(scale * plane(20, 20), 0, 1.0))
        assert np.abs(out.values).max() < 1e-5 * scale


def test_lines_lose_their_median_even_where_pixels_are_missing():
    jumps = np.repeat([0.0, 3.0, -2.0, 7.0], 5)[:, None]
    pattern = noise((20, 31))
    pattern -= np.median(pattern, axis=1, keepdims=True)
    data = pattern + jumps
    data[3, :10] = np.nan
    data[4] = np.nan
    out = prepare.level_lines(make_stack(data, 0, 1.0)).values[0]
    np.testing.assert_allclose(out[5:], pattern[5:], atol=1e-5)
    assert np.nanmedian(out[3]) == pytest.approx(0, abs=1e-6)
    assert np.isnan(out[4]).all()
