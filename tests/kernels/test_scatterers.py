"""The closed-form model and its derivatives, against an independent exact map and against autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_stm_impurities.kernels.scatterers import Scatterers

K = 0.8


@pytest.fixture
def some(t_of):
    rng = np.random.default_rng(0)
    at = rng.uniform(-3, 27, (9, 2))
    t = t_of(rng.uniform(0.3, 2.8, 9), 0.8)
    pixels = rng.uniform(0, 24, (60, 2))
    near = np.hypot(*np.moveaxis(pixels[:, None] - at, -1, 0)).min(1) < 1.5
    return at, t, pixels[~near]


def scatterers(at, t, k=K, damping=0.0):
    return Scatterers(torch.tensor(at, dtype=torch.float32), torch.tensor(t, dtype=torch.complex64), k, damping)


def test_the_map_is_the_exact_one(some, exact_map):
    at, t, pixels = some
    ours = scatterers(at, t).modulation(torch.tensor(pixels, dtype=torch.float32)).numpy()
    truth = exact_map(at, t, K, 0, pixels=pixels)
    assert np.abs(ours - truth).max() < 3e-3 * np.abs(truth).max()


def test_a_mean_free_path_damps_it_as_a_complex_k_does(some, exact_map):
    at, t, pixels = some
    ours = scatterers(at, t, damping=0.02).modulation(torch.tensor(pixels, dtype=torch.float32)).numpy()
    truth = exact_map(at, t, K, 0, damping=0.02, pixels=pixels)
    assert np.corrcoef(ours, truth)[0, 1] > 0.999


@pytest.mark.parametrize("what", ["t_real", "t_imag", "y", "x", "k"])
def test_derivatives_are_those_of_the_exact_map(some, exact_map, what):
    at, t, pixels = some
    found = scatterers(at, t).linearised(torch.tensor(pixels, dtype=torch.float32), positions=True)
    n, step = 4, 1e-5

    def moved(by):
        new_at, new_t, new_k = at.copy(), t.copy(), K
        if what == "t_real":
            new_t[n] += by
        elif what == "t_imag":
            new_t[n] += 1j * by
        elif what == "k":
            new_k += by
        else:
            new_at[n, "yx".index(what)] += by
        return exact_map(new_at, new_t, new_k, 0, pixels=pixels)

    truth = (moved(step) - moved(-step)) / (2 * step)
    ours = {
        "t_real": found.by_t[:, n],
        "t_imag": found.by_t[:, len(t) + n],
        "y": found.by_position[:, n],
        "x": found.by_position[:, len(t) + n],
        "k": found.by_k[:, 0],
    }[what].numpy()
    assert np.abs(ours - truth).max() < 1e-2 * np.abs(truth).max()


def test_derivatives_are_those_of_autograd():
    """The same sum written with the far field of H0, whose derivatives torch knows, at distances where it is exact."""
    at = torch.tensor([[0.0, 0.0], [40.0, 25.0], [-30.0, 55.0]])
    t = torch.tensor([-0.3 + 0.3j, -0.5 + 0.4j, -0.2 + 0.35j])
    pixels = torch.tensor([[150.0, 90.0], [-120.0, 160.0], [90.0, -170.0]])

    def far(x):
        return torch.sqrt(2 / (torch.pi * x)) * torch.exp(1j * (x - torch.pi / 4)) * (1 - 1j / (8 * x))

    def rho(positions, real, imag):
        strength = torch.complex(real, imag)
        between = (positions[:, None] - positions + 1e-12).square().sum(-1).sqrt()
        off = 1 - torch.eye(3)
        hops = far(K * (between + torch.eye(3))) * off
        waves = far(K * (pixels[:, None] - positions).square().sum(-1).sqrt())
        inner = torch.linalg.inv(torch.eye(3) - strength[:, None] * hops) * strength
        return ((waves @ inner) * waves).sum(1).real

    by_position, by_real, by_imag = torch.autograd.functional.jacobian(rho, (at, t.real.clone(), t.imag.clone()))
    ours = Scatterers(at, t, K).linearised(pixels, positions=True)
    assert torch.allclose(ours.by_t, torch.cat([by_real, by_imag], 1), rtol=0.03, atol=2e-4)
    assert torch.allclose(ours.by_position, torch.cat([*by_position.unbind(-1)], 1), rtol=0.03, atol=2e-4)
