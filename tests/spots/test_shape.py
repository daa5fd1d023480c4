"""The shared profile, the windows, and the starting width."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.spots.density import density_of
from napari_stm_impurities.spots.mixture import Mixture, render
from napari_stm_impurities.spots.profile import Profile
from napari_stm_impurities.spots.width import starting_fwhm_px


def test_the_profile_has_the_volume_one_and_its_derivatives():
    profile = Profile(np.array([0.8, 1.5]), np.array([0.4, 0.6]))
    y, x = np.mgrid[-12:12:241j, -12:12:241j]
    value, first, second = profile.with_slopes(y**2 + x**2)
    assert value.sum() * 0.01 == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose(value, profile.at(y**2 + x**2))
    gradient = np.gradient(value, 0.1, axis=1)
    np.testing.assert_allclose((first * x)[5:-5, 5:-5], gradient[5:-5, 5:-5], atol=2e-3)
    bend = np.gradient(first * x, 0.1, axis=1)
    np.testing.assert_allclose((first + second * x**2)[5:-5, 5:-5], bend[5:-5, 5:-5], atol=5e-3)
    assert value.max() == pytest.approx(profile.height)


def test_rendering_is_the_sum_over_all_spots():
    spots = np.array([[5.2, 7.9, 3.0, 1.0], [0.3, 19.6, 2.0, 1.2], [11.0, 9.0, 1.0, 0.8]])
    mixture = Mixture.empty(Profile(np.array([0.9, 1.4]), np.array([0.5, 0.5])), np.array([1.2, 1 / 1.2])).plus(spots)
    y, x = np.mgrid[:24, :22]
    expected = np.zeros((24, 22))
    for row, column, mass, width in spots:
        squared = ((y - row) * 1.2) ** 2 + ((x - column) / 1.2) ** 2
        for std in (0.9 * width, 1.4 * width):
            expected += 0.5 * mass * np.exp(-squared / (2 * std**2)) / (2 * np.pi * std**2)
    np.testing.assert_allclose(render(mixture, (24, 22)), expected, atol=3e-3)


@pytest.mark.parametrize("fwhm_px", [2.0, 3.0, 4.0, 6.0])
@pytest.mark.parametrize("n", [10, 50])
def test_the_starting_width_is_good_to_a_quarter(bound_map, fwhm_px, n):
    values, _ = bound_map(0, n, fwhm_px)
    density = density_of(values, "bright")
    assert starting_fwhm_px(density.values, density.observed, 8.0) == pytest.approx(fwhm_px, rel=0.25)
