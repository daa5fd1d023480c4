"""Robust statistics: the spread from the median absolute deviation, and medians without the missing values."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

#: The standard deviation of normally distributed values over their median absolute deviation, 1 / Phi^-1(3/4).
MAD_TO_STD = 1.4826


def mad_std(values: ArrayLike, centre: float | None = None) -> float:
    """The standard deviation that the median absolute deviation implies for normal values; outliers hardly count.

    Parameters
    ----------
    values
        Any shape, finite.
    centre
        What they deviate from; their median when not given.

    Examples
    --------
    >>> round(mad_std([-1.0, 0.0, 1.0, 1000.0]), 3)
    1.483
    """
    finite = np.asarray(values, dtype=np.float64)
    middle = float(np.median(finite)) if centre is None else centre
    return MAD_TO_STD * float(np.median(np.abs(finite - middle)))


def nan_median(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The median over the last axis without the NaN, and the share that is not NaN.

    A sort puts the NaN last, so the middle is found by counting: many times faster than nanmedian.
    """
    ordered = np.sort(values, axis=-1)
    n = values.shape[-1]
    count = n - np.isnan(ordered).sum(axis=-1) if np.isnan(ordered[..., -1]).any() else np.full(ordered.shape[:-1], n)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0)[..., None], -1)[..., 0]
    high = np.take_along_axis(ordered, np.minimum(count // 2, n - 1)[..., None], -1)[..., 0]
    return np.where(count % 2 == 1, low, 0.5 * (low + high)), count / n
