"""Expectation-maximisation, against what can be worked out without it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares

from napari_stm_impurities.spots.em import expectation_maximisation
from napari_stm_impurities.spots.mixture import Mixture, render
from napari_stm_impurities.spots.profile import Profile

SQUARE = np.ones(2)
FREE = (np.full(1, 0.3), np.full(1, 5.0))


def mixture(spots: list[list[float]], std: float = 1.2) -> Mixture:
    return Mixture.empty(Profile(np.array([std]), np.ones(1)), SQUARE).plus(np.array(spots))


def test_a_mixture_is_found_again_from_a_wrong_start():
    truth = mixture([[10.3, 9.8, 4.0, 1.0], [12.9, 14.1, 2.5, 1.0], [25.0, 20.4, 3.0, 1.0]])
    values = render(truth, (32, 32))
    start = mixture([[10.8, 9.0, 2.0, 1.0], [12.5, 15.0, 2.0, 1.0], [24.2, 21.0, 2.0, 1.0]], std=1.8)
    seen = np.ones(values.shape, dtype=bool)
    found = expectation_maximisation(start, values, seen, 0.02, iterations=600, std_bounds=FREE, smallest_step_px=1e-6)
    np.testing.assert_allclose(found.yx, truth.yx, atol=0.01)
    np.testing.assert_allclose(found.mass, truth.mass, rtol=0.02)
    assert found.profile.std[0] == pytest.approx(1.2, rel=0.02)


def test_a_spot_cut_by_the_edge_is_not_drawn_inward():
    truth = mixture([[-0.2, 15.0, 5.0, 1.0]])
    values = render(truth, (32, 32))
    seen = np.ones(values.shape, dtype=bool)
    start = mixture([[1.0, 15.0, 3.0, 1.0]])
    found = expectation_maximisation(start, values, seen, 0.02, iterations=400, std_bounds=None, smallest_step_px=0)
    np.testing.assert_allclose(found.yx, truth.yx, atol=0.02)
    # plain moments of what is left of it lie half a pixel inside
    moment = (values * np.arange(32)[:, None]).sum() / values.sum()
    assert moment > 0.3


def test_a_spot_across_missing_pixels_keeps_its_mass():
    truth = mixture([[15.0, 15.0, 5.0, 1.0]])
    values = render(truth, (32, 32))
    seen = np.ones(values.shape, dtype=bool)
    seen[15:17] = False
    start = mixture([[14.0, 15.5, 3.0, 1.0]])
    found = expectation_maximisation(
        start, np.where(seen, values, 0.0), seen, 0.02, iterations=600, std_bounds=None, smallest_step_px=0
    )
    np.testing.assert_allclose(found.yx, truth.yx, atol=0.02)
    np.testing.assert_allclose(found.mass, truth.mass, rtol=0.02)


def test_on_a_noisy_map_it_agrees_with_least_squares():
    rng = np.random.default_rng(0)
    truth = mixture([[15.3, 14.6, 6.0, 1.0]])
    values = render(truth, (32, 32)) + rng.normal(0, 0.05, (32, 32))
    seen = np.ones(values.shape, dtype=bool)
    found = expectation_maximisation(truth, values, seen, 0.05, iterations=300, std_bounds=None, smallest_step_px=0)
    y, x = np.mgrid[:32, :32]

    def misfit(p: np.ndarray) -> np.ndarray:
        spot = p[2] / (2 * np.pi * 1.44) * np.exp(-((y - p[0]) ** 2 + (x - p[1]) ** 2) / 2.88)
        return (spot + p[3] - values).ravel()

    best = least_squares(misfit, [15.0, 15.0, 5.0, 0.0]).x
    np.testing.assert_allclose(found.yx[0], best[:2], atol=0.05)


def test_a_weak_spot_takes_the_width_of_the_others_and_a_strong_one_its_own():
    wide = mixture([[15.0, 15.0, 1.0, 1.25]])
    seen = np.ones((32, 32), dtype=bool)
    widths = []
    for mass in (1.0, 300.0):
        values = render(wide, (32, 32)) * mass
        start = mixture([[15.0, 15.0, mass, 1.0]])
        found = expectation_maximisation(start, values, seen, 0.05, iterations=300, std_bounds=None, smallest_step_px=0)
        widths.append(float(found.width[0]))
    assert widths[0] < 1.1
    assert widths[1] == pytest.approx(1.25, abs=0.03)
