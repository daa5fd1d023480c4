"""What an instrument adds, each against its own definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.special import j0

from napari_stm_impurities.physics import instrument


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("noise", [instrument.white_noise, instrument.line_noise])
def test_noise_is_drawn_from_the_generator_alone(noise):
    shape = (2, 3, 40, 30)
    assert torch.equal(noise(shape, generator(4)), noise(shape, generator(4)))
    assert not torch.equal(noise(shape, generator(4)), noise(shape, generator(5)))


def test_white_noise_has_a_width_of_one_and_no_neighbourhood():
    noise = instrument.white_noise((4, 4, 64, 64), generator()).numpy()
    assert noise.std() == pytest.approx(1, abs=0.01)
    assert noise.mean() == pytest.approx(0, abs=0.02)
    assert abs((noise[..., 1:] * noise[..., :-1]).mean()) < 0.02


def test_line_noise_is_the_same_along_a_line_and_another_on_the_next():
    noise = instrument.line_noise((8, 8, 64, 20), generator()).numpy()
    assert (noise == noise[..., :1]).all()
    lines = noise[..., 0]
    assert lines.std() == pytest.approx(1, abs=0.03)
    assert len(np.unique(lines)) == lines.size


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_correlated_noise_falls_with_the_frequency_to_its_exponent(exponent):
    noise = instrument.correlated_noise((2, 40, 96, 96), torch.full((2,), exponent), generator()).numpy()
    np.testing.assert_allclose(noise.std((-2, -1)), 1, rtol=0.01)
    power = (np.abs(np.fft.fft2(noise)) ** 2).mean((0, 1))
    q = np.hypot(np.fft.fftfreq(96)[:, None], np.fft.fftfreq(96)[None])
    middle = (q > 0.05) & (q < 0.4)
    slope = np.polyfit(np.log(q[middle]), np.log(power[middle]), 1)[0]
    assert slope == pytest.approx(-exponent, abs=0.08)


def test_each_window_is_blurred_by_its_own_gaussian():
    maps = torch.randn(2, 3, 24, 30, generator=generator())
    out = instrument.blur(maps, torch.tensor([0.7, 1.6])).numpy()
    for window, sigma in enumerate((0.7, 1.6)):
        for one, blurred in zip(maps[window].numpy(), out[window], strict=True):
            expected = ndimage.gaussian_filter(one, sigma, radius=5, mode="nearest")
            np.testing.assert_allclose(blurred, expected, atol=2e-3)


def test_no_blur_leaves_the_maps_alone():
    maps = torch.randn(1, 2, 12, 12, generator=generator())
    torch.testing.assert_close(instrument.blur(maps, torch.zeros(1)), maps)


def test_herringbone_has_its_period_along_its_direction():
    side, period = 96, 12.0
    for angle, axis in ((0.0, 1), (math.pi / 2, 0)):
        stripes = instrument.herringbone(
            torch.tensor([angle]), torch.tensor([period]), torch.zeros(1), side, side
        ).numpy()[0]
        assert np.ptp(stripes, axis=1 - axis).max() < 1e-4
        line = stripes.take(0, axis=1 - axis)
        power = np.abs(np.fft.rfft(line)) ** 2
        power[0] = 0
        assert power.argmax() == side / period
        assert 0.6 < np.abs(line).max() < 1.1


def test_a_step_jumps_once_and_reflects_a_standing_wave():
    side, offset, k = 60, 7.0, 0.4
    jump, wave = instrument.atomic_step(
        torch.zeros(1), torch.tensor([offset]), torch.tensor([0.5]), torch.tensor([[k]]), 20, side
    )
    assert jump.shape == (1, 1, 20, side)
    assert wave.shape == (1, 1, 20, side)
    across = np.arange(side) - (side - 1) / 2 - offset
    # one side is half a step up, the other half a step down; nothing changes along the step
    np.testing.assert_allclose(jump[0, 0].numpy(), np.tile(0.5 * np.tanh(across / 0.5), (20, 1)), atol=1e-5)
    assert float(jump.max() - jump.min()) == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(wave[0, 0].numpy(), np.tile(j0(2 * k * np.abs(across)), (20, 1)), atol=1e-5)
