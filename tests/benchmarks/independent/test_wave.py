"""Scattering against what is known in closed form: unitarity, two scatterers, far fields, a wall, a corral."""

from __future__ import annotations

import numpy as np
import pytest
from independent.phase_shifts import HardDisc
from independent.plan import BANDS
from independent.structure import circle
from independent.wave import HBAR2_OVER_2ME, Band, Paths, amplitude, green, t_of, transition_matrix
from scipy.special import hankel1, j0, jn_zeros

K = 1.7


def ldos(
    pixels: np.ndarray, places: np.ndarray, tau: np.ndarray, k: float = K, free_path_nm: float = np.inf
) -> np.ndarray:
    return Paths.between(np.asarray(pixels, float), np.asarray(places, float)).ldos_change(tau, k, free_path_nm)


def hard_row(spacing: float, n: int, k: float) -> np.ndarray:
    """A row of hard discs so thick that their row is a hard wall on its own middle line.

    Their radius is spacing / (2 pi): in a grating of thin wires, for waves much longer than its spacing,
    the mean wave then vanishes on the line.
    """
    return amplitude(HardDisc(spacing / (2 * np.pi)).phase_rad(np.full(n, np.nan), np.full(n, k)))


def test_k_is_that_of_a_parabola() -> None:
    # free electrons: E = hbar^2 k^2 / 2 m_e
    assert Band(-100.0, 1.0).k_per_nm(HBAR2_OVER_2ME * 4 - 100.0) == pytest.approx(2.0)
    assert BANDS["Au(111)"].k_per_nm(-600.0) == 0


@pytest.mark.parametrize("phase", [0.3, 1.2, np.pi / 2, 2.6])
def test_one_scatterer_obeys_the_optical_theorem(phase: float) -> None:
    tau = amplitude(phase)

    assert tau.imag == pytest.approx(-(abs(tau) ** 2) / 4)
    assert t_of(tau) == pytest.approx(1j * np.sin(phase) * np.exp(1j * phase))
    # with loss, more goes in than comes out
    lossy = amplitude(phase, 0.6)
    assert -lossy.imag > abs(lossy) ** 2 / 4


def test_many_scatterers_together_lose_nothing() -> None:
    rng = np.random.default_rng(0)
    places = rng.uniform(0, 10, (12, 2))
    whole = transition_matrix(places, amplitude(rng.uniform(0.4, 2.6, 12)), K)

    # T - T^+ = T^+ (G - G^+) T with Im G = -J0/4, the diagonal included
    bare = -0.25 * j0(K * np.linalg.norm(places[:, None] - places, axis=-1))
    np.testing.assert_allclose((whole - whole.conj().T) / 2j, whole.conj().T @ bare @ whole, atol=1e-10)
    np.testing.assert_allclose(whole, whole.T, atol=1e-12)


@pytest.mark.parametrize("phase", [0.5, 1.3, 2.4])
def test_far_from_one_scatterer_there_are_friedel_oscillations(phase: float) -> None:
    r = np.linspace(15, 30, 200)
    seen = ldos(np.stack([0 * r, r], axis=1), np.zeros((1, 2)), amplitude(np.array([phase])))

    expected = 2 / (np.pi * K * r) * np.sin(phase) * np.cos(2 * K * r + phase)
    np.testing.assert_allclose(seen, expected, atol=0.03 * np.abs(expected).max())


def test_two_scatterers_are_an_even_and_an_odd_one() -> None:
    places = np.array([[0.0, 0.0], [0.0, 1.1]])
    tau = amplitude(1.1)
    pixels = np.random.default_rng(1).uniform(-8, 8, (300, 2))
    first, second = (-0.25j * hankel1(0, K * np.linalg.norm(pixels - place, axis=1)) for place in places)
    hop = -0.25j * hankel1(0, K * 1.1)

    even = (first + second) ** 2 / 2 / (1 / tau - hop)
    odd = (first - second) ** 2 / 2 / (1 / tau + hop)
    far = np.linalg.norm(pixels[:, None] - places, axis=-1).min(axis=1) > 0.2
    seen = ldos(pixels, places, np.full(2, tau))
    np.testing.assert_allclose(seen[far], (-4 * (even + odd)).imag[far], atol=5e-3)


def test_a_row_of_scatterers_is_a_wall() -> None:
    # a hard straight wall: rho/rho0 = 1 - J0(2 k x), Crommie et al., Nature 363, 524 (1993), for full reflection
    row = np.stack([np.arange(-60, 60, 0.3), np.zeros(400)], axis=1)
    x = np.linspace(1.0, 8.0, 150)
    seen = ldos(np.stack([0 * x, x], axis=1), row, hard_row(0.3, 400, K))

    assert np.corrcoef(seen, -j0(2 * K * x))[0, 1] > 0.98


def test_a_corral_has_the_levels_of_a_round_box() -> None:
    band, radius, n = BANDS["Cu(111)"], 7.13, 48  # the corral of Crommie, Lutz and Eigler 1993
    places = circle((0.0, 0.0), radius, n)
    bias = np.arange(-400.0, 60.0, 2.0)
    centre, spacing = np.zeros((1, 2)), 2 * np.pi * radius / n
    # behind a hard wall levels are sharp; the free path makes them wide enough for steps of 2 mV
    seen = np.array([ldos(centre, places, hard_row(spacing, n, k), k, 40.0)[0] for k in band.k_per_nm(bias)])

    peaks = bias[1:-1][(seen[1:-1] > seen[:-2]) & (seen[1:-1] > seen[2:]) & (seen[1:-1] > 1)]
    levels = band.bottom_mv + HBAR2_OVER_2ME / band.mass * (jn_zeros(0, 6) / radius) ** 2
    levels = levels[(levels > -390) & (levels < 40)]
    assert len(levels) == 4
    for level in levels:
        assert np.abs(peaks - level).min() <= 2


def test_green_is_the_outgoing_wave_and_dies_with_the_free_path() -> None:
    r = np.array([10.0, 20.0])
    far = -0.25j * np.sqrt(2 / (np.pi * K * r)) * np.exp(1j * (K * r - np.pi / 4))

    np.testing.assert_allclose(green(r, K), far, rtol=0.01)
    np.testing.assert_allclose(np.abs(green(r, K, 30.0) / green(r, K)), np.exp(-r / 60), rtol=1e-3)
