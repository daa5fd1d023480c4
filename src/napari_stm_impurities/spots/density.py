"""The map as a density: spots positive, background near 0, spikes masked, and the noise estimated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.ndimage import correlate, gaussian_filter, median_filter

from ..core.robust import mad_std

#: Even a map without noise is not described by round spots to better than this share of their height.
SMALLEST_NOISE = 0.03

#: A pixel this many noises above all its neighbours is no spot, which would raise them as well.
SPIKE = 8.0


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
    """Sign of the spots in the map, before they were made positive."""


def density_of(values: np.ndarray, sign: Literal["auto", "bright", "dark"]) -> Density:
    """The density of a map: levelled, with positive spots, its noise estimated and single-pixel spikes masked.

    Parameters
    ----------
    values
        Shape (y, x), NaN where nothing was measured.
    sign
        What the spots are; "auto" decides by the third moment of the levelled map, smoothed over 3 x 3 pixels.
    """
    observed = np.isfinite(values)
    raw = np.where(observed, values, 0.0).astype(np.float64)
    level = np.where(observed, raw - smooth_surface(raw, observed), 0.0)
    least = SMALLEST_NOISE * float(np.quantile(np.abs(level[observed]), 0.995))
    jumps = row_offsets(level, observed, max(noise_std(level, observed), least))
    level = np.where(observed, level - jumps[:, None], 0.0)
    if sign == "auto":
        smooth = correlate(level, np.ones((3, 3)) / 9, mode="constant")[observed]
        sign = "bright" if ((smooth - np.median(smooth)) ** 3).mean() >= 0 else "dark"
    upright = level if sign == "bright" else -level
    noise = noise_std(upright, observed)
    observed = observed & ~spikes(upright, noise)
    upright = np.where(observed, upright, 0.0)
    height = float(np.quantile(upright[observed], 0.995))
    # where most pixels hold the same value, neither measures the noise
    noise = max(noise, SMALLEST_NOISE * height) or SMALLEST_NOISE * float(upright[observed].std())
    return Density(upright, observed, noise, sign)


def polynomial_basis(shape: tuple[int, ...]) -> np.ndarray:
    """1, y, x, y^2, yx, x^2 over the frame, each axis from -1 to 1; shape (6, y, x)."""
    y, x = np.meshgrid(np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij")
    return np.stack([np.ones_like(y), y, x, y * y, y * x, x * x])


def smooth_surface(values: np.ndarray, observed: np.ndarray, rounds: int = 8) -> np.ndarray:
    """A quadratic surface through the bulk of the map, spots left out as outliers; shape (y, x).

    Least squares on the observed pixels with Tukey's biweight.
    """
    basis = polynomial_basis(values.shape)
    design, target = basis[:, observed].T, values[observed]
    weight = np.ones_like(target)
    coefficients = np.zeros(len(basis))
    for _ in range(rounds):
        weighted = design * weight[:, None]
        coefficients = np.linalg.lstsq(weighted.T @ design, weighted.T @ target, rcond=None)[0]
        residual = target - design @ coefficients
        scale = mad_std(residual)
        if not scale > 0:
            break
        weight = np.clip(1 - (residual / (4 * scale)) ** 2, 0.0, None) ** 2
    return np.tensordot(coefficients, basis, axes=1)


def leftover_background(residual: np.ndarray, observed: np.ndarray, noise: float, fwhm_px: float) -> np.ndarray:
    """The background of the residual: a smooth part and row offsets; shape (y, x).

    A quadratic surface, the offsets of the rows, and what remains after smoothing over three times the width of a spot.
    """
    background = smooth_surface(residual, observed)
    background = background + row_offsets(residual - background, observed, noise)[:, None]
    clipped = np.clip(np.where(observed, residual - background, 0.0), -3 * noise, 3 * noise)
    width = max(3 * fwhm_px, 8.0)
    weight = gaussian_filter(observed.astype(float), width, truncate=2.5)
    return background + gaussian_filter(clipped, width, truncate=2.5) / np.maximum(weight, 1e-3)


def row_offsets(values: np.ndarray, observed: np.ndarray, noise: float) -> np.ndarray:
    """The offset of each row from those around it where the feedback jumps from line to line, else 0; shape (y,).

    Whether it does is judged by the median second difference of three rows that follow one another: spots are smooth
    across rows, jumps are not.
    """
    measured = np.where(observed, values, np.nan)
    filled = observed.sum(axis=1) >= max(0.5 * observed.shape[1], 3)
    middle_rows = np.flatnonzero(filled[2:] & filled[1:-1] & filled[:-2]) + 1
    offsets = np.zeros(len(values))
    if len(middle_rows) < 8:
        return offsets
    bends = measured[middle_rows + 1] - 2 * measured[middle_rows] + measured[middle_rows - 1]
    bends = np.nanmedian(bends[~np.isnan(bends).all(axis=1)], axis=1)
    # a second difference has six times the variance of one row, the median of n values pi / 2 times that of their mean
    expected_by_noise = 6 * np.pi / 2 * noise**2 / observed.sum(axis=1)[filled].mean()
    if np.mean(bends**2) > 4 * expected_by_noise:
        row_median = np.nanmedian(measured[filled], axis=1)
        offsets[filled] = row_median - median_filter(row_median, size=15, mode="nearest")
    return offsets


def noise_std(values: np.ndarray, observed: np.ndarray) -> float:
    """The standard deviation of the noise of one pixel, from second differences in both directions.

    They cancel whatever is smooth (Immerkaer, Computer Vision and Image Understanding 64, 300, 1996); the median
    keeps the few that fall on a sharp spot from counting. Spatially correlated noise is not measured.
    """
    kernel = np.outer([1.0, -2.0, 1.0], [1.0, -2.0, 1.0])
    difference = correlate(values, kernel, mode="nearest") / np.sqrt((kernel**2).sum())
    complete = correlate(observed.astype(float), np.ones((3, 3)), mode="constant") > 8.5
    if not complete.any():
        return 0.0
    return mad_std(difference[complete], 0.0)


def spikes(values: np.ndarray, noise: float) -> np.ndarray:
    """Pixels far above all of their neighbours, as no spot can be; shape (y, x), True for a spike.

    The neighbours of a Gaussian spot of 1.2 pixels (full width at half maximum) still reach 0.15 of its height.
    """
    if not noise > 0:
        return np.zeros(values.shape, dtype=bool)
    neighbour_kernel = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) / 4
    neighbour_mean = correlate(values, neighbour_kernel, mode="nearest")
    return (values > SPIKE * noise) & (neighbour_mean < 0.1 * values)
