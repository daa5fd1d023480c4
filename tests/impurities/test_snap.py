"""Snapping to peaks of a score map whose places are known."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.impurities.snap import REACH_NM, reach_of, snap_to_peaks
from napari_stm_impurities.physics.dispersion import Dispersion


def hills(*peaks: tuple[float, float, float], shape: tuple[int, int] = (40, 50)) -> np.ndarray:
    """Parabolic hills of height h at (y, x): a parabola through three pixels finds their top exactly."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    each = [h - 0.1 * ((y - at_y) ** 2 + (x - at_x) ** 2) for at_y, at_x, h in peaks]
    return np.maximum(np.max(each, axis=0), 0.0)


def test_a_point_moves_to_the_top_sub_pixel():
    top = (20.3, 30.8)
    score = hills((*top, 2.0))
    for start in ((20, 31), (18.5, 29.5), (22.0, 32.5)):
        np.testing.assert_allclose(snap_to_peaks(score, np.array([start]), 3.0), [top], atol=1e-6)


def test_out_of_reach_is_out_of_reach():
    score = hills((20.0, 30.0, 2.0))
    np.testing.assert_array_equal(snap_to_peaks(score, np.array([[20.0, 32.1]]), 2.0), [[20.0, 32.1]])
    np.testing.assert_allclose(snap_to_peaks(score, np.array([[20.0, 32.1]]), 2.2), [[20, 30]], atol=1e-6)


def test_the_reach_may_differ_along_the_axes():
    score = hills((20.0, 30.0, 2.0))
    start = np.array([[20.0, 33.0], [23.0, 30.0]])
    snapped = snap_to_peaks(score, start, (1.0, 4.0))
    np.testing.assert_allclose(snapped, [[20, 30], [23, 30]], atol=1e-6)


def test_of_two_peaks_the_higher_one():
    score = hills((20.0, 27.0, 1.0), (20.0, 33.0, 2.0))
    np.testing.assert_allclose(snap_to_peaks(score, np.array([[20.0, 29.5]]), 5.0), [[20, 33]], atol=1e-6)


def test_two_points_do_not_share_a_peak_the_nearer_one_takes_it():
    score = hills((20.0, 30.0, 2.0))
    start = np.array([[20.0, 32.0], [20.0, 29.0]])
    np.testing.assert_allclose(snap_to_peaks(score, start, 4.0), [[20, 32], [20, 30]], atol=1e-6)


def test_the_window_that_is_looked_at_changes_nothing():
    rng = np.random.default_rng(3)
    score = rng.normal(size=(60, 60))
    points = rng.uniform(-3, 63, (40, 2))
    together = snap_to_peaks(score, points[:1], 4.0)
    np.testing.assert_allclose(snap_to_peaks(np.pad(score, 0), points[:1], 4.0), together)
    far = np.array([[0.0, 0.0], [59.0, 59.0]])
    np.testing.assert_allclose(snap_to_peaks(score, np.concatenate([points[:1], far]), 4.0)[0], together[0])


@pytest.mark.parametrize("start", [(-30.0, 5.0), (5.0, 500.0), (39.4, 49.4)])
def test_points_outside_and_on_a_flat_map_stay(start):
    point = np.array([start])
    np.testing.assert_array_equal(snap_to_peaks(np.zeros((40, 50)), point, 3.0), point)


def test_no_points():
    assert snap_to_peaks(hills((5, 5, 1)), np.empty((0, 2)), 3.0).shape == (0, 2)


def test_the_reach_is_half_a_ripple():
    band = Dispersion.of_material("Au(111)")
    assert reach_of(band, 0.0) == pytest.approx(np.pi / float(band.k_per_nm(0.0)) / 2)
    assert reach_of(band, -600.0) == REACH_NM == reach_of(None, 0.0)
