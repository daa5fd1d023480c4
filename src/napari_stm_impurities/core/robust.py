"""Medians of many rows at once, without the missing values."""

from __future__ import annotations

import numpy as np


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
