"""The evidence for a spot: its error bars and its false alarms, against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import maximum_filter

from napari_stm_impurities.spots.evidence import PROFILE_ERROR, false_alarms, posterior, prune, signal_to_noise
from napari_stm_impurities.spots.mixture import Mixture
from napari_stm_impurities.spots.profile import Profile
from napari_stm_impurities.spots.seeds import matched_filter

SEEN = np.ones((40, 40), dtype=bool)


def mixture(spots: list[list[float]], fwhm_px: float = 3.0) -> Mixture:
    return Mixture.empty(Profile.gaussian(fwhm_px), np.ones(2)).plus(np.array(spots))


def test_an_isolated_spot_has_the_ratio_of_the_matched_filter():
    # the profile's own error counts as noise, so the spot is kept low
    spot = mixture([[20.0, 20.0, 1e-3, 1.0]])
    std = spot.profile.std[0]
    expected = 1e-3 / (2 * np.sqrt(np.pi) * std) / 1e-4
    assert signal_to_noise(spot, SEEN, 1e-4)[0] == pytest.approx(expected, rel=0.05)


def test_two_components_on_one_spot_are_worth_little():
    alone = signal_to_noise(mixture([[20.0, 20.0, 10.0, 1.0]]), SEEN, 0.1)
    twins = signal_to_noise(mixture([[20.0, 19.9, 5.0, 1.0], [20.0, 20.1, 5.0, 1.0]]), SEEN, 0.1)
    apart = signal_to_noise(mixture([[20.0, 10.0, 5.0, 1.0], [20.0, 30.0, 5.0, 1.0]]), SEEN, 0.1)
    assert twins.max() < 0.2 * apart.min()
    assert apart.max() < alone[0]


def test_false_alarms_are_as_frequent_as_in_white_noise():
    empty = Mixture.empty(Profile.gaussian(4.0), np.ones(2))
    seen = np.ones((128, 128), dtype=bool)
    above = 0
    for seed in range(12):
        noise = np.random.default_rng(seed).normal(size=seen.shape)
        mass, norm = matched_filter(noise, seen, empty.profile, empty.aspect)
        ratio = (mass * norm)[20:-20, 20:-20]
        inner = ratio[1:-1, 1:-1]
        above += int(((inner == maximum_filter(ratio, 3)[1:-1, 1:-1]) & (inner > 3.0)).sum())
    expected = false_alarms(3.0, empty, 12 * 108 * 108)
    assert above == pytest.approx(expected, rel=0.3)


def test_what_is_weak_or_outside_goes_and_the_rest_stays():
    spots = mixture([[10.0, 10.0, 10.0, 1.0], [30.0, 30.0, 0.05, 1.0], [-3.0, 20.0, 10.0, 1.0]])
    assert prune(spots, SEEN, 0.1, 0.5).yx.tolist() == [[10.0, 10.0]]


def test_nothing_is_kept_where_the_strongest_could_be_noise():
    # 3 sigma is no surprise in 1600 pixels
    std = Profile.gaussian(3.0).std[0]
    weak = 3.0 * 0.1 * 2 * np.sqrt(np.pi) * std
    assert len(prune(mixture([[10.0, 10.0, weak, 1.0]]), SEEN, 0.1, 0.0)) == 0


def test_the_posterior_rises_with_the_ratio():
    many = mixture([[10.0, 10.0, 1.0, 1.0]] * 5)
    values = posterior(np.array([2.0, 4.0, 5.0, 6.0, 9.0]), many, 1600)
    assert (np.diff(values) > 0).all()
    assert values[0] < 0.1
    assert values[-1] > 0.99


def test_ratios_of_many_spots_are_those_of_the_whole_information_at_once():
    rng = np.random.default_rng(0)
    yx = rng.uniform(0, 119, (80, 2))
    many = mixture([[y, x, m, 1.0] for (y, x), m in zip(yx, rng.uniform(2, 5, 80), strict=True)])
    seen = np.ones((120, 120), dtype=bool)
    # the Fisher information of all masses and centres, from the profile's derivatives by finite differences
    grid = np.stack(np.meshgrid(np.arange(120.0), np.arange(120.0), indexing="ij"), axis=-1)

    def spot(at):
        return many.profile.at(((grid - at) ** 2).sum(-1))

    step = 1e-4
    templates = [spot(at) for at in many.yx]
    for axis in np.eye(2) * step:
        slopes = [(spot(at + axis) - spot(at - axis)) / (2 * step) for at in many.yx]
        templates += [m * slope for m, slope in zip(many.mass, slopes, strict=True)]
    model = sum(m * one for m, one in zip(many.mass, templates[:80], strict=True))
    jacobian = np.stack([one.ravel() for one in templates])
    weight = 1 / (0.1**2 + (PROFILE_ERROR * model.ravel()) ** 2)
    variance = np.diag(np.linalg.inv((jacobian * weight) @ jacobian.T))[:80]
    np.testing.assert_allclose(signal_to_noise(many, seen, 0.1), many.mass / np.sqrt(variance), rtol=0.01)
