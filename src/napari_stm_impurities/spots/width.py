"""The typical width of the spots of a map, before the search."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter


def starting_fwhm_px(values: np.ndarray, observed: np.ndarray, largest_fwhm_px: float) -> float:
    """The full width at half maximum of the typical spot: the median patch around all local maxima.

    The median keeps neighbours and the noise out, and no shape is assumed; the fit starts from here.

    Parameters
    ----------
    values
        Shape (y, x), level, spots upward.
    observed
        Shape (y, x), True where something was measured.
    largest_fwhm_px
        The largest width to expect; patches reach as far.

    Returns
    -------
    float
        In pixels; `largest_fwhm_px` if the median falls nowhere to its half.
    """
    reach = int(np.ceil(largest_fwhm_px))
    smooth = gaussian_filter(values, 1.0)
    top = 0.5 * float(np.quantile(smooth[observed], 0.995))
    peaks = np.argwhere((smooth == maximum_filter(smooth, size=5)) & (smooth > top) & observed)
    if not len(peaks):
        return largest_fwhm_px
    padded = np.pad(np.where(observed, values, np.nan), reach, constant_values=np.nan)
    step = np.arange(2 * reach + 1)
    patches = padded[(peaks[:, :1] + step)[:, :, None], (peaks[:, 1:] + step)[:, None, :]]
    typical = _nanmedian(patches)
    distance = np.hypot(step[:, None] - reach, step[None, :] - reach)
    radius = np.arange(reach + 1)
    ring = np.array([np.nanmean(np.where(np.abs(distance - r) <= 0.6, typical, np.nan)) for r in radius])
    half = (ring[0] + ring.min()) / 2
    below = int(np.argmax(ring < half))
    if below == 0:
        return largest_fwhm_px
    return float(2 * (below - 1 + (ring[below - 1] - half) / (ring[below - 1] - ring[below])))


def _nanmedian(patches: np.ndarray) -> np.ndarray:
    """The median over patches; 0, the background, where none of them was measured."""
    empty = np.isnan(patches).all(axis=0)
    return np.nanmedian(np.where(empty, 0.0, patches), axis=0)
