"""The detection limit: its energy against sums over pixels, its bound against the spread of a matched filter."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from napari_stm_impurities.physics.instrument import line_noise, pixel_grid, white_noise
from napari_stm_impurities.physics.scattering import ldos_modulation, t_matrix
from napari_stm_impurities.simulation.artefacts.white_noise import WhiteNoise
from napari_stm_impurities.simulation.config import ScatteringConfig
from napari_stm_impurities.simulation.detectability import detectable, near_field_energy, noise_power, ripple_energy
from napari_stm_impurities.simulation.scattering_windows import scattering_windows

SIDE = 64
CENTRE = torch.tensor([[31.5, 31.5]])


def ripples(k: torch.Tensor, t: torch.Tensor, path: float) -> torch.Tensor:
    """The maps of one impurity in the middle, shape (bias, pixel), and its distance from each pixel."""
    grid = pixel_grid(SIDE, SIDE, torch.device("cpu")).expand(len(k), -1, -1)
    return ldos_modulation(CENTRE, k, t, grid, path)


@pytest.mark.parametrize("nearest_per_k", [0.6, 1.5, 3.0])
@pytest.mark.parametrize(("k", "delta", "path"), [(0.3, 1.2, 400.0), (0.6, 0.4, 60.0), (0.9, 2.0, 20.0)])
def test_the_energy_of_the_ripples_is_the_sum_over_the_pixels(k, delta, path, nearest_per_k):
    k_tensor = torch.tensor([k])
    t = t_matrix(torch.tensor([[delta]]), torch.zeros(1, 1))
    nearest = nearest_per_k / k
    distance = torch.linalg.norm(pixel_grid(SIDE, SIDE, torch.device("cpu")) - CENTRE, dim=1)
    ring = (distance > nearest) & (distance < SIDE / 2)
    summed = float((ripples(k_tensor, t, path)[0, ring] ** 2).sum())
    # with one half in place of cos^2, which near the impurity depends on its phase
    assert float(ripple_energy(t, k_tensor, path, nearest, SIDE)) == pytest.approx(summed, rel=0.35)


def test_the_energy_of_a_near_field_is_the_sum_over_the_pixels():
    distance = torch.linalg.norm(pixel_grid(SIDE, SIDE, torch.device("cpu")) - CENTRE, dim=1)
    summed = float((3.0 * torch.exp(-2 * (distance / 5.0) ** 2)).square().sum())
    assert float(near_field_energy(torch.tensor(3.0), 5.0)) == pytest.approx(summed, rel=1e-3)


def test_no_estimate_of_the_amplitude_is_better_than_the_bound_and_a_matched_filter_reaches_it():
    k, sigma = torch.tensor([0.5, 0.6]), 0.3
    t = t_matrix(torch.tensor([[1.0], [1.0]]), torch.zeros(2, 1))
    signal = ripples(k, t, 100.0).flatten().double().numpy()
    draw = np.random.default_rng(0)
    noisy = 0.7 * signal + sigma * draw.normal(size=(4000, signal.size))
    estimate = noisy @ signal / (signal @ signal)
    bound = sigma / math.sqrt(signal @ signal)
    assert estimate.mean() == pytest.approx(0.7, abs=4 * bound / math.sqrt(4000))
    assert estimate.std() == pytest.approx(bound, rel=0.05)


def test_the_power_of_white_noise_is_its_variance_and_line_offsets_hardly_count():
    generator = torch.Generator().manual_seed(0)
    k = torch.full((20, 2), 0.4)
    white = 0.5 * white_noise((20, 2, SIDE, SIDE), generator)
    power = noise_power(white, k)
    np.testing.assert_allclose(power.mean(), 0.25, rtol=0.03)
    with_lines = noise_power(white + line_noise((20, 2, SIDE, SIDE), generator), k)
    # offsets of variance 1, where the mean of the spectrum over the ring would give several times as much
    np.testing.assert_allclose(with_lines.mean(), 0.25, rtol=0.2)


def test_the_limit_is_what_noise_alone_reaches_somewhere_in_the_frame():
    # the largest of N independent unit Gaussians
    draw = np.random.default_rng(1)
    largest = draw.normal(size=(400, SIDE**2)).max(1)
    limit = math.sqrt(2 * math.log(SIDE**2))
    assert largest.mean() < limit < np.quantile(largest, 0.99)
    energy = torch.tensor([[0.9, 1.1]]) * limit**2 * 0.25
    assert detectable(energy, torch.tensor([0.25]), SIDE**2).tolist() == [False, True]
    # maps add up
    assert detectable(energy.expand(2, 2), torch.tensor([0.25, 0.25]), SIDE**2).all()


def labelled_share(noise: float, strength: float | tuple[float, float]):
    config = ScatteringConfig.of(
        side_px=32, n_maps=(1, 1), empty_share=0.0, strength_share=1.0, strength=strength, structures=(),
        weak_share=0.0, near_field_random_share=0.0, artefacts=[WhiteNoise(amplitude=noise)],
    )  # fmt: skip
    made = scattering_windows(config, 16, torch.Generator().manual_seed(5))
    inside = ((made.yx_px > -0.5) & (made.yx_px < 31.5)).all(-1)
    return int(made.present.sum()) / int(inside.sum())


def test_impurities_are_labelled_down_to_the_limit_and_not_below_it():
    # the noise is in units of the ripples, whatever the strength that all have in common
    shares = [labelled_share(noise, 1.0) for noise in (0.02, 0.5, 1.5, 20.0)]
    assert shares[0] > 0.99
    assert shares == sorted(shares, reverse=True)
    assert shares[3] < 0.02
    # of different strengths, the weakest lie below the limit
    assert 0.5 < labelled_share(0.3, (0.0, 1.0)) < 0.97 * labelled_share(0.3, 1.0)
