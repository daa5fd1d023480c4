"""From a score map to peaks with sub-pixel positions."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter
from scipy.spatial import cKDTree

#: Two peaks nearer than this are one, in pixels; the higher stays. A little more than a pixel, the paper's radius of a
#: hit: so near to one impurity the offsets of the pixels around it end.
MERGE_PX = 1.2
#: An offset that points farther than this, in pixels, is not about this pixel: an impurity's peak lies on its pixel or
#: on one beside it, at most 1.5 pixels away along an axis; offsets are learnt as far (`losses`).
_LONGEST_OFFSET_PX = 1.5
#: A pixel whose offset stays within this distance along both axes, in pixels, says that the impurity lies in it: half a
#: pixel, and the error of an offset. So two impurities on neighbouring pixels are two, where only one scores highest.
_OWN_PIXEL_PX = 0.6
#: Beside a higher neighbour a pixel counts only where the network thinks an impurity as likely as none.
_LEAST_OWN_SCORE = 0.0


def find_peaks(
    score: np.ndarray,
    offsets_px: np.ndarray | None = None,
    measured: np.ndarray | None = None,
    merge_px: float = MERGE_PX,
) -> tuple[np.ndarray, np.ndarray]:
    """The local maxima of a score map.

    A pixel is a peak if no neighbour of its 3 x 3 surroundings scores higher, or if its offset says that an impurity
    lies in this very pixel. Its position is refined by the network's offset where there is one, else by a parabola
    through its neighbours. Of peaks nearer to each other than `merge_px` the highest stays.

    Parameters
    ----------
    score
        S, shape (y, x).
    offsets_px
        Shape (2, y, x), or None.
    measured
        Shape (y, x), bool; nothing is found elsewhere.
    merge_px
        The least distance of two peaks, in pixels.

    Returns
    -------
    yx_px
        Shape (n, 2), the highest first, inside the frame.
    peak_score
        Shape (n,).

    Examples
    --------
    >>> score = np.zeros((9, 9)); score[4, 5] = 2; score[4, 6] = 1
    >>> yx, peak = find_peaks(score)
    >>> yx[0].round(2).tolist(), float(peak[0])
    ([4.0, 5.17], 2.0)
    """
    top = (score == maximum_filter(score, size=3, mode="nearest")) & (score > score.min())
    if offsets_px is not None:
        top |= (np.abs(offsets_px) <= _OWN_PIXEL_PX).all(0) & (score > _LEAST_OWN_SCORE)
    if measured is not None:
        top &= measured
    rows, columns = np.nonzero(top)
    order = np.argsort(-score[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    pixel = np.stack([rows, columns], 1).astype(np.float64)
    if offsets_px is None:
        way = np.stack([_parabola(score, rows, columns, axis) for axis in (0, 1)], 1)
    else:
        way = offsets_px[:, rows, columns].T.clip(-_LONGEST_OFFSET_PX, _LONGEST_OFFSET_PX)
    last = np.array(score.shape) - 1
    yx = np.clip(pixel + way, -0.5, last + 0.5)
    if measured is not None:
        # a peak beside a gap does not step into it
        row, column = np.clip(np.rint(yx), 0, last).astype(int).T
        yx = np.where(measured[row, column, None], yx, pixel)
    keep = _highest_of_each_cluster(yx, merge_px)
    return yx[keep], score[rows, columns][keep].astype(np.float64)


def _parabola(score: np.ndarray, rows: np.ndarray, columns: np.ndarray, axis: int) -> np.ndarray:
    edge = np.pad(score.astype(np.float64), 1, mode="edge")
    step = (1, 0) if axis == 0 else (0, 1)
    here = edge[rows + 1, columns + 1]
    after = edge[rows + 1 + step[0], columns + 1 + step[1]]
    before = edge[rows + 1 - step[0], columns + 1 - step[1]]
    curvature = before - 2 * here + after
    slope = (after - before) / 2
    return np.where(curvature < 0, -slope / np.where(curvature < 0, curvature, 1.0), 0.0).clip(-0.5, 0.5)


def _highest_of_each_cluster(yx: np.ndarray, merge_px: float) -> np.ndarray:
    """Indices to keep, where the peaks come highest first."""
    gone = np.zeros(len(yx), bool)
    if len(yx) > 1:
        for higher, lower in sorted(cKDTree(yx).query_pairs(merge_px)):
            if not gone[higher]:
                gone[lower] = True
    return np.flatnonzero(~gone)
