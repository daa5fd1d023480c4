"""The artefacts of the instrument, each alone, against what its formula says of the maps."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import interpolate, stats
from torch import Tensor

from napari_stm_impurities.simulation.artefacts import BaseArtefact, Context, Frames
from napari_stm_impurities.simulation.artefacts.atomic_step import AtomicStep
from napari_stm_impurities.simulation.artefacts.bad_lines import BadLines
from napari_stm_impurities.simulation.artefacts.bias_noise import BiasNoise
from napari_stm_impurities.simulation.artefacts.clipping import Clipping
from napari_stm_impurities.simulation.artefacts.creep import Creep
from napari_stm_impurities.simulation.artefacts.feedback_ringing import FeedbackRinging
from napari_stm_impurities.simulation.artefacts.flicker_noise import FlickerNoise
from napari_stm_impurities.simulation.artefacts.mains_pickup import MainsPickup
from napari_stm_impurities.simulation.artefacts.quantisation import Quantisation
from napari_stm_impurities.simulation.artefacts.scars import Scars
from napari_stm_impurities.simulation.artefacts.tip_change import TipChange

SIDE = 48
K = 0.5


def bare(n: int = 8, n_maps: int = 3) -> Tensor:
    return torch.zeros(n, n_maps, SIDE, SIDE)


def rough(n: int = 8, n_maps: int = 3) -> Tensor:
    return torch.randn(n, n_maps, SIDE, SIDE, generator=torch.Generator().manual_seed(9))


def context(maps: Tensor) -> Context:
    return Context(torch.full(maps.shape[:2], K))


def put(artefact: BaseArtefact, maps: Tensor, seed: int = 0) -> Tensor:
    return artefact.apply(maps, context(maps), torch.Generator().manual_seed(seed))


def test_pick_up_peaks_at_its_frequency_and_is_coherent_from_line_to_line():
    values = {"amplitude": 1.2, "cycles_per_px": 0.21, "cycles_per_line": 0.13, "harmonic": 0.0}
    maps = put(MainsPickup.of(**values, phase_drift_rad=0.0), bare())
    power = torch.fft.rfft2(maps, s=(960, 960)).abs() ** 2
    for window in power.flatten(0, 1):
        row, column = divmod(int(window.argmax()), window.shape[1])
        assert column / 960 == pytest.approx(0.21, abs=0.004)
        assert row / 960 == pytest.approx(0.13, abs=0.004)
    # one sine of that amplitude, with a phase of its own in each map
    assert float(maps.square().mean()) == pytest.approx(1.2**2 / 2, rel=0.02)
    assert not torch.allclose(maps[:, 0], maps[:, 1], atol=0.1)
    # a drifting phase: the coherence of two lines falls as exp(-n sigma^2 / 2)
    drifting = put(MainsPickup.of(**values, phase_drift_rad=0.2), bare(60))
    x = np.arange(SIDE)
    phase = np.angle(drifting.numpy() @ np.exp(-2j * np.pi * 0.21 * x))
    apart = 10
    turn = phase[..., apart:] - phase[..., :-apart] - 2 * np.pi * 0.13 * apart
    # the window holds 10.08 periods, so that the phase of a line has an error of its own
    assert np.exp(1j * turn).mean().real == pytest.approx(math.exp(-apart * 0.2**2 / 2), abs=0.05)


def test_the_harmonic_of_pick_up_has_its_share():
    maps = put(
        MainsPickup.of(amplitude=1.0, cycles_per_px=0.125, cycles_per_line=0.0, phase_drift_rad=0.0, harmonic=0.4),
        bare(),
    )
    spectrum = torch.fft.rfft(maps).abs()
    torch.testing.assert_close(spectrum[..., 12], 0.4 * spectrum[..., 6], rtol=1e-3, atol=1e-3)


def test_a_scar_is_a_ringing_trail_in_a_few_lines_only():
    values = {"count": 1, "lines": 2, "height": 5.0, "decay_px": 6.0, "period_px": 8.0}
    maps = put(Scars.of(**values, static_share=0.0), bare(40))
    touched = (maps != 0).any(-1)
    assert int(touched.sum(-1).max()) == 2
    assert not torch.equal(touched[:, 0], touched[:, 1])
    assert float(maps.abs().max()) <= 5.0
    for line in maps[touched].numpy():
        start = int(np.flatnonzero(line)[0])
        trail = line[start:]
        # a period later it is lower by exp(-8/6)
        if len(trail) > 8:
            np.testing.assert_allclose(trail[8:], math.exp(-8 / 6) * trail[:-8], atol=1e-5)
        assert (line[:start] == 0).all()
    static = put(Scars.of(**values, static_share=1.0), bare(40))
    assert torch.equal(static[:, 0], static[:, 2])


def test_a_tip_change_is_a_factor_and_an_offset_from_a_line_on():
    maps = rough(30)
    changed = put(TipChange.of(contrast=0.6, offset=2.5, first_row_share=(0.2, 0.8), static_share=1.0), maps)
    expected = 0.6 * maps + 2.5
    is_old, is_new = (changed == maps).all(-1).all(1), torch.isclose(changed, expected).all(-1).all(1)
    assert (is_old ^ is_new).all()
    first = is_new.float().argmax(-1)
    assert (is_new.float().diff(dim=-1) >= 0).all()
    assert first.min() >= 9
    assert first.max() <= 39
    assert len(first.unique()) > 10
    # or in one of the maps
    one = put(TipChange.of(contrast=0.6, offset=2.5, static_share=0.0), maps)
    assert ((one != maps).flatten(2).any(-1).sum(1) == 1).all()


def test_feedback_ringing_answers_a_line_with_a_damped_oscillation_behind_it():
    maps = bare(3)
    maps[..., 20] = 1.0
    answered = put(FeedbackRinging(overshoot=0.4, decay_px=3.0, period_px=7.0), maps)
    behind = np.arange(1, SIDE - 20)
    expected = -0.4 * np.exp(-(behind - 1) / 3.0) * np.cos(2 * np.pi * (behind - 1) / 7.0)
    np.testing.assert_allclose(answered[..., 21:], np.broadcast_to(expected, (3, 3, SIDE, 27)), atol=1e-6)
    assert torch.equal(answered[..., :21], maps[..., :21])


def test_creep_moves_rows_by_an_exponential_and_the_truth_with_them():
    creep = Creep(length_px=4.0, decay_lines=12.0)
    n = 6
    vector, decay = creep.displacement(n, torch.Generator().manual_seed(3))
    np.testing.assert_allclose(torch.linalg.norm(vector, dim=1), 4.0, rtol=1e-5)
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    smooth = np.cos(0.3 * y) * np.sin(0.25 * x + 1)
    maps = torch.from_numpy(smooth).float().expand(n, 2, SIDE, SIDE)
    yx = torch.tensor([[10.0, 20.0], [16.0, 30.0], [25.0, 10.0], [40.0, 40.0]]).expand(n, -1, -1)
    spots = torch.exp(
        -0.5
        * ((torch.from_numpy(y)[:, :, None] - yx[0, :, 0]) ** 2 + (torch.from_numpy(x)[:, :, None] - yx[0, :, 1]) ** 2)
        / 1.5**2
    )
    frames = Frames(
        torch.cat([maps, spots.sum(-1).float().expand(n, 1, SIDE, SIDE)], 1),
        torch.zeros(n, 3, SIDE, SIDE),
        spots.sum(-1).float().expand(n, SIDE, SIDE),
        yx,
    )
    moved = creep.record(frames, context(frames.maps), torch.Generator().manual_seed(3))
    exact = interpolate.RectBivariateSpline(np.arange(SIDE), np.arange(SIDE), smooth)
    # cubic interpolation is wrong by up to 0.02 at these wave vectors
    for window in range(n):
        fall = np.exp(-y / float(decay[window]))
        at_y, at_x = (axis + float(part) * fall for axis, part in zip((y, x), vector[window], strict=True))
        inside = (at_y > 1) & (at_y < SIDE - 2) & (at_x > 1) & (at_x < SIDE - 2)
        np.testing.assert_allclose(moved.maps[window, 0].numpy()[inside], exact.ev(at_y, at_x)[inside], atol=0.02)
        # a spot is brightest where its impurity is said to be
        for place in moved.yx_px[window].numpy():
            row, column = np.rint(place).astype(int)
            patch = moved.maps[window, 2, row - 3 : row + 4, column - 3 : column + 4].double().numpy()
            local = np.mgrid[row - 3 : row + 4, column - 3 : column + 4]
            fit = np.array([(patch * axis).sum() / patch.sum() for axis in local])
            np.testing.assert_allclose(fit, place, atol=0.15)
            assert moved.structure[window, row, column] > 0.7
    # the last row is nearly where it was
    assert float((moved.yx_px[:, 3] - yx[:, 3]).abs().max()) < 4 * math.exp(-38 / 12) + 0.02


def test_no_line_is_measured_twice_however_strong_the_creep():
    vector, decay = Creep(length_px=5.0, decay_lines=5.0).displacement(50, torch.Generator().manual_seed(0))
    slope = vector[:, :1] / decay[:, None] * torch.exp(-torch.arange(SIDE) / decay[:, None])
    assert float(slope.abs().max()) <= 0.5 + 1e-6


@pytest.mark.parametrize("exponent", [0.7, 1.5])
def test_the_power_of_flicker_noise_falls_along_both_axes(exponent):
    noise = put(FlickerNoise(amplitude=0.8, exponent=exponent), bare(60))
    torch.testing.assert_close(noise.std((-2, -1)), torch.full((60, 3), 0.8))
    # along a line the slope is that of the noise in time; a window with a taper keeps the slow part out of the rest
    taper = torch.hann_window(SIDE)
    power = torch.fft.rfft((noise - noise.mean(-1, keepdim=True)) * taper).abs().square().mean((0, 1, 2)).numpy()
    q = np.fft.rfftfreq(SIDE)
    some = (q > 0.06) & (q < 0.3)
    assert stats.linregress(np.log(q[some]), np.log(power[some])).slope == pytest.approx(-exponent, abs=0.25)
    # the means of neighbouring lines are alike, and less so far apart
    means = noise.mean(-1)
    means = means - means.mean(-1, keepdim=True)

    def likeness(apart: int) -> float:
        return float((means[..., apart:] * means[..., :-apart]).mean() / means.square().mean())

    assert likeness(1) > likeness(12) + 0.1


def test_each_bias_has_noise_of_its_own_amplitude():
    noise = put(BiasNoise(amplitude=(0.02, 2.5)), bare(200)).double().numpy()
    spread = noise.std((-2, -1))
    share = np.log(spread / 0.02) / np.log(2.5 / 0.02)
    assert stats.kstest(share.ravel(), "uniform").pvalue > 0.01
    assert abs(np.corrcoef(share[:, 0], share[:, 1])[0, 1]) < 0.3


def test_clipping_flattens_the_highest_or_the_lowest_values():
    maps = rough(60)
    clipped = put(Clipping(clipped_share=0.05), maps)
    touched = (clipped != maps).float().mean((-2, -1))
    np.testing.assert_allclose(touched, 0.05, atol=0.002)
    above = (clipped < maps).flatten(1).any(1)
    below = (clipped > maps).flatten(1).any(1)
    assert (above ^ below).all()
    assert 10 < int(above.sum()) < 50
    limit = maps[above].flatten(2).quantile(0.95, dim=-1)
    torch.testing.assert_close(clipped[above].amax((-2, -1)), limit, atol=0.02, rtol=0)


def test_quantisation_leaves_whole_steps_and_is_wrong_by_half_a_step_at_most():
    maps = rough(4)
    stepped = put(Quantisation(step=0.5), maps)
    levels = stepped.unique()
    np.testing.assert_allclose(levels.diff(), 0.5, atol=1e-6)
    assert len(levels) == pytest.approx(float(maps.max() - maps.min()) / 0.5, abs=1.01)
    error = (stepped - maps).double().numpy()
    assert np.abs(error).max() <= 0.25 + 1e-6
    assert error.std() == pytest.approx(0.5 / math.sqrt(12), rel=0.02)


def test_bad_lines_are_missing_or_repeat_the_line_before():
    maps = rough(300)
    repeated = put(BadLines(line_share=0.1, missing_share=0.0), maps)
    same = (repeated[..., 1:, :] == repeated[..., :-1, :]).all(-1)
    assert torch.equal(same[:, 0], same[:, 2])
    assert float(same.float().mean()) == pytest.approx(0.1, abs=0.01)
    assert torch.equal(repeated[..., 1:, :][~same], maps[..., 1:, :][~same])
    missing = put(BadLines(line_share=0.1, missing_share=1.0), maps)
    gone = missing.isnan()
    assert torch.equal(gone.all(-1), gone.any(-1))
    assert torch.equal(gone[..., 1:, 0], same)
    assert torch.equal(missing[~gone], maps[~gone])


def test_a_step_is_structure_where_it_rises():
    frames = Frames.of_maps(bare(20, 1))
    step = AtomicStep(height=4.0, wave=0.0, width_px=1.0)
    marked = step.record(frames, context(frames.maps), torch.Generator().manual_seed(0))
    across = torch.atanh((marked.maps[:, 0] / 2).clamp(-0.999999, 0.999999)).abs()
    # an eighth of the wavelength 2 pi / k to each side
    radius = 2 * math.pi / K / 8
    assert (marked.structure[across < radius - 0.5] == 1).all()
    assert (marked.structure[across > radius + 0.5] == 0).all()


def test_only_random_noise_counts_as_noise():
    frames = Frames.of_maps(rough(4))
    for artefact, counts in ((BiasNoise(), True), (FlickerNoise(), True), (MainsPickup(), False), (Scars(), False)):
        recorded = artefact.record(frames, context(frames.maps), torch.Generator().manual_seed(0))
        change = recorded.maps - frames.maps
        assert change.abs().max() > 0.01
        torch.testing.assert_close(recorded.noise, change if counts else torch.zeros_like(change))
