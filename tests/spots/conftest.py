"""Bound-state maps with known positions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest


def simulated(
    seed: int,
    n: int = 30,
    fwhm_px: float = 3.0,
    *,
    side: int = 80,
    noise: float = 0.15,
    exponential: bool = False,
    at: np.ndarray | None = None,
    heights: tuple[float, float] = (0.5, 1.5),
) -> tuple[np.ndarray, np.ndarray]:
    """A map on a tilted background, noise in mean heights, and the positions (n, 2), a width or more apart."""
    rng = np.random.default_rng(seed)
    if at is None:
        kept: list[np.ndarray] = []
        while len(kept) < n:
            new = rng.uniform(0, side - 1, 2)
            if all(np.hypot(*(new - old)) >= fwhm_px for old in kept):
                kept.append(new)
        at = np.array(kept)
    height = rng.uniform(*heights, len(at))
    y, x = np.mgrid[:side, :side]
    values = 3.0 + 0.004 * y - 0.006 * x + rng.normal(0, noise * height.mean(), (side, side))
    for (row, column), h in zip(at, height, strict=True):
        r = np.hypot(y - row, x - column) / fwhm_px
        values += h * (np.exp2(-2 * r) if exponential else np.exp2(-4 * r**2))
    return values, at


@pytest.fixture
def bound_map() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    return simulated
