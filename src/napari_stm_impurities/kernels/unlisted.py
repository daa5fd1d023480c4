"""Scatterers that nobody listed: outside the frame, or missed inside it.

A residual is matched with the pattern of one more scatterer of any t at each position, all biases together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.signal import fftconvolve
from scipy.special import hankel1

from ..core.robust import mad_std

Floats = NDArray[np.float64]

#: Positions whose pattern has less than this share of the power of one amid the frame are not tried.
_LEAST_POWER = 0.02


def scatterer_gain(
    residuals: Floats, variance: Floats, k_rad_per_px: Floats, core_px: float, margin_px: int, aspect: float = 1.0
) -> Floats:
    """By how much one more scatterer would lower chi^2, at each pixel of the frame and of a margin around it.

    Parameters
    ----------
    residuals
        Shape (bias, y, x), NaN where a pixel does not count.
    variance
        Of a pixel, shape (bias,).
    k_rad_per_px
        Shape (bias,).
    core_px
        The pattern is left out nearer than this.
    margin_px
        The margin, in pixels on each side.
    aspect
        Height of a pixel over its width.

    Returns
    -------
    numpy.ndarray
        Shape (y + 2 margin, x + 2 margin).
    """
    n_y, n_x = residuals.shape[1:]
    reach_y, reach_x = n_y + margin_px, n_x + margin_px
    y, x = np.mgrid[-reach_y : reach_y + 1, -reach_x : reach_x + 1]
    apart = np.hypot(y * aspect, x)
    gain = np.zeros((n_y + 2 * margin_px, n_x + 2 * margin_px))
    for one, of_pixel, k in zip(residuals, variance, k_rad_per_px, strict=True):
        square = hankel1(0, k * np.maximum(apart, core_px)) ** 2 * (apart >= core_px)
        measured = np.pad(np.isfinite(one).astype(np.float64), margin_px)
        left = np.pad(np.nan_to_num(one), margin_px)

        def collected(frame: Floats, pattern: Floats) -> Floats:
            # patterns are even, so that correlation is convolution
            found: Floats = (
                fftconvolve(frame, pattern, mode="same")
                if frame.shape >= pattern.shape
                else fftconvolve(frame, pattern)[reach_y : reach_y + frame.shape[0], reach_x : reach_x + frame.shape[1]]
            )
            return found

        b = collected(left, square.real), -collected(left, square.imag)
        a = collected(measured, square.real**2), collected(measured, square.imag**2)
        c = -collected(measured, square.real * square.imag)
        least = _LEAST_POWER * a[0].max()
        determinant = a[0] * a[1] - c**2
        good = (a[0] > least) & (a[1] > least) & (determinant > 1e-3 * a[0] * a[1])
        of_bias = (a[1] * b[0] ** 2 + a[0] * b[1] ** 2 - 2 * c * b[0] * b[1]) / np.where(good, determinant, 1.0)
        gain += np.where(good, of_bias, 0.0) / of_pixel
    return gain


def gain_peaks(gain: Floats, apart_px: float, least_sigma: float) -> tuple[NDArray[np.int_], Floats]:
    """The peaks that stand so many robust spreads above the median, the highest first: pixels (n, 2), heights (n,)."""
    seen = gain[gain > 0]
    if not seen.size:
        return np.zeros((0, 2), dtype=int), np.zeros(0)
    height = (gain - np.median(seen)) / max(mad_std(seen), np.finfo(float).tiny)
    reach = max(1, round(apart_px))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    top = gain == ndimage.maximum_filter(gain, footprint=np.hypot(y, x) <= reach)
    peaks = np.argwhere(top & (height > least_sigma))
    order = np.argsort(-height[tuple(peaks.T)], kind="stable")
    return peaks[order], height[tuple(peaks[order].T)]
