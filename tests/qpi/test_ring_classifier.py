"""The odds of a ring at each frequency: worked out as torch does it, the same on any scale, high at 2k."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest
import torch

from napari_stm_impurities import qpi
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.physics.dispersion import Dispersion
from napari_stm_impurities.qpi.ring_classifier import ring_inputs, ring_log_odds
from napari_stm_impurities.qpi.spectrum import radial_spectrum
from napari_stm_impurities.simulation.surface import SurfaceConfig, simulate_surface


def gold(n_biases: int = 3):
    config = SurfaceConfig.of(n_biases=n_biases, bias_start_mv=-100.0, noise_share=0.3)
    return simulate_surface("Au(111)", 5, config=config).stack


def test_the_network_gives_what_torch_gives_with_its_weights():
    spectrum = radial_spectrum(gold())
    _, inputs = ring_inputs(spectrum)
    signal = torch.from_numpy(inputs)
    with resources.as_file(resources.files(qpi) / "ring_classifier.npz") as path, np.load(path) as file:
        for layer in range(5):
            weight, bias = (torch.from_numpy(file[f"{name}{layer}"]) for name in ("weight", "bias"))
            signal = torch.nn.functional.conv1d(signal, weight, bias, dilation=2**layer, padding=2 * 2**layer).relu()
        last = torch.nn.functional.conv1d(signal, torch.from_numpy(file["weight5"]), torch.from_numpy(file["bias5"]))
    odds = ring_log_odds(spectrum)
    seen = odds.log_q > np.log(3 * spectrum.resolution_per_nm)
    np.testing.assert_allclose(odds.log_odds[:, seen], last[:, 0].numpy()[:, seen], atol=1e-3)
    assert (odds.log_odds[:, ~seen] < -20).all()


def test_the_size_of_a_pixel_shifts_the_odds_and_nothing_else():
    stack = gold()
    plain = ring_log_odds(radial_spectrum(stack))
    twice = ring_log_odds(radial_spectrum(make_stack(stack.values, stack.bias.values, 2 * 37.5 / 80)))
    np.testing.assert_allclose(plain.log_q - twice.log_q, np.log(2))
    np.testing.assert_allclose(plain.log_odds, twice.log_odds, atol=1e-3)


def test_the_odds_are_highest_at_twice_k():
    stack = gold()
    odds = ring_log_odds(radial_spectrum(stack))
    top = np.exp(odds.log_q[odds.log_odds.argmax(1)])
    np.testing.assert_allclose(top / 2, Dispersion.of("Au(111)").k_per_nm(stack.bias.values), rtol=0.06)
    # and a ring somewhere is far likelier than none
    assert (np.logaddexp.reduce(odds.log_odds, axis=1) > 3).all()


@pytest.mark.parametrize("seed", range(4))
def test_in_noise_a_ring_is_not_much_likelier_than_none(seed):
    noise = np.random.default_rng(seed).normal(size=(3, 80, 80))
    odds = ring_log_odds(radial_spectrum(make_stack(noise, [-1, 0, 1], 0.47)))
    assert (np.logaddexp.reduce(odds.log_odds, axis=1) < 3).all()
