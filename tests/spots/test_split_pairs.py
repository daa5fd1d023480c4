"""One spot or two."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.spots.local_fit import LocalFit
from napari_stm_impurities.spots.mixture import Mixture, render
from napari_stm_impurities.spots.profile import Profile
from napari_stm_impurities.spots.split_pairs import merge, split

SEEN = np.ones((40, 40), dtype=bool)
NOISE = 0.05


def mixture(spots: list[list[float]], fwhm_px: float = 2.0) -> Mixture:
    return Mixture.empty(Profile.gaussian(fwhm_px), np.ones(2)).plus(np.array(spots))


def noisy(truth: Mixture) -> np.ndarray:
    return render(truth, SEEN.shape) + np.random.default_rng(0).normal(0, NOISE, SEEN.shape)


@pytest.mark.parametrize("shift", [(1.0, 0.0), (0.0, 1.0), (0.71, 0.71), (0.71, -0.71)])
def test_two_spots_fitted_by_one_are_split_along_the_right_axis(shift):
    a, b = np.array([20.2, 19.7]) + shift, np.array([20.2, 19.7]) - shift
    values = noisy(mixture([[*a, 5.0, 1.0], [*b, 5.0, 1.0]]))
    one = mixture([[20.2, 19.7, 9.0, 1.1]])
    found = split(one, values - render(one, SEEN.shape), SEEN, NOISE, 8.0)
    assert len(found) == 2
    expected = np.array(sorted([a.tolist(), b.tolist()], key=lambda p: p[0] * 100 + p[1]))
    order = np.argsort(found.yx[:, 0] * 100 + found.yx[:, 1])
    np.testing.assert_allclose(found.yx[order], expected, atol=0.15)


def test_one_spot_is_not_split():
    truth = mixture([[20.2, 19.7, 6.0, 1.0]])
    assert len(split(truth, noisy(truth) - render(truth, SEEN.shape), SEEN, NOISE, 8.0)) == 1


def test_a_wide_spot_is_not_split():
    truth = mixture([[20.2, 19.7, 6.0, 1.15]])
    one = mixture([[20.2, 19.7, 6.0, 1.0]])
    assert len(split(one, noisy(truth) - render(one, SEEN.shape), SEEN, NOISE, 8.0)) == 1


def test_two_on_one_spot_are_merged_into_it():
    truth = mixture([[20.2, 19.7, 6.0, 1.0]])
    twins = mixture([[20.2, 19.2, 3.0, 1.0], [20.2, 20.2, 3.0, 1.0]])
    found = merge(twins, noisy(truth) - render(twins, SEEN.shape), SEEN, NOISE, 8.0)
    assert len(found) == 1
    np.testing.assert_allclose(found.yx, truth.yx, atol=0.1)


def test_coinciding_components_are_merged():
    truth = mixture([[20.0, 20.0, 6.0, 1.0]])
    twins = mixture([[20.0, 20.0, 3.0, 1.0], [20.0, 20.0, 3.0, 1.0]])
    assert len(merge(twins, noisy(truth) - render(twins, SEEN.shape), SEEN, NOISE, 8.0)) == 1


def test_two_true_neighbours_are_left_alone():
    pair = mixture([[20.0, 19.0, 5.0, 1.0], [20.0, 21.2, 5.0, 1.0]])
    found = merge(pair, noisy(pair) - render(pair, SEEN.shape), SEEN, NOISE, 8.0)
    np.testing.assert_array_equal(found.yx, pair.yx)


def test_the_gradient_is_that_of_the_model():
    pair = mixture([[20.3, 19.1, 5.0, 1.1], [21.0, 21.2, 3.0, 0.9]])
    place = LocalFit(np.array([[20.5, 20.0]]), pair, np.zeros(SEEN.shape), SEEN, NOISE)
    spots = pair.spots[None]
    gradient, value = place._gradient(spots)
    np.testing.assert_allclose(value, place.model(spots))
    for parameter in range(8):
        step = np.zeros(8)
        step[parameter] = 1e-6
        moved = spots + step.reshape(1, 2, 4)
        if parameter % 4 == 3:
            moved = spots * np.exp(step.reshape(1, 2, 4))
        numeric = (place.model(moved) - value) / 1e-6
        np.testing.assert_allclose(gradient[0, parameter], numeric[0], atol=1e-5)
