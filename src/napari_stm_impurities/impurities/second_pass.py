"""The second pass: what the confident points of one surface have in common scores all its points once more.

A network knows impurities from simulation only. The impurities of one surface share a near field and a contrast that no
simulation knows, and that the confident points show: their common pattern, its core included, is fitted to the maps
together with the amplitude of every point (:func:`~napari_stm_impurities.kernels.empirical.empirical_kernel`). The
confidence of a point is then a logistic regression on the network's score and this amplitude, fitted once on simulated
windows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.configuration import Configuration
from ..core.robust import mad_std
from ..kernels.empirical import empirical_kernel
from .inputs import scale_maps
from .preprocess import ModelInput

#: A kernel is fitted to this many confident points at least; the scatter of fewer says little of what they share.
MIN_CONFIDENT = 8
#: Points below this confidence are not looked at again: hardly any of them is an impurity, and each costs time.
MIN_CONFIDENCE = 0.02
#: The kernel reaches this many ripples: the core and the first crests hold most of what one impurity does.
_RADIUS_RIPPLES = 2.0
#: Limits of the features, beyond which a larger value says no more: amplitudes, and amplitudes over their errors.
_AMPLITUDES, _SIGNIFICANCES = (-1.0, 2.5), (-5.0, 15.0)
#: Divides significances, so that all features are of the order of 1.
_SIGNIFICANCE_UNIT = 5.0
#: The share of the spread of amplitudes that is taken for granted: no surface has impurities more alike.
_LEAST_SPREAD = 0.1
#: Of confidences, so that their logits stay finite.
_EDGE = 1e-4
#: How many features :func:`features` gives.
N_FEATURES = 7


class SecondPass(Configuration):
    """The logistic regression that gives a confidence from the features of :func:`features`."""

    weights: tuple[float, ...]
    """One for each feature."""
    intercept: float
    """The log odds where all features are 0."""

    def confidence(self, of_points: NDArray[np.float64]) -> NDArray[np.float64]:
        """The confidence of each point, 0 to 1, from its features, shape (point, feature)."""
        return np.exp(-np.logaddexp(0.0, -(of_points @ np.asarray(self.weights) + self.intercept)))


@dataclass(frozen=True)
class Amplitude:
    """The amplitude of each point in the common kernel, NaN where a point was not looked at.

    Attributes
    ----------
    value
        1 for a usual confident point, 0 for none; shape (point,).
    sigma
        Its standard deviation.
    spread
        How far the confident points differ: the robust standard deviation of their amplitudes.
    """

    value: NDArray[np.float64]
    sigma: NDArray[np.float64]
    spread: float

    @property
    def fitted(self) -> NDArray[np.bool_]:
        """Which points have an amplitude with an error, shape (point,)."""
        return np.isfinite(self.value) & (self.sigma > 0)


def common_amplitudes(
    view: ModelInput, yx_px: NDArray[np.float64], confidence: NDArray[np.float64], threshold: float
) -> Amplitude | None:
    """The amplitude of each point in the pattern that the confident ones have in common.

    Parameters
    ----------
    view
        The maps as the network saw them; their k sets the radius of the kernel.
    yx_px
        Positions on the pixels of `view`, shape (point, 2).
    confidence
        Of the network, shape (point,).
    threshold
        The confidence from which on a point is one of those that make the kernel.

    Returns
    -------
    Amplitude or None
        None where k is not known, or fewer than :data:`MIN_CONFIDENT` points are confident.
    """
    confident = confidence >= threshold
    if view.k_rad_per_px is None or confident.sum() < MIN_CONFIDENT:
        return None
    maps = scale_maps(view.maps, "robust").numpy()
    radius_px = _RADIUS_RIPPLES * np.pi / view.k_rad_per_px[1]
    kernel = empirical_kernel(maps, yx_px[confident], radius_nm=radius_px, pixel_size_nm=1.0)
    seen = confidence >= min(MIN_CONFIDENCE, threshold)
    fitted = kernel.amplitudes(yx_px[seen])
    usual = float(np.median(fitted.value[confident[seen]]))
    if usual <= 0:
        return None
    value, sigma = np.full(len(yx_px), np.nan), np.full(len(yx_px), np.nan)
    value[seen], sigma[seen] = fitted.value / usual, fitted.sigma / usual
    return Amplitude(value, sigma, mad_std(value[confident]))


def features(confidence: NDArray[np.float64], amplitude: Amplitude, n_maps: int) -> NDArray[np.float64]:
    """What the second pass knows of each point, shape (point, feature).

    Parameters
    ----------
    confidence
        Of the network, shape (point,).
    amplitude
        Of the same points.
    n_maps
        How many maps the network was shown.
    """
    share = np.clip(confidence, _EDGE, 1 - _EDGE)
    value = np.clip(amplitude.value, *_AMPLITUDES)
    significance = np.clip(amplitude.value / amplitude.sigma, *_SIGNIFICANCES) / _SIGNIFICANCE_UNIT
    # where the confident points are alike, an amplitude says more
    alike = np.full_like(value, _LEAST_SPREAD / (_LEAST_SPREAD + amplitude.spread))
    maps = np.full_like(value, np.log2(n_maps))
    logit = np.log(share / (1 - share))
    return np.stack([logit, value, significance, alike, value * alike, significance * alike, maps], axis=1)


def second_confidence(
    regression: SecondPass,
    view: ModelInput,
    yx_px: NDArray[np.float64],
    confidence: NDArray[np.float64],
    threshold: float,
) -> tuple[NDArray[np.float64], Amplitude | None]:
    """The confidence of each point after the second pass, and the amplitudes that it rests on.

    Points that were not looked at, or all of them where there is no second pass, keep their confidence; parameters are
    those of :func:`common_amplitudes`.
    """
    amplitude = common_amplitudes(view, yx_px, confidence, threshold)
    if amplitude is None:
        return confidence, None
    fitted = amplitude.fitted
    again = confidence.copy()
    again[fitted] = regression.confidence(features(confidence, amplitude, len(view.maps))[fitted])
    return again, amplitude
