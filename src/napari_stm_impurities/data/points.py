"""The table of points: what it holds, and its checks.

A table is a :class:`pandas.DataFrame` with the columns of :data:`COLUMNS`: the position in nm in the
stack's own coordinates and in pixels, the network's score, a confidence from 0 to 1, and the source,
one of :data:`SOURCES`. A manual point has no score and no confidence (NaN).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..core.errors import StmError

COLUMNS = ("y_nm", "x_nm", "y_px", "x_px", "score", "confidence", "source")
SOURCES = ("model", "manual", "reference")


def make_points(
    yx_px: ArrayLike,
    pixel_size_nm: tuple[float, float],
    *,
    source: str,
    score: ArrayLike | float = np.nan,
    confidence: ArrayLike | float = np.nan,
) -> pd.DataFrame:
    """Make a table of points from pixel positions.

    Parameters
    ----------
    yx_px
        Shape (n, 2): row and column; 0 is the centre of the first pixel.
    pixel_size_nm
        (y, x) in nm.
    source
        ``"model"``, ``"manual"`` or ``"reference"``.
    score, confidence
        One number a point, or one for all. Confidence lies between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        The columns of :data:`COLUMNS`.

    Examples
    --------
    >>> make_points([[2, 4]], (0.5, 0.5), source="manual")[["y_nm", "x_nm"]].values.tolist()
    [[1.0, 2.0]]
    """
    yx = np.asarray(yx_px, dtype=np.float64).reshape(-1, 2)
    n = len(yx)
    table = pd.DataFrame(
        {
            "y_nm": yx[:, 0] * pixel_size_nm[0],
            "x_nm": yx[:, 1] * pixel_size_nm[1],
            "y_px": yx[:, 0],
            "x_px": yx[:, 1],
            "score": np.broadcast_to(np.asarray(score, dtype=np.float64), (n,)),
            "confidence": np.broadcast_to(np.asarray(confidence, dtype=np.float64), (n,)),
            "source": pd.Categorical([source] * n, categories=list(SOURCES)),
        }
    )
    return check_points(table)


def check_points(points: pd.DataFrame) -> pd.DataFrame:
    """Return `points` if it is a table of points, else say in one line why not.

    Raises
    ------
    StmError
        If a column is missing, a position in nm is not finite, a confidence lies outside 0 to 1, or a
        source is none of :data:`SOURCES`.
    """
    missing = [name for name in COLUMNS if name not in points.columns]
    if missing:
        raise StmError(f"a table of points has the columns {', '.join(COLUMNS)}; {', '.join(missing)} is missing")
    if not np.isfinite(positions_nm(points)).all():
        raise StmError("a point has a position that is not a finite number")
    confidence = points["confidence"].to_numpy(dtype=float)
    if np.any((confidence < 0) | (confidence > 1)):
        raise StmError("a confidence lies outside 0 to 1")
    strange = set(points["source"].astype(str)) - set(SOURCES)
    if strange:
        raise StmError(f"the source of a point is one of {', '.join(SOURCES)}, got {sorted(strange)[0]!r}")
    return points


def positions_nm(points: pd.DataFrame) -> np.ndarray:
    """The positions (y, x) in nm, shape (n, 2)."""
    return points[["y_nm", "x_nm"]].to_numpy(dtype=np.float64)


def pixel_size_of(points: pd.DataFrame) -> tuple[float, float] | None:
    """The pixel size (y, x) in nm that the two kinds of position in a table imply; None where they do not tell.

    Examples
    --------
    >>> pixel_size_of(make_points([[2, 4], [3, 5]], (0.5, 0.25), source="manual"))
    (0.5, 0.25)
    """
    sizes = []
    for axis in ("y", "x"):
        nm, px = (points[f"{axis}_{unit}"].to_numpy(dtype=np.float64) for unit in ("nm", "px"))
        told = np.isfinite(px) & (np.abs(px) > 0) & (nm / np.where(px == 0, 1, px) > 0)
        if not told.any():
            return None
        sizes.append(float(np.median(nm[told] / px[told])))
    return sizes[0], sizes[1]
