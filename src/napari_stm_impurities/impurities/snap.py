"""Moving a point onto the peak of the score map beside it."""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial import cKDTree

from ..physics.dispersion import Dispersion
from .peaks import find_peaks

#: How far a point is moved at most, in nm, where no band tells the length of the ripples.
REACH_NM = 1.0


def reach_of(band: Dispersion | None, bias_mv: float) -> float:
    """How far a point is moved at most, in nm: half the length pi / k of a ripple, :data:`REACH_NM` without a band.

    Examples
    --------
    >>> round(reach_of(Dispersion.of_material("Au(111)"), 0.0), 2), reach_of(None, 0.0)
    (0.83, 1.0)
    """
    k_per_nm = 0.0 if band is None else float(band.k_per_nm(bias_mv))
    return math.pi / (2 * k_per_nm) if k_per_nm > 0 else REACH_NM


def snap_to_peaks(score: np.ndarray, yx_px: np.ndarray, reach_px: float | tuple[float, float]) -> np.ndarray:
    """The highest peak of a score map within reach of each point, no peak for two points.

    Parameters
    ----------
    score
        S, shape (y, x).
    yx_px
        Shape (n, 2), on the pixels of `score`; points outside its frame are given back as they are.
    reach_px
        How far a peak may lie, in pixels, one number or (y, x).

    Returns
    -------
    numpy.ndarray
        Shape (n, 2), sub-pixel; a point without a peak in reach, or whose peak another point takes that lies nearer to
        it, stays where it is.

    Examples
    --------
    >>> score = np.zeros((9, 9)); score[4, 5] = 2; score[4, 6] = 1
    >>> snap_to_peaks(score, np.array([[3.0, 4.0], [0.0, 0.0]]), 2).round(2).tolist()
    [[4.0, 5.17], [0.0, 0.0]]
    """
    snapped = np.array(yx_px, dtype=np.float64).reshape(-1, 2)
    reach = np.broadcast_to(np.asarray(reach_px, dtype=np.float64), (2,))
    # a peak is one among its neighbours, and is refined by them: two pixels more than the reach on each side
    first, last = np.zeros(2, int), np.array(score.shape)
    near = ((snapped > -0.5 - reach) & (snapped < last - 0.5 + reach)).all(axis=1)
    if not near.any():
        return snapped
    first = np.maximum(np.floor(snapped[near].min(axis=0) - reach) - 2, first).astype(int)
    last = np.minimum(np.ceil(snapped[near].max(axis=0) + reach) + 3, last).astype(int)
    peaks, height = find_peaks(score[first[0] : last[0], first[1] : last[1]])
    if not len(peaks):
        return snapped
    peaks = peaks + first
    in_reach = cKDTree(peaks / reach).query_ball_point(snapped / reach, 1.0)
    wanted = {point: max(rows, key=height.__getitem__) for point, rows in enumerate(in_reach) if rows}
    taken: set[int] = set()
    for point in sorted(wanted, key=lambda one: float(np.linalg.norm((peaks[wanted[one]] - snapped[one]) / reach))):
        if wanted[point] not in taken:
            taken.add(wanted[point])
            snapped[point] = peaks[wanted[point]]
    return snapped
