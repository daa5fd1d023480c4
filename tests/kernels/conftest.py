"""An independent generator: exact T-matrix maps with scipy's Hankel functions, in double precision."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import hankel1


def exact_map(yx_px, t, k, side, damping=0.0, pixels=None):
    """rho/rho0 - 1 on a square of pixels, or at given pixels (n, 2)."""
    if pixels is None:
        pixels = np.stack(np.mgrid[:side, :side], axis=-1).reshape(-1, 2)
    complex_k = k + 1j * damping
    apart = np.hypot(*np.moveaxis(pixels[:, None] - yx_px, -1, 0))
    between = np.hypot(*np.moveaxis(yx_px[:, None] - yx_px, -1, 0))
    hops = hankel1(0, (complex_k if damping else k) * np.where(between > 0, between, 1.0)) * (between > 0)
    waves = hankel1(0, (complex_k if damping else k) * np.maximum(apart, 0.05 / k))
    inner = np.linalg.inv(np.eye(len(t)) - t[:, None] * hops) * t
    return np.einsum("pn,nm,pm->p", waves, inner, waves).real


def t_of(phase_rad, strength=1.0):
    """The elastic T matrix of a phase shift, times a strength."""
    return strength * (np.exp(2j * np.asarray(phase_rad)) - 1) / 2


@pytest.fixture(name="exact_map", scope="session")
def _exact_map():
    return exact_map


@pytest.fixture(name="t_of", scope="session")
def _t_of():
    return t_of
