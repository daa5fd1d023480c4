"""The table of points: its columns, and its checks.

A table is a :class:`pandas.DataFrame` with the required columns of :data:`REQUIRED`: the position in nm in the image's
own coordinates and in pixels, and the source, one of :data:`SOURCES`. Every other column is kept wherever the table
goes. The columns that this package knows are described once, in :data:`KNOWN_COLUMNS`. A manual point has no score and
no confidence (NaN).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..core.arguments import instance, pixel_sizes, real_array, value_text
from ..core.errors import StmError

SOURCES = ("model", "manual", "reference", "kernel residual")


@dataclass(frozen=True)
class PointColumn:
    """One column of a table of points.

    Attributes
    ----------
    name
        With its unit, where it has one.
    kind
        ``number``, ``integer``, ``flag`` (true or false) or ``text``.
    unit
        Empty for a plain number or text.
    text
        What it means, in one line.
    """

    name: str
    kind: Literal["number", "integer", "flag", "text"]
    unit: str
    text: str


#: The columns that this package knows. A table may have any others, and keeps them.
KNOWN_COLUMNS = (
    PointColumn("y_nm", "number", "nm", "position along y, from the centre of the first pixel of the image"),
    PointColumn("x_nm", "number", "nm", "position along x, from the centre of the first pixel of the image"),
    PointColumn("y_px", "number", "px", "row; 0 is the centre of the first pixel"),
    PointColumn("x_px", "number", "px", "column; 0 is the centre of the first pixel"),
    PointColumn("score", "number", "", "output of the network before calibration"),
    PointColumn("confidence", "number", "", "calibrated probability, 0 to 1"),
    PointColumn("source", "text", "", "model, manual, reference or kernel residual"),
    PointColumn("checked", "text", "", "review status: unchecked, accepted or rejected"),
    PointColumn("frame", "integer", "", "number of the frame in a movie, from 0"),
    PointColumn("track", "integer", "", "number of the track that the point belongs to"),
    PointColumn("kind", "text", "", "class of the object at the point"),
    PointColumn("kind_confidence", "number", "", "probability of that class, 0 to 1"),
    PointColumn(
        "amplitude",
        "number",
        "",
        "strength in the pattern that the points of the image or of its kind share; 1 is usual",
    ),
    PointColumn("amplitude_sigma", "number", "", "standard deviation of the amplitude"),
    PointColumn("phase_rad", "number", "rad", "phase of the T matrix at mid band"),
    PointColumn("phase_sigma_rad", "number", "rad", "standard deviation of that phase"),
    PointColumn("y_refined_nm", "number", "nm", "position along y that fits the maps best"),
    PointColumn("x_refined_nm", "number", "nm", "position along x that fits the maps best"),
    PointColumn("position_sigma_nm", "number", "nm", "standard deviation of the refined position along one axis"),
    PointColumn("explains_sigma", "number", "", "amplitude in standard deviations"),
    PointColumn("suspect", "flag", "", "whether the point explains little of the maps"),
    PointColumn("structure", "number", "", "probability of structure at the point (step edge, wall, object), 0 to 1"),
)

#: The columns that :func:`make_points` makes, in their order.
COLUMNS = ("y_nm", "x_nm", "y_px", "x_px", "score", "confidence", "source")
#: The columns without which a table is no table of points.
REQUIRED = ("y_nm", "x_nm", "y_px", "x_px", "source")


def make_points(
    yx_px: ArrayLike,
    pixel_size_nm: tuple[float, float],
    *,
    source: str,
    score: ArrayLike | float = np.nan,
    confidence: ArrayLike | float = np.nan,
) -> pd.DataFrame:
    """The table of points at pixel positions.

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

    Raises
    ------
    StmError
        If the positions have another shape or are not finite, there are more or fewer scores than points, a confidence
        lies outside 0 to 1, or the source is none of :data:`SOURCES`.

    Examples
    --------
    >>> make_points([[2, 4]], (0.5, 0.5), source="manual")[["y_nm", "x_nm"]].values.tolist()
    [[1.0, 2.0]]
    """
    yx = real_array(yx_px, "the positions").astype(np.float64)
    yx = yx.reshape(0, 2) if yx.size == 0 else yx
    if yx.ndim != 2 or yx.shape[1] != 2:
        raise StmError(f"the positions must have the shape (n, 2), row and column in pixels, got {value_text(yx_px)}")
    size = pixel_sizes(pixel_size_nm)
    if not isinstance(source, str) or source not in SOURCES:
        raise StmError(f"the source of a point is one of {', '.join(SOURCES)}, got {value_text(source)}")
    n = len(yx)
    table = pd.DataFrame(
        {
            "y_nm": yx[:, 0] * size[0],
            "x_nm": yx[:, 1] * size[1],
            "y_px": yx[:, 0],
            "x_px": yx[:, 1],
            "score": _one_per_point(score, n, "the score"),
            "confidence": _one_per_point(confidence, n, "the confidence"),
            "source": pd.Categorical([source] * n, categories=list(SOURCES)),
        }
    )
    return check_points(table)


def _one_per_point(values: ArrayLike, n: int, what: str) -> np.ndarray:
    """One number a point, shape (n,), from as many numbers or one for all."""
    array = real_array(values, what).astype(np.float64)
    if array.shape not in ((), (n,)):
        raise StmError(f"{what} must be one number, or one for each of {n} points, got {value_text(values)}")
    return np.broadcast_to(array, (n,))


def check_points(points: pd.DataFrame) -> pd.DataFrame:
    """The same table, if it is a table of points.

    Raises
    ------
    StmError
        If a required column is missing, a position in nm is not finite, a confidence lies outside 0 to 1, or a source
        is none of :data:`SOURCES`.
    """
    instance(points, pd.DataFrame, "a table of points", "load_points reads one")
    missing = [name for name in REQUIRED if name not in points.columns]
    if missing:
        raise StmError(f"a table of points has the columns {', '.join(REQUIRED)}; {', '.join(missing)} is missing")
    if not np.isfinite(positions_nm(points)).all():
        raise StmError("a point has a position that is not a finite number")
    for name in ("y_px", "x_px", "score"):
        if name in points:
            _numbers(points, name)
    if "confidence" in points:
        confidence = _numbers(points, "confidence")
        if np.any((confidence < 0) | (confidence > 1)):
            raise StmError("a confidence lies outside 0 to 1")
    unknown = set(points["source"].astype(str)) - set(SOURCES)
    if unknown:
        raise StmError(f"the source of a point is one of {', '.join(SOURCES)}, got {sorted(unknown)[0]!r}")
    return points


def with_columns_of(points: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """The points with every column that `like` has and they lack, missing in each row.

    Examples
    --------
    >>> few = make_points([[0.0, 0.0]], (1.0, 1.0), source="manual")
    >>> with_columns_of(few, few.assign(kind="vacancy"))["kind"].tolist()
    ['']
    """
    absent = {}
    for name in like.columns:
        if name not in points:
            nullable = nullable_column(like[name])
            missing = [missing_value(nullable)] * len(points)
            absent[name] = pd.Series(missing, index=points.index, dtype=nullable.dtype)
    return points.assign(**absent)


def nullable_column(column: pd.Series[Any]) -> pd.Series[Any]:
    """The same column, with a dtype that can hold a missing value as well."""
    if column.dtype.kind == "b":
        return column.astype("boolean")
    if column.dtype.kind in "iu":
        return column.astype("Int64")
    return column if column.dtype.kind == "f" else column.astype(object)


def missing_value(column: pd.Series[Any]) -> Any:
    """The value for a point of which a column is not known: NaN for numbers, an empty string for text.

    For integers and flags it is pandas' own missing value.
    """
    if column.dtype.kind == "f":
        return np.nan
    return pd.NA if column.dtype.kind in "iub" else ""


def positions_nm(points: pd.DataFrame) -> np.ndarray:
    """The positions (y, x) in nm, shape (n, 2).

    Raises
    ------
    StmError
        If it is no table, a column is missing, or a position is no number.
    """
    instance(points, pd.DataFrame, "a table of points", "load_points reads one")
    missing = [name for name in ("y_nm", "x_nm") if name not in points.columns]
    if missing:
        raise StmError(f"a table of points needs the columns y_nm and x_nm, got {[*points.columns]!r:.200}")
    return np.stack([_numbers(points, "y_nm"), _numbers(points, "x_nm")], axis=1)


def _numbers(points: pd.DataFrame, name: str) -> np.ndarray:
    if (points.columns == name).sum() > 1:
        raise StmError(f"a table of points has the column {name} more than once")
    column = points[name]
    try:
        if column.dtype.kind in "bcmM":
            raise TypeError
        return column.to_numpy(dtype=np.float64)
    except (TypeError, ValueError):
        raise StmError(f"the column {name} of a table of points must hold numbers, got {column.dtype}") from None


def pixel_size_of(points: pd.DataFrame) -> tuple[float, float] | None:
    """The pixel size (y, x) in nm that the two kinds of position in a table imply; None where they determine none.

    Examples
    --------
    >>> pixel_size_of(make_points([[2, 4], [3, 5]], (0.5, 0.25), source="manual"))
    (0.5, 0.25)
    """
    sizes = []
    for axis in ("y", "x"):
        nm, px = (points[f"{axis}_{unit}"].to_numpy(dtype=np.float64) for unit in ("nm", "px"))
        determined = np.isfinite(px) & (np.abs(px) > 0) & (nm / np.where(px == 0, 1, px) > 0)
        if not determined.any():
            return None
        sizes.append(float(np.median(nm[determined] / px[determined])))
    return sizes[0], sizes[1]
