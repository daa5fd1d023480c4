"""Split and merge of components, by local fits of one spot and of two.

Each decision is local, with all other components held fixed: one spot of free width, and two spots, are both
fitted by least squares to the residual of the other components. Two are taken where their gain in the
log-likelihood exceeds that required of one more component, and where they lie far enough apart to be distinguished
from one spot of another shape.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from .local_fit import LocalFit
from .mixture import Mixture

#: Two spots nearer than this share of their full width at half maximum count as one.
CLOSEST = 0.6

#: The expected gain in log-likelihood from which a split is tried.
MIN_EXPECTED_GAIN = 3.0


def split(mixture: Mixture, residual: np.ndarray, observed: np.ndarray, noise_std: float, needed: float) -> Mixture:
    """The mixture with components split in two where that gains more than `needed` in the log-likelihood.

    Two spots of half the mass at +d and -d differ from one between them by half the mass times the second derivative
    of the profile along d. These derivatives are fitted to the residual around each component; where the
    expected gain is large enough, the two spots are fitted.
    """
    windows = LocalFit(mixture.yx, mixture, residual, observed, noise_std)
    single = mixture.spots[:, None, :]
    expected_gain, stretch = windows.second_derivatives(single)
    value, axis = np.linalg.eigh(stretch)
    tried = np.flatnonzero((expected_gain > MIN_EXPECTED_GAIN) & (value[:, 1] > 0))
    if not len(tried):
        return mixture
    windows, single = windows.only(tried), single[tried]
    size = mixture.profile.fwhm_px
    length = np.clip(np.sqrt(2 * value[tried, 1] / mixture.mass[tried]), 0.35 * size, 0.7 * size)
    shift = length[:, None] * axis[tried, :, 1] / mixture.aspect
    pair = np.repeat(single, 2, axis=1)
    pair[:, 0, :2] += shift
    pair[:, 1, :2] -= shift
    pair[:, :, 2] /= 2
    pair[:, :, 3] = 1.0
    pair, gain = _pair_gain(windows, mixture, single, pair)[1:]
    split_in_two = gain > needed
    keep = np.setdiff1d(np.arange(len(mixture)), tried[split_in_two])
    return mixture.only(keep).plus(pair[split_in_two].reshape(-1, 4))


def merge(mixture: Mixture, residual: np.ndarray, observed: np.ndarray, noise_std: float, needed: float) -> Mixture:
    """The mixture with pairs merged where two gain at most `needed` in the log-likelihood, or are too close."""
    if len(mixture) < 2:
        return mixture
    scaled = mixture.yx * mixture.aspect
    distance, neighbour = cKDTree(scaled).query(scaled, k=2)
    k = np.arange(len(mixture))
    # for two coinciding points the nearest neighbour of a point may be itself
    nearest = np.where(neighbour[:, 1] == k, neighbour[:, 0], neighbour[:, 1])
    mutual = (nearest[nearest] == k) & (k < nearest) & (distance[:, 1] < 1.3 * mixture.profile.fwhm_px)
    left, right = k[mutual], nearest[mutual]
    if not len(left):
        return mixture
    pair = np.stack([mixture.spots[left], mixture.spots[right]], axis=1)
    mass = pair[:, :, 2].sum(axis=1)
    centre = (pair[:, :, :2] * pair[:, :, 2:3]).sum(axis=1) / mass[:, None]
    single = np.column_stack([centre, mass, np.ones(len(mass))])[:, None, :]
    windows = LocalFit(centre, mixture, residual, observed, noise_std)
    single, _, gain = _pair_gain(windows, mixture, single, pair, data=windows.residual + windows.model(pair))
    merged = gain <= needed
    keep = np.setdiff1d(k, np.concatenate([left[merged], right[merged]]))
    # on a dip in the map, such as a lost line, the best spot has a negative mass, which is no spot
    is_spot = merged & (single[:, 0, 2] > 0)
    return mixture.only(keep).plus(single[is_spot, 0])


def _pair_gain(
    windows: LocalFit, mixture: Mixture, single: np.ndarray, pair: np.ndarray, data: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both fits, and the gain in log-likelihood of two over one: minus infinity where two are not separable."""
    data = windows.residual + windows.model(single) if data is None else data
    single, single_misfit = windows.fit(data, single)
    pair, pair_misfit = windows.fit(data, pair)
    between = (pair[:, 0, :2] - pair[:, 1, :2]) * mixture.aspect
    apart = np.hypot(between[:, 0], between[:, 1]) > CLOSEST * mixture.profile.fwhm_px
    separable = apart & (pair[:, :, 2] > 0).all(axis=1)
    return single, pair, np.where(separable, (single_misfit - pair_misfit) / 2, -np.inf)
