"""Phase shifts, positions, structure, drift, noise and instrument of the second generator."""

from __future__ import annotations

import numpy as np
import pytest
from independent import instrument, noise
from independent.motion import drift_nm, recorded
from independent.near_fields import SHAPES, NearField, with_near_fields
from independent.phase_shifts import LEAST_ANGLE_RAD, EffectiveRange, HardDisc, Resonance, draw_kinds
from independent.plan import BANDS
from independent.positions import ARRANGEMENTS, draw_positions
from independent.structure import draw_step, herringbone
from independent.wave import t_of
from scipy.special import j0, jv, y0

BIAS = np.linspace(-230, 20, 26)
K = BANDS["Au(111)"].k_per_nm(BIAS)
SHAPE = (40, 64, 48)


def test_a_resonance_turns_by_a_half_on_its_level() -> None:
    resonance = Resonance(level_mv=-100.0, width_mv=200.0, background_rad=0.0)

    phase = resonance.phase_rad(np.array([-200.0, -100.0, 0.0]), np.ones(3))
    np.testing.assert_allclose(phase, [np.pi / 4, np.pi / 2, 3 * np.pi / 4])


def test_a_hard_disc_has_no_wave_on_its_edge() -> None:
    disc = HardDisc(0.4)
    delta = disc.phase_rad(BIAS, K)

    # outside: cos(delta) J0 - sin(delta) Y0
    np.testing.assert_allclose(np.cos(delta) * j0(K * 0.4) - np.sin(delta) * y0(K * 0.4), 0, atol=1e-12)


def test_a_small_hard_disc_has_its_radius_as_scattering_length() -> None:
    k = np.array([0.01, 0.02])

    # the energy is not used by either
    disc, length = HardDisc(0.4).phase_rad(k, k), EffectiveRange(0.4, 0.0).phase_rad(k, k)
    np.testing.assert_allclose(np.tan(disc), np.tan(length), rtol=1e-3)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_kinds_differ(n: int) -> None:
    t = [t_of(kind.tau(BIAS, K)) for kind in draw_kinds(n, BIAS, K, np.random.default_rng(n))]

    angles = [np.abs(np.angle(a[13] / b[13])) for i, a in enumerate(t) for b in t[:i]]
    assert len(t) == n
    assert min(angles, default=np.inf) > LEAST_ANGLE_RAD


def test_more_kinds_than_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="take at most 4"):
        draw_kinds(9, BIAS, K, np.random.default_rng(0))


def nearest(places: np.ndarray) -> np.ndarray:
    apart = np.linalg.norm(places[:, None] - places, axis=-1)
    return (apart + np.diag(np.full(len(apart), np.inf))).min(axis=1)


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
def test_positions_keep_apart_and_have_companions(arrangement: str) -> None:
    places = draw_positions(
        arrangement,
        60,
        -5.0,
        45.0,
        0.7,
        np.random.default_rng(3),
        companions_share=0.1,
        companions_nm=(0.7, 1.2),
        allowed=lambda place: place[0] < 40,
    )

    assert len(places) == 60
    assert nearest(places).min() >= 0.7
    assert (nearest(places) <= 1.2).sum() >= 6
    assert places.min() >= -5
    assert places[:, 0].max() < 40


def test_arrangements_are_what_they_are_called() -> None:
    def mean_nearest(arrangement: str) -> float:
        draws = [
            draw_positions(
                arrangement,
                80,
                0.0,
                50.0,
                0.3,
                np.random.default_rng(seed),
                companions_share=0.0,
                companions_nm=(1, 2),
                allowed=lambda place: True,
            )
            for seed in range(5)
        ]
        return float(np.mean([nearest(draw).mean() for draw in draws]))

    clustered, uniform, spread = map(mean_nearest, ("clustered", "uniform", "spread"))
    # Clark and Evans: half of the spacing of a square lattice where places are uniform
    assert uniform == pytest.approx(0.5 * 50 / np.sqrt(80), rel=0.15)
    assert clustered < 0.8 * uniform < 0.8 * spread


@pytest.mark.parametrize("shape", SHAPES)
def test_a_near_field_stays_near(shape: str) -> None:
    field = NearField(shape, 0.6, 0.5, 0.3, 1.0)
    pixels = np.random.default_rng(0).uniform(-3, 3, (500, 2))
    far = np.linalg.norm(pixels, axis=1) > 1.5

    seen = with_near_fields(np.full(500, 0.2), pixels, np.zeros((1, 2)), [field], np.ones(1), 0.0)
    np.testing.assert_allclose(seen[far], 0.2, atol=1e-6)
    assert np.abs(seen[~far] - 0.2).max() > 0.1


def test_a_step_crosses_the_frame_and_parts_it() -> None:
    step = draw_step(40.0, 12.0, np.random.default_rng(0))
    grid = np.stack(np.mgrid[:40, :40], axis=-1).astype(float)

    assert np.linalg.norm(np.diff(step.places_nm, axis=0), axis=1).max() < 0.9
    assert 0.1 < step.terrace(grid).mean() < 0.9
    np.testing.assert_allclose(step.side(step.places_nm), 0, atol=1.0)


def test_the_herringbone_repeats_after_its_period() -> None:
    grid = np.stack(np.mgrid[:400, :400], axis=-1) * 0.25
    power = np.abs(np.fft.fft2(herringbone(grid, np.random.default_rng(2)))) ** 2
    q = np.hypot(*np.meshgrid(np.fft.fftfreq(400, 0.25), np.fft.fftfreq(400, 0.25), indexing="ij"))

    # 6.3 nm across the mean direction is 6.3 nm x cos 30 degrees across the ridges; a pair has strong harmonics
    harmonic = q.ravel()[power.argmax()] * 6.3 * np.cos(np.pi / 6)
    assert round(harmonic) in (1, 2, 3)
    assert harmonic == pytest.approx(round(harmonic), abs=0.15)


def test_drift_ends_where_it_should_and_moves_the_truth() -> None:
    steady = drift_nm(10, 20, 2.0, 0.0, 0.0)

    np.testing.assert_allclose(steady[-1, -1] - steady[0, 0], [0, 2.0])
    np.testing.assert_allclose(steady.mean(axis=(0, 1)), 0, atol=1e-12)
    # a line near the top of the frame is measured early in each map
    assert (
        recorded(np.array([[0.0, 5.0]]), steady, 1.0)[0, 1] < 5.0 < recorded(np.array([[19.0, 5.0]]), steady, 1.0)[0, 1]
    )


@pytest.mark.parametrize("of", [noise.white, noise.lines, noise.flicker, noise.mains])
def test_noise_has_the_size_of_one(of) -> None:
    maps = of(SHAPE, np.random.default_rng(0))

    assert maps.shape == SHAPE
    assert maps.std() == pytest.approx(1, abs=0.12)


def test_lines_remember_the_line_before() -> None:
    offsets = noise.lines((200, 64, 2), np.random.default_rng(0))[..., 0]

    assert np.corrcoef(offsets[:, :-1].ravel(), offsets[:, 1:].ravel())[0, 1] == pytest.approx(0.7, abs=0.03)


def test_flicker_noise_has_more_power_at_low_frequencies() -> None:
    power = (np.abs(np.fft.rfft(noise.flicker((60, 16, 256), np.random.default_rng(0)))) ** 2).mean(axis=(0, 1))
    slope = np.polyfit(np.log(np.arange(3, 60)), np.log(power[3:60]), 1)[0]

    assert -1.7 < slope < -0.7


def test_the_telegraph_has_two_states_and_scars_keep_to_their_lines() -> None:
    assert set(np.unique(noise.telegraph(SHAPE, np.random.default_rng(0)))) == {-0.5, 0.5}
    touched = (noise.scars(SHAPE, 0.5, np.random.default_rng(0)) != 0).any(axis=2)
    assert 0 < touched.mean() < 0.1


def test_a_flat_tip_takes_the_mean_over_its_disc() -> None:
    x = np.arange(200) * 0.1
    wave = np.tile(np.cos(3.0 * x), (1, 200, 1))

    seen = instrument.through_tip(wave, 0.1, 0.5)
    # the mean of a plane wave over a disc
    np.testing.assert_allclose(seen[0, 50:-50, 50:-50], 2 * jv(1, 1.5) / 1.5 * wave[0, 50:-50, 50:-50], atol=0.02)


def test_the_lock_in_comes_late_by_its_delay() -> None:
    x = np.mgrid[:32, :200][1]
    bump = np.exp(-(((x - 100) / 12) ** 2))[None]

    late = instrument.through_lock_in(bump, np.zeros(1), 5.0, 0.4)[0]
    assert (late * x).sum() / late.sum() == pytest.approx(100.4, abs=0.01)


def test_the_lock_in_blurs_over_the_biases() -> None:
    maps = np.zeros((21, 4, 4))
    maps[10] = 1.0

    seen = instrument.through_lock_in(maps, np.arange(21.0), 3.0, 0.0)[:, 0, 0]
    # the weights of a sine of peak 3 mV, at distances 0, 1, 2
    weights = np.sqrt(1 - (np.arange(3) / 3) ** 2)
    np.testing.assert_allclose(seen[10:13] / seen[10], weights, rtol=1e-6)
    assert seen[13] == 0
