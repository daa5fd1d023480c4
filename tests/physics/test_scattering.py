"""Exact scattering, against plain loops with Hankel functions of complex argument."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest
import torch
from scipy.special import hankel1

from napari_stm_impurities.physics.scattering import hankel0, ldos_modulation, t_matrix


def by_loops(yx, k, t, pixels, path):
    """rho/rho0 - 1 as the formula stands, one term at a time, with k + i/(2 l)."""
    n = len(yx)
    complex_k = k + 0.5j / path
    hop = np.zeros((n, n), complex)
    for a in range(n):
        for b in range(n):
            if a != b:
                hop[a, b] = hankel1(0, complex_k * math.dist(yx[a], yx[b]))
    response = np.linalg.inv(np.diag(1 / np.asarray(t)) - hop)
    out = []
    for pixel in pixels:
        wave = [hankel1(0, complex_k * math.dist(pixel, place)) for place in yx]
        total = sum(wave[a] * response[a, b] * wave[b] for a in range(n) for b in range(n))
        out.append(total.real)
    return np.array(out)


@pytest.mark.parametrize("path_px", [30.0, 200.0, 1e9])
def test_several_scatterers_are_as_the_formula_says(path_px):
    draw = np.random.default_rng(5)
    # some inside a frame of 16 pixels, some outside it
    yx = draw.uniform(-10, 26, (7, 2))
    k = np.array([0.45, 0.8])
    delta, loss = draw.uniform(0.3, 2.6, (2, 7)), draw.uniform(0, 0.7, 7)
    t = ((1 - loss) * np.exp(2j * delta) - 1) / 2
    pixels = draw.uniform(0, 16, (2, 40, 2))
    # the wave is held where it diverges, closer than 0.05 / k to a scatterer
    assert np.linalg.norm(pixels[:, :, None] - yx, axis=-1).min() > 0.12
    expected = np.stack([by_loops(yx, k[i], t[i], pixels[i], path_px) for i in range(2)])
    found = ldos_modulation(
        torch.tensor(yx).float(),
        torch.tensor(k).float(),
        torch.tensor(t).to(torch.complex64),
        torch.tensor(pixels).float(),
        path_px,
    )
    np.testing.assert_allclose(found.numpy(), expected, atol=4e-3)
    assert np.abs(expected).max() > 0.3


def test_multiple_scattering_is_more_than_the_sum_of_single_ones():
    yx = torch.tensor([[0.0, 0.0], [0.0, 3.0]])
    k, delta = torch.tensor([0.8]), torch.tensor([[1.4, 1.4]])
    t = t_matrix(delta, torch.zeros(1, 2))
    pixels = torch.tensor([[[4.0, 1.5], [6.0, 0.0]]])
    both = ldos_modulation(yx, k, t, pixels, 1e9)
    singly = sum(ldos_modulation(yx[i : i + 1], k, t[:, i : i + 1], pixels, 1e9) for i in range(2))
    assert (both - singly).abs().max() > 0.02


@pytest.mark.parametrize("delta", [0.3, 1.2, 2.4])
@pytest.mark.parametrize("k", [0.3, 0.9])
def test_one_impurity_far_away_decays_as_one_over_r(k, delta):
    r = torch.linspace(30 / k, 60 / k, 25)
    pixels = torch.stack([torch.zeros(25), r], -1)[None]
    t = t_matrix(torch.tensor([[delta]]), torch.zeros(1, 1))
    found = ldos_modulation(torch.zeros(1, 2), torch.tensor([k]), t, pixels, 1e9)[0]
    far = 2 / (math.pi * k * r) * math.sin(delta) * torch.cos(2 * k * r + delta)
    # the next term of the Hankel function is smaller by 1/(4 k r)
    assert (found - far).abs().max() < 1.2 * float(far.abs().max()) / (4 * 30) + 1e-4


@pytest.mark.parametrize("damping", [0.0, 0.005, 0.02])
def test_the_table_is_the_hankel_function_of_a_complex_argument(damping):
    x = np.random.default_rng(3).uniform(0.2, 120, 4000)
    found = hankel0(torch.tensor(x).float(), torch.tensor(damping)).numpy()
    expected = hankel1(0, x * (1 + 1j * damping))
    assert np.abs(found - expected).max() < 1e-3 + damping**2


def test_the_wave_is_held_where_it_diverges():
    near = hankel0(torch.tensor([0.0, 0.01, 0.05]), torch.tensor(0.0))
    assert (near == near[0]).all()
    assert abs(complex(near[0]) - hankel1(0, 0.05)) < 0.06


def test_a_mean_free_path_damps_the_round_trip():
    k, path, r = 0.8, 20.0, 40.0
    t = t_matrix(torch.tensor([[1.0]]), torch.zeros(1, 1))
    turns = torch.linspace(0, math.pi / k, 60)
    pixels = torch.stack([torch.zeros(60), r + turns], -1)[None]
    ripples = [
        ldos_modulation(torch.zeros(1, 2), torch.tensor([k]), t, pixels, length).abs().max() for length in (path, 1e9)
    ]
    # out and back, 2 r, at half the amplitude's decay 1/(2 l) each
    assert float(ripples[0] / ripples[1]) == pytest.approx(math.exp(-r / path), rel=0.06)


def test_a_scatterer_that_does_not_scatter_changes_nothing():
    yx = torch.tensor([[2.0, 2.0], [5.0, 7.0]])
    t = t_matrix(torch.tensor([[1.0, 0.0]]), torch.zeros(1, 2))
    pixels = torch.rand(1, 20, 2, generator=torch.Generator().manual_seed(1)) * 9
    k = torch.tensor([0.7])
    alone = ldos_modulation(yx[:1], k, t[:, :1], pixels, 100.0)
    torch.testing.assert_close(ldos_modulation(yx, k, t, pixels, 100.0), alone, atol=1e-5, rtol=1e-4)


def test_a_drift_of_the_pixels_is_a_drift_of_the_map_the_other_way():
    yx, k = torch.tensor([[3.0, 4.0]]), torch.tensor([0.7, 0.7])
    t = t_matrix(torch.full((2, 1), 1.1), torch.zeros(2, 1))
    pixels = torch.tensor([[[8.0, 1.0]], [[7.0, 3.0]]])
    first, second = ldos_modulation(yx, k, t, pixels, 100.0)
    moved = ldos_modulation(yx + torch.tensor([-1.0, 2.0]), k[:1], t[:1], pixels[1:], 100.0)[0]
    assert float(moved) == pytest.approx(float(first), abs=1e-5)
    assert abs(float(second - first)) > 1e-3


@pytest.mark.parametrize("delta", [0.0, 0.4, 1.5, 3.0])
@pytest.mark.parametrize("loss", [0.0, 0.3, 1.0])
def test_the_t_matrix(delta, loss):
    t = complex(t_matrix(torch.tensor(delta), torch.tensor(loss)))
    assert t == pytest.approx(((1 - loss) * cmath.exp(2j * delta) - 1) / 2, abs=1e-6)
    # no more comes out than goes in: |1 + 2 t| is what is left of the outgoing wave
    assert abs(1 + 2 * t) == pytest.approx(1 - loss, abs=1e-6)
    if loss == 0:
        # optical theorem of an elastic scatterer
        assert abs(t) ** 2 == pytest.approx(-t.real, abs=1e-6)


def test_many_scatterers_are_solved_on_several_threads():
    # in torch 2.13 on the CPU a batch of large matrices fails on more than one thread
    draw, before = torch.Generator().manual_seed(0), torch.get_num_threads()
    yx = 60 * torch.rand(220, 2, generator=draw)
    t = t_matrix(0.3 + 2 * torch.rand(2, 220, generator=draw), torch.zeros(2, 220))
    pixels = torch.tensor([[70.0, 30.0], [75.0, 10.0]]).expand(2, -1, -1)
    try:
        several, alone = (
            torch.set_num_threads(n) or ldos_modulation(yx, torch.tensor([0.6, 0.7]), t, pixels, 100.0) for n in (2, 1)
        )
    finally:
        torch.set_num_threads(before)
    assert torch.isfinite(several).all()
    torch.testing.assert_close(several, alone, atol=1e-4, rtol=1e-3)
