"""One spot or two: components are split and merged by what the data say about each place.

Each question is answered locally, all others held fixed: one spot and two are both fitted by least squares to what
the map has there beyond the other components, and two are taken where they gain more in the log-likelihood
than one component more must, and stand far enough apart to be told from a spot of another width.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from .mixture import Mixture, PaddedFrame, Profile
from .selection import PROFILE_ERROR

#: Two spots nearer than this share of their full width at half maximum are taken for one.
CLOSEST = 0.6

#: What the residual must promise before a split is tried, in the log-likelihood.
PROMISE = 3.0


def split(mixture: Mixture, residual: np.ndarray, observed: np.ndarray, noise_std: float, penalty: float) -> Mixture:
    """Replace a component by two where that gains more than `penalty` in the log-likelihood.

    Two spots of half the mass at +d and -d differ from one between them by half the mass times the second
    derivative of the profile along d, twice. These derivatives are fitted to the residual around each
    component; where they promise enough, the two spots are fitted.
    """
    place = Place(mixture.yx, mixture, residual, observed, noise_std)
    spot = np.concatenate([mixture.yx, mixture.mass[:, None]], axis=1)[:, None, :]
    dy, dx, squared = place.offsets(spot)
    first, second = mixture.profile.slopes(squared)
    templates = np.stack(
        [first + second * dy**2, 2 * second * dy * dx, first + second * dx**2, mixture.profile.at(squared)], axis=-1
    )[:, 0]
    gained, solved = _linear(templates, place.residual, place.weight)
    value, axis = np.linalg.eigh(np.stack([solved[:, [0, 1]], solved[:, [1, 2]]], axis=1))
    tried = np.flatnonzero((gained > PROMISE) & (value[:, 1] > 0))
    if not len(tried):
        return mixture
    size = mixture.profile.fwhm_px
    length = np.clip(np.sqrt(2 * value[tried, 1] / mixture.mass[tried]), 0.35 * size, 0.7 * size)
    shift = length[:, None] * axis[tried, :, 1] / np.array(mixture.aspect)
    half = np.stack([spot[tried, 0], spot[tried, 0]], axis=1)
    half[:, 0, :2] += shift
    half[:, 1, :2] -= shift
    half[:, :, 2] /= 2
    place = place.only(tried)
    data = place.residual + place.model(spot[tried])
    one, one_misfit = place.fit(data, spot[tried])
    two, two_misfit = place.fit(data, half)
    better = (one_misfit - two_misfit) / 2 > penalty
    better &= _apart(two, mixture) & (two[:, :, 2] > 0).all(axis=1)
    if not better.any():
        return mixture
    keep = np.ones(len(mixture), dtype=bool)
    keep[tried[better]] = False
    return mixture.only(keep).plus(two[better, :, :2].reshape(-1, 2), two[better, :, 2].ravel())


def merged(mixture: Mixture, residual: np.ndarray, observed: np.ndarray, noise_std: float, penalty: float) -> Mixture:
    """Replace two components by one where two do not gain more than `penalty` in the log-likelihood, or stand too close."""
    if len(mixture) < 2:
        return mixture
    scaled = mixture.yx * np.array(mixture.aspect)
    distance, neighbour = cKDTree(scaled).query(scaled, k=2)
    nearest = neighbour[:, 1]
    k = np.arange(len(mixture))
    mutual = (nearest[nearest] == k) & (k < nearest) & (distance[:, 1] < 1.3 * mixture.profile.fwhm_px)
    left, right = k[mutual], nearest[mutual]
    if not len(left):
        return mixture
    spot = np.concatenate([mixture.yx, mixture.mass[:, None]], axis=1)
    two = np.stack([spot[left], spot[right]], axis=1)
    mass = two[:, :, 2].sum(axis=1)
    centre = (two[:, :, :2] * two[:, :, 2:]).sum(axis=1) / mass[:, None]
    place = Place(centre, mixture, residual, observed, noise_std)
    data = place.residual + place.model(two)
    one, one_misfit = place.fit(data, np.concatenate([centre, mass[:, None]], axis=1)[:, None, :])
    two, two_misfit = place.fit(data, two)
    worse = ((one_misfit - two_misfit) / 2 < penalty) | ~_apart(two, mixture)
    keep = np.ones(len(mixture), dtype=bool)
    keep[left[worse]] = keep[right[worse]] = False
    return mixture.only(keep).plus(one[worse, 0, :2], one[worse, 0, 2])


def _apart(two: np.ndarray, mixture: Mixture) -> np.ndarray:
    between = (two[:, 0, :2] - two[:, 1, :2]) * np.array(mixture.aspect)
    return np.hypot(between[:, 0], between[:, 1]) > CLOSEST * mixture.profile.fwhm_px


class Place:
    """Windows around places in the map, with what is left there and how much each pixel counts."""

    def __init__(self, yx: np.ndarray, mixture: Mixture, residual: np.ndarray, observed: np.ndarray, noise_std: float) -> None:
        self.profile: Profile = mixture.profile
        self.aspect = mixture.aspect
        margin = int(np.ceil(1.5 * mixture.profile.fwhm_px)) + 1
        frame = PaddedFrame((observed.shape[0], observed.shape[1]), margin)
        step = np.arange(-margin, margin + 1)
        middle = np.clip(np.rint(yx).astype(int), 0, np.array(observed.shape) - 1)
        self.y, self.x = middle[:, :1] + step, middle[:, 1:] + step
        flat = (self.y + margin)[:, :, None] * frame.padded_shape[1] + (self.x + margin)[:, None, :]
        flat = flat.reshape(len(yx), -1)
        self.residual = frame.pad(residual, 0.0)[flat]
        self.noise_std = noise_std
        self.weight = frame.pad(observed, False)[flat] / noise_std**2

    def only(self, chosen: np.ndarray) -> Place:
        """Some of the places."""
        out = object.__new__(Place)
        out.profile, out.aspect, out.noise_std = self.profile, self.aspect, self.noise_std
        out.y, out.x, out.residual, out.weight = self.y[chosen], self.x[chosen], self.residual[chosen], self.weight[chosen]
        return out

    def offsets(self, spots: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """y, x and squared distance of each pixel from each spot; (places, spots, pixels)."""
        dy = (self.y[:, None, :] - spots[:, :, :1]) * self.aspect[0]
        dx = (self.x[:, None, :] - spots[:, :, 1:2]) * self.aspect[1]
        shape = (*spots.shape[:2], dy.shape[2], dx.shape[2])
        dy = np.broadcast_to(dy[:, :, :, None], shape).reshape(*shape[:2], -1)
        dx = np.broadcast_to(dx[:, :, None, :], shape).reshape(*shape[:2], -1)
        return dy, dx, dy**2 + dx**2

    def model(self, spots: np.ndarray) -> np.ndarray:
        """The sum of the spots (places, spots, [y, x, mass]) at each place's pixels."""
        return (self.profile.at(self.offsets(spots)[2]) * spots[:, :, 2:]).sum(axis=1)

    def fit(self, data: np.ndarray, spots: np.ndarray, iterations: int = 12) -> tuple[np.ndarray, np.ndarray]:
        """Least squares of masses and positions (Levenberg and Marquardt), all places at once; spots and misfits."""
        n, m = spots.shape[:2]
        # where the spots are high the profile is what is wrong; the same weights for all that are compared
        weight = self.weight / (1 + (PROFILE_ERROR * data / self.noise_std) ** 2)
        damping = np.full(n, 1e-2)
        misfit = (weight * (data - self.model(spots)) ** 2).sum(axis=1)
        for _ in range(iterations):
            dy, dx, squared = self.offsets(spots)
            unit = self.profile.at(squared)
            slope = -self.profile.slopes(squared)[0] * spots[:, :, 2:]
            gradient = np.stack([slope * dy * self.aspect[0], slope * dx * self.aspect[1], unit], axis=2).reshape(n, 3 * m, -1)
            left = data - (unit * spots[:, :, 2:]).sum(axis=1)
            curvature = np.einsum("nap,np,nbp->nab", gradient, weight, gradient, optimize=True)
            diagonal = np.einsum("naa->na", curvature)
            curvature = curvature + (damping[:, None] * diagonal + 1e-9)[:, :, None] * np.eye(3 * m)
            step = np.linalg.solve(curvature, np.einsum("nap,np->na", gradient, weight * left)[:, :, None])[:, :, 0]
            step = step.reshape(n, m, 3)
            step[:, :, :2] = np.clip(step[:, :, :2], -1.0, 1.0)
            moved = spots + step
            moved_misfit = (weight * (data - self.model(moved)) ** 2).sum(axis=1)
            good = moved_misfit < misfit
            spots = np.where(good[:, None, None], moved, spots)
            misfit = np.where(good, moved_misfit, misfit)
            damping = np.where(good, damping / 5, damping * 10)
        return spots, misfit


def _linear(templates: np.ndarray, left: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted least squares of templates (places, pixels, t): what they gain, and their coefficients."""
    information = np.einsum("kpa,kp,kpb->kab", templates, weight, templates, optimize=True)
    information += 1e-9 * np.trace(information, axis1=1, axis2=2)[:, None, None] * np.eye(templates.shape[2])
    right = np.einsum("kpa,kp->ka", templates, weight * left)
    solved = np.linalg.solve(information, right[:, :, None])[:, :, 0]
    return 0.5 * (solved * right).sum(axis=1), solved
