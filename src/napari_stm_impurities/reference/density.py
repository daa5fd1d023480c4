"""The map as a density: upright, level, with its noise measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.ndimage import correlate

#: Turns the median of |x| into the standard deviation, for Gaussian noise.
MAD_TO_STD = 1.4826

#: Even a map without noise is not described by round spots to better than this share of their height.
SMALLEST_NOISE = 0.02


@dataclass(frozen=True)
class Density:
    """A map with its background near 0 and its spots upward."""

    values: np.ndarray
    """Shape (y, x), in the map's own unit; 0 where nothing was measured."""
    observed: np.ndarray
    """Shape (y, x), True where something was measured."""
    noise_std: float
    """Standard deviation of the noise of one pixel, in the map's own unit."""
    sign: Literal["bright", "dark"]
    """What the spots were before they were turned upward."""


def density_of(values: np.ndarray, sign: Literal["auto", "bright", "dark"]) -> Density:
    """Level a map, turn its spots upward and measure its noise.

    Parameters
    ----------
    values
        Shape (y, x), NaN where nothing was measured.
    sign
        What the spots are; "auto" decides by the third moment of the levelled map, smoothed over 3 x 3 pixels.
    """
    observed = np.isfinite(values)
    raw = np.where(observed, values, 0.0).astype(np.float64)
    level = raw - smooth_background(raw, observed)
    level[~observed] = 0.0
    if sign == "auto":
        smooth = correlate(level, np.ones((3, 3)) / 9, mode="constant")[observed]
        sign = "bright" if ((smooth - np.median(smooth)) ** 3).mean() >= 0 else "dark"
    upright = level if sign == "bright" else -level
    height = float(np.quantile(upright[observed], 0.995))
    return Density(upright, observed, max(noise_std(upright, observed), SMALLEST_NOISE * height), sign)


def smooth_background(values: np.ndarray, observed: np.ndarray, rounds: int = 8) -> np.ndarray:
    """A quadratic surface through the bulk of the map, spots left out as outliers.

    Least squares with Tukey's biweight, on the observed pixels; shape (y, x).
    """
    basis = polynomial_basis(values.shape)
    design, target = basis[:, observed].T, values[observed]
    weight = np.ones_like(target)
    coefficients = np.zeros(design.shape[1])
    for _ in range(rounds):
        root = np.sqrt(weight)
        coefficients = np.linalg.lstsq(design * root[:, None], target * root, rcond=None)[0]
        residual = target - design @ coefficients
        scale = MAD_TO_STD * np.median(np.abs(residual - np.median(residual)))
        if not scale > 0:
            break
        weight = np.clip(1 - (residual / (4 * scale)) ** 2, 0.0, None) ** 2
    return np.tensordot(coefficients, basis, axes=1)


def polynomial_basis(shape: tuple[int, ...]) -> np.ndarray:
    """1, y, x, y^2, yx, x^2 over the frame, each axis from -1 to 1; shape (6, y, x)."""
    y, x = np.meshgrid(np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij")
    return np.stack([np.ones_like(y), y, x, y * y, y * x, x * x])


def noise_std(values: np.ndarray, observed: np.ndarray) -> float:
    """The standard deviation of the noise of one pixel, from second differences in both directions.

    They cancel whatever is smooth (Immerkaer, Computer Vision and Image Understanding 64, 300, 1996); the median keeps the
    few that fall on a sharp spot from counting. Noise that is smooth itself is not seen here.
    """
    kernel = np.outer([1.0, -2.0, 1.0], [1.0, -2.0, 1.0])
    difference = correlate(values, kernel, mode="nearest") / np.sqrt((kernel**2).sum())
    whole = correlate(observed.astype(float), np.ones((3, 3)), mode="constant") > 8.5
    if not whole.any():
        return 0.0
    return float(MAD_TO_STD * np.median(np.abs(difference[whole])))
