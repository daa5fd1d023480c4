"""Each artefact alone, against what its formula says of the maps."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import special, stats
from torch import Tensor

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.simulation.artefacts import TRAINING_ARTEFACTS, BaseArtefact, Context
from napari_stm_impurities.simulation.artefacts.atomic_step import AtomicStep
from napari_stm_impurities.simulation.artefacts.blunt_tip import BluntTip
from napari_stm_impurities.simulation.artefacts.correlated_noise import CorrelatedNoise
from napari_stm_impurities.simulation.artefacts.herringbone import Herringbone
from napari_stm_impurities.simulation.artefacts.inverted_contrast import InvertedContrast
from napari_stm_impurities.simulation.artefacts.lattice import AtomicLattice
from napari_stm_impurities.simulation.artefacts.line_noise import LineNoise
from napari_stm_impurities.simulation.artefacts.missing_pixels import MissingPixels
from napari_stm_impurities.simulation.artefacts.set_point import SetPoint
from napari_stm_impurities.simulation.artefacts.spikes import Spikes
from napari_stm_impurities.simulation.artefacts.texture import Texture
from napari_stm_impurities.simulation.artefacts.tilt import Tilt
from napari_stm_impurities.simulation.artefacts.white_noise import WhiteNoise

SIDE = 48
K = 0.5


def put(artefact: BaseArtefact, n: int = 8, n_maps: int = 3, maps: Tensor | None = None, seed: int = 0) -> Tensor:
    """Bare maps (or `maps`) with the artefact in each window."""
    bare = torch.zeros(n, n_maps, SIDE, SIDE) if maps is None else maps
    context = Context(torch.full(bare.shape[:2], K))
    return artefact.apply(bare, context, torch.Generator().manual_seed(seed))


def strongest_frequency(image: Tensor) -> float:
    """In cycles a pixel, from a zero-padded Fourier transform."""
    padded = torch.fft.rfft2(image - image.mean(), s=(1024, 1024)).abs()
    y, x = divmod(int(padded.argmax()), padded.shape[1])
    return math.hypot(min(y, 1024 - y), x) / 1024


@pytest.mark.parametrize("artefact", TRAINING_ARTEFACTS, ids=lambda artefact: artefact.kind)
@pytest.mark.parametrize("n_maps", [1, 4])
def test_the_shape_stays_and_the_same_seed_gives_the_same_maps(artefact, n_maps):
    maps = torch.randn(3, n_maps, 20, 20, generator=torch.Generator().manual_seed(1))
    context = Context(torch.full((3, n_maps), K))
    first, again, other = (artefact.apply(maps, context, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert first.shape == maps.shape
    assert first.dtype == maps.dtype
    assert torch.equal(first.nan_to_num(), again.nan_to_num())
    if artefact.kind not in ("set_point", "inverted_contrast"):
        assert not torch.equal(first.nan_to_num(), other.nan_to_num())


def test_a_blunt_tip_damps_ripples_as_a_gaussian_does():
    x = torch.arange(SIDE, dtype=torch.float32)
    wave = torch.cos(2 * K * x).expand(1, 1, SIDE, SIDE)
    blunt = put(BluntTip(sigma_per_k=0.8), maps=wave)
    inner = (slice(None), slice(None), slice(8, -8), slice(8, -8))
    torch.testing.assert_close(blunt[inner], wave[inner] * math.exp(-0.5 * (2 * 0.8) ** 2), atol=2e-3, rtol=0)
    torch.testing.assert_close(put(BluntTip(sigma_per_k=0), maps=wave), wave)


def test_the_set_point_takes_a_part_of_the_mean_off_each_map_but_not_of_one_or_two():
    maps = torch.randn(4, 5, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    mean = maps.mean(1, keepdim=True)
    torch.testing.assert_close(put(SetPoint(strength=0.6), maps=maps), maps - 0.6 * mean)
    assert torch.equal(put(SetPoint(strength=0.6), maps=maps[:, :2]), maps[:, :2])


def test_a_step_is_as_high_as_said_goes_either_way_and_reflects_a_bessel_wave():
    high = put(AtomicStep(height=4.0, wave=0.0, width_px=2.0), n=300, n_maps=1)
    assert float(high.abs().max()) == pytest.approx(2.0, rel=1e-3)
    # whether the first pixel lies above or below is a fair coin
    assert abs(float((high[:, 0, 0, 0] > 0).float().mean()) - 0.5) < 4 * 0.5 / math.sqrt(300)
    # both terraces are seen in each window
    assert (high.amax((1, 2, 3)) > 0).all()
    assert (high.amin((1, 2, 3)) < 0).all()
    # how far a pixel lies from the step, from the rise; and there the wave of Crommie et al.
    across = 2.0 * torch.atanh((high / 2).clamp(-0.9999, 0.9999)).double().numpy()
    wave = (put(AtomicStep(height=4.0, wave=1.5, width_px=2.0), n=300, n_maps=1) - high).double().numpy()
    near = np.abs(across) < 5
    np.testing.assert_allclose(wave[near], 1.5 * special.j0(2 * K * np.abs(across[near])), atol=2e-3)


def test_the_herringbone_has_the_period_that_was_asked_for_in_either_unit():
    per_k = put(Herringbone(amplitude=2.0, period_per_k=4.0))
    in_nm = Herringbone(amplitude=2.0, period_nm=6.3).apply(
        torch.zeros(8, 3, SIDE, SIDE), Context(torch.full((8, 3), K), pixel_size_nm=0.45), torch.Generator()
    )
    for maps, period_px in ((per_k, 4.0 / K), (in_nm, 6.3 / 0.45)):
        assert torch.equal(maps[:, 0], maps[:, 2])
        for window in maps:
            assert strongest_frequency(window[0]) == pytest.approx(1 / period_px, rel=0.05)
        # the stripe and its harmonic, 0.7 and 0.3 of the amplitude
        assert float(maps.abs().max()) <= 2.0 + 1e-5
    with pytest.raises(StmError, match="period_per_k"):
        put(Herringbone(period_nm=6.3))


def test_a_lattice_has_two_sets_of_rows_and_is_the_same_at_every_bias():
    maps = put(AtomicLattice(amplitude=1.0, period_px=4.0))
    assert torch.equal(maps[:, 0], maps[:, 2])
    q = np.hypot(np.fft.fftfreq(1024)[:, None], np.fft.rfftfreq(1024)[None])
    for window in maps:
        assert strongest_frequency(window[0]) == pytest.approx(1 / 4, rel=0.03)
        power = (torch.fft.rfft2(window[0], s=(1024, 1024)).abs() ** 2).numpy()
        assert power[np.abs(q - 0.25) < 0.03].sum() > 0.8 * power.sum()
    # two cosines of amplitude 1 at any angle
    assert float(maps.square().mean()) == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize("static_share", [0.0, 1.0])
def test_a_texture_has_its_amplitude_and_smoothness_and_stays_or_changes_with_the_bias(static_share):
    sigma = 1.5
    maps = put(Texture(amplitude=0.7, sigma_px=sigma, static_share=static_share), n=20)
    torch.testing.assert_close(maps.std((-2, -1)), torch.full((20, 3), 0.7))
    assert torch.equal(maps[:, 0], maps[:, 1]) == bool(static_share)
    # white noise under a Gaussian has the autocorrelation exp(-d^2 / 4 sigma^2)
    one, other = maps[..., 6:-6, 6:-7], maps[..., 6:-6, 7:-6]
    assert float((one * other).mean() / one.square().mean()) == pytest.approx(math.exp(-1 / (4 * sigma**2)), abs=0.02)


def test_a_tilt_is_a_plane_that_rises_by_what_was_said():
    maps = put(Tilt(rise=1.6), n=30)
    dy, dx = maps.diff(dim=-2), maps.diff(dim=-1)
    for step in (dy, dx):
        torch.testing.assert_close(step, step[..., :1, :1].expand_as(step), atol=1e-5, rtol=0)
    rise = SIDE * torch.hypot(dy[..., 0, 0], dx[..., 0, 0])
    torch.testing.assert_close(rise, torch.full_like(rise, 1.6), rtol=1e-3, atol=1e-3)
    # in any direction
    assert (dy[:, 0, 0, 0] > 0).any()
    assert (dy[:, 0, 0, 0] < 0).any()


def test_white_noise_is_gaussian_and_independent():
    noise = put(WhiteNoise(amplitude=0.4)).double().numpy() / 0.4
    assert stats.kstest(noise.ravel(), "norm").pvalue > 0.01
    for one, other in ((noise[..., 1:], noise[..., :-1]), (noise[:, 1:], noise[:, :-1])):
        assert abs((one * other).mean()) < 4 / math.sqrt(one.size)


def test_line_noise_is_one_gaussian_number_a_line():
    noise = put(LineNoise(amplitude=0.4), n=40).double().numpy() / 0.4
    assert (noise == noise[..., :1]).all()
    assert stats.kstest(noise[..., 0].ravel(), "norm").pvalue > 0.01


@pytest.mark.parametrize("exponent", [0.7, 2.0])
def test_the_power_of_correlated_noise_falls_as_said(exponent):
    noise = put(CorrelatedNoise(amplitude=0.8, exponent=exponent), n=30)
    torch.testing.assert_close(noise.std((-2, -1)), torch.full((30, 3), 0.8))
    power = torch.fft.rfft2(noise).abs().square().mean((0, 1)).numpy()
    q = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
    some = (q > 0.05) & (q < 0.4)
    slope = stats.linregress(np.log(q[some]), np.log(power[some])).slope
    assert slope == pytest.approx(-exponent, abs=0.1)
    assert not torch.equal(noise[:, 0], noise[:, 1])


def test_spikes_are_few_and_high():
    maps = put(Spikes(), n=60)
    bad = maps != 0
    n = maps.numel()
    assert abs(int(bad.sum()) - 0.001 * n) < 4 * math.sqrt(0.001 * n)
    assert float(maps[bad].std()) == pytest.approx(10.0, rel=4 / math.sqrt(2 * 0.001 * n))


def test_inverted_contrast_is_the_sign():
    maps = torch.randn(2, 2, SIDE, SIDE)
    assert torch.equal(put(InvertedContrast(), maps=maps), -maps)


def test_missing_pixels_are_the_last_rows_or_single_ones_at_every_bias():
    gone = put(MissingPixels(), n=400).isnan()
    assert torch.equal(gone[:, 0], gone[:, 2])
    gone = gone[:, 0]
    whole_rows = torch.equal(gone.any(-1), gone.all(-1))
    assert not whole_rows
    rows = (gone.any(-1) == gone.all(-1)).all(-1)
    assert abs(float(rows.float().mean()) - 0.5) < 4 * 0.5 / math.sqrt(400)
    first = gone[rows].all(-1).float().argmax(-1)
    # from the middle on to the last row, each as often
    assert set(first.tolist()) <= set(range(SIDE // 2, SIDE))
    assert stats.kstest((first.numpy() + 0.5) / SIDE * 2 - 1, "uniform").pvalue > 0.01
    # and nothing comes after a missing row
    assert (gone[rows].all(-1).float().diff(dim=-1) >= 0).all()
    single = gone[~rows].float().mean()
    assert float(single) == pytest.approx(0.01, rel=0.1)


def test_an_amplitude_is_even_on_a_logarithmic_scale():
    amplitude = put(WhiteNoise(amplitude=(0.02, 1.6)), n=400, n_maps=1).std((-3, -2, -1)).double().numpy()
    share = np.log(amplitude / 0.02) / np.log(1.6 / 0.02)
    # the standard deviation of 48 x 48 pixels is itself known to 1.5 % only
    assert stats.kstest(share, "uniform").pvalue > 0.01
