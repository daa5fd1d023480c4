"""One spot or two: components are split and merged by what the data say about each place.

Each question is answered locally, all others held fixed: one spot, as wide as it likes to be, and two are both
fitted by least squares to what the map has there beyond the other components. Two are taken where they gain
more in the log-likelihood than one component more must, and stand far enough apart to be told from one spot of
another shape.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from .local_fit import LocalFit
from .mixture import Mixture

#: Two spots nearer than this share of their full width at half maximum are taken for one.
CLOSEST = 0.6

#: What the residual must promise before a split is tried, in the log-likelihood.
PROMISE = 3.0


def split(mixture: Mixture, residual: np.ndarray, observed: np.ndarray, noise_std: float, needed: float) -> Mixture:
    """Replace a component by two where that gains more than `needed` in the log-likelihood.

    Two spots of half the mass at +d and -d differ from one between them by half the mass times the second derivative
    of the profile along d. These derivatives are fitted to the residual around each component; where they
    promise enough, the two spots are fitted.
    """
    place = LocalFit(mixture.yx, mixture, residual, observed, noise_std)
    one = mixture.spots[:, None, :]
    gained, stretch = place.second_derivatives(one)
    value, axis = np.linalg.eigh(stretch)
    tried = np.flatnonzero((gained > PROMISE) & (value[:, 1] > 0))
    if not len(tried):
        return mixture
    place, one = place.only(tried), one[tried]
    size = mixture.profile.fwhm_px
    length = np.clip(np.sqrt(2 * value[tried, 1] / mixture.mass[tried]), 0.35 * size, 0.7 * size)
    shift = length[:, None] * axis[tried, :, 1] / mixture.aspect
    two = np.repeat(one, 2, axis=1)
    two[:, 0, :2] += shift
    two[:, 1, :2] -= shift
    two[:, :, 2] /= 2
    two[:, :, 3] = 1.0
    two, gain = _two_rather_than_one(place, mixture, one, two)[1:]
    better = gain > needed
    keep = np.setdiff1d(np.arange(len(mixture)), tried[better])
    return mixture.only(keep).plus(two[better].reshape(-1, 4))


def merge(mixture: Mixture, residual: np.ndarray, observed: np.ndarray, noise_std: float, needed: float) -> Mixture:
    """Replace two components by one where two gain no more than `needed` in the log-likelihood, or stand too close."""
    if len(mixture) < 2:
        return mixture
    scaled = mixture.yx * mixture.aspect
    distance, neighbour = cKDTree(scaled).query(scaled, k=2)
    k = np.arange(len(mixture))
    # a point of two that coincide may be told its own number as the nearest
    nearest = np.where(neighbour[:, 1] == k, neighbour[:, 0], neighbour[:, 1])
    mutual = (nearest[nearest] == k) & (k < nearest) & (distance[:, 1] < 1.3 * mixture.profile.fwhm_px)
    left, right = k[mutual], nearest[mutual]
    if not len(left):
        return mixture
    two = np.stack([mixture.spots[left], mixture.spots[right]], axis=1)
    mass = two[:, :, 2].sum(axis=1)
    centre = (two[:, :, :2] * two[:, :, 2:3]).sum(axis=1) / mass[:, None]
    one = np.column_stack([centre, mass, np.ones(len(mass))])[:, None, :]
    place = LocalFit(centre, mixture, residual, observed, noise_std)
    one, _, gain = _two_rather_than_one(place, mixture, one, two, data=place.residual + place.model(two))
    worse = gain <= needed
    keep = np.setdiff1d(k, np.concatenate([left[worse], right[worse]]))
    # on a dip in the map, such as a line that was lost, one spot fits best with a mass below zero, which is no spot
    spot = worse & (one[:, 0, 2] > 0)
    return mixture.only(keep).plus(one[spot, 0])


def _two_rather_than_one(
    place: LocalFit, mixture: Mixture, one: np.ndarray, two: np.ndarray, data: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both fits, and what two gain over one in the log-likelihood: minus infinity where they are no two spots."""
    data = place.residual + place.model(one) if data is None else data
    one, one_misfit = place.fit(data, one)
    two, two_misfit = place.fit(data, two)
    between = (two[:, 0, :2] - two[:, 1, :2]) * mixture.aspect
    apart = np.hypot(between[:, 0], between[:, 1]) > CLOSEST * mixture.profile.fwhm_px
    real = apart & (two[:, :, 2] > 0).all(axis=1)
    return one, two, np.where(real, (one_misfit - two_misfit) / 2, -np.inf)
