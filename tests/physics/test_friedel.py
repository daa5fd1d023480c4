"""Eq. 3 of the paper, against a loop over pixels and impurities written from the paper."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from napari_stm_impurities.physics.friedel import friedel_modulation, standardise

BATCH, BIASES, IMPURITIES, SIDE, EPS = 2, 3, 4, 7, 0.8


@pytest.fixture
def drawn() -> tuple[torch.Tensor, ...]:
    """Positions, k, A and alpha of two windows, all different."""
    draw = torch.Generator().manual_seed(11)
    yx = 1.5 * SIDE * torch.rand(BATCH, IMPURITIES, 2, generator=draw) - 2
    k = 0.3 + torch.rand(BATCH, BIASES, generator=draw)
    amplitude = torch.randn(BATCH, BIASES, IMPURITIES, generator=draw)
    phase = 2 * math.pi * torch.rand(BATCH, BIASES, IMPURITIES, generator=draw)
    return yx, k, amplitude, phase


def test_eq_3_is_the_sum_that_the_paper_writes(drawn):
    yx, k, amplitude, phase = (values.tolist() for values in drawn)
    expected = np.zeros((BATCH, BIASES, SIDE, SIDE))
    for window in range(BATCH):
        for i in range(BIASES):
            for y in range(SIDE):
                for x in range(SIDE):
                    for w in range(IMPURITIES):
                        r = math.hypot(y - yx[window][w][0], x - yx[window][w][1])
                        wave = math.cos(2 * k[window][i] * r + phase[window][i][w])
                        expected[window, i, y, x] += amplitude[window][i][w] * wave / (r + EPS) ** 2
    found = friedel_modulation(*drawn, SIDE, EPS)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5, rtol=1e-4)


def test_an_impurity_of_amplitude_zero_is_not_there(drawn):
    yx, k, amplitude, phase = drawn
    amplitude[:, :, -1] = 0
    without = friedel_modulation(yx[:, :-1], k, amplitude[:, :, :-1], phase[:, :, :-1], SIDE, EPS)
    torch.testing.assert_close(friedel_modulation(yx, k, amplitude, phase, SIDE, EPS), without)


def test_each_map_is_brought_to_mean_zero_and_into_the_unit_range():
    maps = 5 + 3 * torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    out = standardise(maps)
    np.testing.assert_allclose(out.mean((-2, -1)).numpy(), 0, atol=1e-6)
    np.testing.assert_allclose(out.abs().amax((-2, -1)).numpy(), 1, atol=1e-6)
    # each map for itself, and only shifted and stretched
    one = maps[1, 2] - maps[1, 2].mean()
    torch.testing.assert_close(out[1, 2], one / one.abs().max())


def test_a_constant_map_becomes_zero():
    assert standardise(torch.full((1, 1, 5, 5), 7.0)).abs().max() == 0
