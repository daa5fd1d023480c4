"""How the sample moves under the tip: a steady drift and the creep of the piezo, line by line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Creep goes with log(1 + t / tau); tau as a share of the whole measurement.
_CREEP_TIME = 0.03


def drift_nm(n_biases: int, n_lines: int, total_nm: float, creep_share: float, angle_rad: float) -> NDArray[np.float64]:
    """How far the sample was moved at each bias and line, shape (bias, line, 2), y and x in nm; its mean is 0.

    Parameters
    ----------
    total_nm
        From the first line of the first map to the last line of the last one.
    creep_share
        The share of it that is creep; the rest is steady, which shears each map besides.
    angle_rad
        Of the steady drift; the creep goes across it.
    """
    # the last line is at time 1
    time = np.arange(n_biases * n_lines).reshape(n_biases, n_lines) / max(n_biases * n_lines - 1, 1)
    creep = np.log1p(time / _CREEP_TIME) / np.log1p(1 / _CREEP_TIME)
    steady = np.array([np.sin(angle_rad), np.cos(angle_rad)])
    across = np.array([np.cos(angle_rad), -np.sin(angle_rad)])
    part = np.sqrt(1 - creep_share**2)
    moved = total_nm * (part * time[..., None] * steady + creep_share * creep[..., None] * across)
    return moved - moved.mean(axis=(0, 1))


def recorded(places_nm: NDArray[np.float64], moved_nm: NDArray[np.float64], pixel_nm: float) -> NDArray[np.float64]:
    """Where places on the sample lie in the maps, as a mean over the biases; shape (n, 2) as `places_nm`."""
    line = np.clip(np.rint(places_nm[:, 0] / pixel_nm).astype(int), 0, moved_nm.shape[1] - 1)
    return places_nm + moved_nm[:, line].mean(axis=0)
