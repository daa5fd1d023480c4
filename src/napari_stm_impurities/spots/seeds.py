"""Seeds of further spots: local maxima of the residual after a matched filter."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter
from scipy.signal import fftconvolve
from scipy.spatial import cKDTree
from scipy.stats import skew

from ..core.robust import mad_std
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
    measured, observed_weight = np.where(observed, residual, 0.0), observed.astype(float)
    for half_y in (0, 1):
        for half_x in (0, 1):
            squared = ((step[:, None] + half_y / 2) * aspect[0]) ** 2 + ((step[None, :] + half_x / 2) * aspect[1]) ** 2
            kernel = profile.at(squared)
            projection = fftconvolve(measured, kernel, mode="same")
            power = fftconvolve(observed_weight, kernel**2, mode="same")
            # a spot with hardly a measured pixel cannot be detected
            power = np.maximum(power, 0.05 * (kernel**2).sum())
            rows, columns = observed.shape[0] - half_y, observed.shape[1] - half_x
            mass[half_y::2, half_x::2] = (projection / power)[:rows, :columns]
            norm[half_y::2, half_x::2] = np.sqrt(power)[:rows, :columns]
    return mass, norm


def new_spots(
    residual: np.ndarray,
    observed: np.ndarray,
    mixture: Mixture,
    noise_std: float,
    smallest_ratio: float,
    apart_px: float,
) -> np.ndarray:
    """Local maxima of the signal-to-noise ratio, apart from the spots there are; (n, 4): y, x, mass, width."""
    mass, norm = matched_filter(residual, observed, mixture.profile, mixture.aspect)
    ratio = mass * norm / noise_std
    peak = (ratio == maximum_filter(ratio, size=5, mode="nearest")) & (ratio > smallest_ratio)
    yx, height = np.argwhere(peak) / 2, mass[peak]
    if len(mixture) and len(yx):
        far = cKDTree(mixture.yx * mixture.aspect).query(yx * mixture.aspect)[0] > apart_px
        yx, height = yx[far], height[far]
    return np.column_stack([yx, height, np.ones(len(yx))])


def excess_noise(residual: np.ndarray, observed: np.ndarray, mixture: Mixture, noise_std: float) -> tuple[float, float]:
    """The noise at the scale of a spot over that of white noise: in the bulk, and in the dips.

    Both are at least 1. The bulk alone measures correlated noise. The dips measure ripples as well, which have dips as
    deep as their crests are high; but so have two spots that are fitted by one, which the split resolves.
    """
    ratio = _ratio_at_pixels(residual, observed, mixture, noise_std)
    bulk = mad_std(ratio)
    # the lowest hundredth of Gaussian noise lies 2.33 standard deviations below the middle, the lowest 1 in 500 2.88
    dips = -np.quantile(ratio, [0.01, 0.002]) / [2.33, 2.88]
    return max(1.0, bulk), max(1.0, bulk, float(dips.max()))


def as_deep_as_high(level: np.ndarray, observed: np.ndarray, mixture: Mixture, noise_std: float) -> bool:
    """Whether a map that is not white noise has dips as deep as its crests are high: ripples or smooth noise, no spots.

    Spots that fill the whole frame come near it too, so crests up to 1.3 times as high as the dips are deep are taken
    for smooth noise only where the values are not skew either. That stops most smooth noise, not all; spots with wings
    that fill the frame (60 Lorentzian ones of 6 pixels on 80 x 80) are sometimes stopped as well.
    """
    ratio = _ratio_at_pixels(level, observed, mixture, noise_std)
    middle = float(np.median(ratio))
    bulk = mad_std(ratio, middle)
    if bulk <= 1.5:
        return False
    crest, dip = float(ratio.max()) - middle, middle - float(ratio.min())
    return bool(crest < 1.05 * dip or (crest < 1.3 * dip and skew(ratio) < 0.15))


def _ratio_at_pixels(residual: np.ndarray, observed: np.ndarray, mixture: Mixture, noise_std: float) -> np.ndarray:
    """The signal-to-noise ratio of a spot at each pixel that was measured."""
    mass, norm = matched_filter(residual, observed, mixture.profile, mixture.aspect)
    return np.asarray((mass * norm / noise_std)[::2, ::2][observed])
