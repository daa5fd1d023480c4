"""Where another spot could be: local maxima of what the spots found so far leave over."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter
from scipy.signal import fftconvolve
from scipy.spatial import cKDTree

from .density import MAD_TO_STD
from .mixture import Mixture
from .profile import Profile


def matched_filter(
    residual: np.ndarray, observed: np.ndarray, profile: Profile, aspect: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The best mass of a spot centred at each half pixel, and the norm of its profile there.

    Mass times norm over the noise is the signal-to-noise ratio. Whole pixels alone would lose a quarter of the signal
    of a narrow spot that lies between four of them.

    Returns
    -------
    tuple of numpy.ndarray
        Mass and norm, both (2 y - 1, 2 x - 1): the element [i, j] belongs to the position (i / 2, j / 2).
    """
    shape = (2 * observed.shape[0] - 1, 2 * observed.shape[1] - 1)
    mass, norm = np.zeros(shape), np.ones(shape)
    step = np.arange(-profile.reach_px, profile.reach_px + 1)
    measured, seen = np.where(observed, residual, 0.0), observed.astype(float)
    for half_y in (0, 1):
        for half_x in (0, 1):
            squared = ((step[:, None] + half_y / 2) * aspect[0]) ** 2 + ((step[None, :] + half_x / 2) * aspect[1]) ** 2
            kernel = profile.at(squared)
            top = fftconvolve(measured, kernel, mode="same")
            power = fftconvolve(seen, kernel**2, mode="same")
            # a spot of which hardly a pixel was measured cannot be found
            power = np.maximum(power, 0.05 * (kernel**2).sum())
            rows, columns = observed.shape[0] - half_y, observed.shape[1] - half_x
            mass[half_y::2, half_x::2] = (top / power)[:rows, :columns]
            norm[half_y::2, half_x::2] = np.sqrt(power)[:rows, :columns]
    return mass, norm


def new_spots(
    residual: np.ndarray, observed: np.ndarray, mixture: Mixture, noise_std: float, smallest_ratio: float, apart_px: float
) -> np.ndarray:
    """Local maxima of the signal-to-noise ratio that stand apart from the spots there are; (n, 4): y, x, mass, width."""
    mass, norm = matched_filter(residual, observed, mixture.profile, mixture.aspect)
    ratio = mass * norm / noise_std
    peak = (ratio == maximum_filter(ratio, size=5, mode="nearest")) & (ratio > smallest_ratio)
    yx, height = np.argwhere(peak) / 2, mass[peak]
    if len(mixture) and len(yx):
        far = cKDTree(mixture.yx * mixture.aspect).query(yx * mixture.aspect)[0] > apart_px
        yx, height = yx[far], height[far]
    return np.column_stack([yx, height, np.ones(len(yx))])


def excess_noise(residual: np.ndarray, observed: np.ndarray, mixture: Mixture, noise_std: float) -> float:
    """How much larger the noise is at the scale of a spot than white noise would be; at least 1.

    Measured where no spot can be mistaken for it: in the bulk and in the dips of what the spots leave over, since smooth
    noise and ripples have dips as deep as their crests are high.
    """
    mass, norm = matched_filter(residual, observed, mixture.profile, mixture.aspect)
    ratio = (mass * norm / noise_std)[::2, ::2][observed]
    bulk = MAD_TO_STD * float(np.median(np.abs(ratio - np.median(ratio))))
    # the lowest hundredth of Gaussian noise lies 2.33 standard deviations below the middle
    dips = -float(np.quantile(ratio, 0.01)) / 2.33
    return max(1.0, bulk, dips)
