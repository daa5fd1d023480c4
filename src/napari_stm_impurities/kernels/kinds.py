"""Kinds of impurity: a mixture over the phase of t and its slope with the bias.

The strength of an impurity is free, its direction ``t/|t|`` is its kind's: arg t = delta + pi/2 without loss. Each
impurity is a phase at mid band and a slope, with its own covariance; each kind is a Student t distribution about its
mean, so that the long tails of badly placed impurities do not make kinds of their own (Peel and McLachlan, Stat.
Comput. 10, 339 (2000)); a uniform class takes outliers. The number of kinds is chosen by the integrated likelihood
(Biernacki, Celeux and Govaert, IEEE PAMI 22, 719 (2000)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Fewer biases or impurities tell no kinds.
LEAST_BIASES, LEAST_IMPURITIES = 5, 15
#: Two kinds differ at least by this angle, and each has at least this share of all; both from simulated surfaces of one
#: kind, which finer limits split.
LEAST_ANGLE_RAD, LEAST_SHARE = 0.22, 0.06
MOST_KINDS = 6
#: Degrees of freedom of the Student t distribution.
_FREEDOM = 4.0
#: What neighbours and positions leave uncertain of a phase and of its change over the band, in rad.
_LEAST_SCATTER = np.array([0.04, 0.08])
#: The share of outliers beforehand, and the range over which their slope is spread, in rad over the band.
_OUTLIERS, _SLOPE_RANGE = 0.03, 6.0
#: The odds, as a logarithm, by which one kind more must be more likely.
_LEAST_GAIN = 5.0
_STEPS, _RESTARTS = 60, 8
#: The steps end when the log likelihood changes by less.
_CONVERGED = 1e-3


@dataclass(frozen=True)
class PhaseFeatures:
    """The phase of each impurity.

    Attributes
    ----------
    values
        Phase at mid band and its change over the band, in rad, shape (impurity, 2).
    covariance
        Shape (impurity, 2, 2).
    """

    values: Floats
    covariance: Floats


@dataclass(frozen=True)
class Kinds:
    """Kinds and members.

    Attributes
    ----------
    mean
        Phase at mid band and change over the band of each kind, in rad, shape (kind, 2).
    share
        Of all impurities, shape (kind,).
    probability
        Of each impurity to be of each kind, the outliers last; shape (impurity, kind + 1).
    score
        The integrated log likelihood.
    """

    mean: Floats
    share: Floats
    probability: Floats
    score: float

    @property
    def kind(self) -> NDArray[np.int_]:
        """The most likely kind of each impurity, -1 for outliers; shape (impurity,)."""
        best = self.probability.argmax(1)
        return np.where(best < len(self.mean), best, -1)

    @property
    def confidence(self) -> Floats:
        """The probability of the most likely kind, shape (impurity,)."""
        return self.probability[:, : len(self.mean)].max(1)


def phase_features(t: NDArray[np.complex128], sigma: Floats) -> PhaseFeatures:
    """Phase and slope of each impurity by a weighted line through arg t.

    Parameters
    ----------
    t
        Shape (bias, impurity).
    sigma
        The standard deviation of Re t and of Im t, the same shape.
    """
    place = np.linspace(-0.5, 0.5, len(t))
    # the direction of the weighted mean, then the rest as small angles about it
    weight = 1 / sigma**2
    mean = (t / np.abs(t).clip(1e-12) * (np.abs(t) ** 2 * weight)).sum(0)
    about = np.angle(t * np.exp(-1j * np.angle(mean)))
    precision = np.abs(t) ** 2 * weight
    s0, s1, s2 = precision.sum(0), (precision * place[:, None]).sum(0), (precision * place[:, None] ** 2).sum(0)
    # a slope of which nothing is known is 0 within the range of all slopes
    s2 = s2 + 1 / _SLOPE_RANGE**2
    r0, r1 = (precision * about).sum(0), (precision * about * place[:, None]).sum(0)
    determinant = (s0 * s2 - s1**2).clip(1e-12)
    offset, slope = (s2 * r0 - s1 * r1) / determinant, (s0 * r1 - s1 * r0) / determinant
    covariance = np.empty((t.shape[1], 2, 2))
    covariance[:, 0, 0], covariance[:, 1, 1] = s2 / determinant, s0 / determinant
    covariance[:, 0, 1] = covariance[:, 1, 0] = -s1 / determinant
    return PhaseFeatures(np.stack([_wrapped(np.angle(mean) + offset), slope], axis=1), covariance)


def find_kinds(features: PhaseFeatures, n_kinds: int | None = None, seed: int = 0) -> Kinds:
    """The kinds of the impurities.

    Parameters
    ----------
    features
        Of each impurity.
    n_kinds
        Their number; None chooses it.
    seed
        Of the starts.
    """
    rng = np.random.default_rng(seed)
    if n_kinds is not None:
        return _best(features, n_kinds, rng)
    chosen = _best(features, 1, rng)
    for n in range(2, MOST_KINDS + 1):
        if n * LEAST_IMPURITIES / 3 > len(features.values):
            break
        more = _best(features, n, rng)
        if _apart(more.mean) < LEAST_ANGLE_RAD or more.share.min() < LEAST_SHARE:
            continue
        if more.score > chosen.score + _LEAST_GAIN:
            chosen = more
    return chosen


def _apart(mean: Floats) -> float:
    """The least rms angle over the band between two kinds."""
    off = _wrapped(mean[:, None, 0] - mean[None, :, 0])
    slope = mean[:, None, 1] - mean[None, :, 1]
    angle = np.sqrt(off**2 + slope**2 / 12)  # the mean square of place is 1/12
    angle[np.diag_indices(len(mean))] = np.inf
    return float(angle.min())


def _best(features: PhaseFeatures, n: int, rng: np.random.Generator) -> Kinds:
    """The most likely of several starts."""
    found = [_expectation_maximisation(features, n, rng, spread=i % 2 == 0) for i in range(_RESTARTS if n > 1 else 1)]
    best = max(found, key=lambda kinds: kinds.score)
    order = np.argsort(-best.share, kind="stable")
    probability = np.column_stack([best.probability[:, order], best.probability[:, -1]])
    return Kinds(best.mean[order], best.share[order], probability, best.score)


def _expectation_maximisation(features: PhaseFeatures, n: int, rng: np.random.Generator, *, spread: bool) -> Kinds:
    x, own = features.values, features.covariance
    certain = np.argsort(own[:, 0, 0])[: max(n, len(x) * 2 // 3)]
    if n == 1:
        mean = np.array([[_circular_median(x[certain, 0]), np.median(x[certain, 1])]])
    elif spread:  # evenly over the phases, from a random one on
        ordered = certain[np.argsort(x[certain, 0])]
        mean = x[ordered[((np.arange(n) + rng.random()) * len(ordered) / n).astype(int) % len(ordered)]]
    else:
        mean = x[rng.choice(certain, n, replace=False)]
    share, scatter = np.full(n, (1 - _OUTLIERS) / n), 2 * _LEAST_SCATTER
    log_outlier = np.log(_OUTLIERS) - np.log(2 * np.pi * _SLOPE_RANGE)
    reached = -np.inf
    for _ in range(_STEPS):
        whole = own + np.diag(scatter**2)
        off = x[:, None] - mean
        off[..., 0] = _wrapped(off[..., 0])
        inverse = np.linalg.inv(whole)
        distance = np.einsum("nki,nij,nkj->nk", off, inverse, off)
        # Student t in two dimensions
        log_density = -0.5 * np.linalg.slogdet(whole)[1][:, None] - np.log(2 * np.pi)
        log_density = log_density - (_FREEDOM / 2 + 1) * np.log1p(distance / _FREEDOM)
        log_joint = np.column_stack([np.log(share) + log_density, np.full(len(x), log_outlier)])
        log_total = np.logaddexp.reduce(log_joint, axis=1)
        probability = np.exp(log_joint - log_total[:, None])
        if abs(log_total.sum() - reached) < _CONVERGED:
            break
        reached = float(log_total.sum())
        tail = (_FREEDOM + 2) / (_FREEDOM + distance)
        weight = probability[:, :n] * tail
        normal = np.einsum("nk,nij->kij", weight, inverse) + 1e-9 * np.eye(2)
        step = np.linalg.solve(normal, np.einsum("nk,nij,nkj->ki", weight, inverse, off)[..., None])[..., 0]
        mean = mean + step
        mean[:, 0] = _wrapped(mean[:, 0])
        members = probability[:, :n].sum(0)
        share = np.maximum(members, 1e-6) / members.sum() * (1 - _OUTLIERS)
        # what the members scatter beyond their own errors, the same for all kinds
        beyond = (weight[..., None] * (off**2 - np.einsum("nii->ni", own)[:, None])).sum((0, 1)) / weight.sum()
        scatter = np.sqrt(np.maximum(beyond, _LEAST_SCATTER**2))
    unknowns = 3 * n + 1
    certainty = probability * np.log(np.maximum(probability, 1e-300))
    score = float(log_total.sum() - 0.5 * unknowns * np.log(len(x)) + certainty.sum())
    return Kinds(mean, share / (1 - _OUTLIERS), probability, score)


def _wrapped(angle: Floats) -> Floats:
    return (angle + np.pi) % (2 * np.pi) - np.pi


def _circular_median(angle: Floats) -> float:
    centre = float(np.angle(np.exp(1j * angle).mean()))
    return float(centre + np.median(_wrapped(angle - centre)))
