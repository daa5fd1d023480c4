"""Tables of points as files: CSV that loses nothing, and the tables of other programs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..core.errors import ReadError, StmError
from ..core.files import written_whole
from ..data.points import COLUMNS, KNOWN_COLUMNS, SOURCES, check_points
from .imagej import SELECTIONS, import_imagej_roi
from .xy_tables import parse_positions


def save_points(points: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Write a table of points as CSV; :func:`load_points` gives the same table back, bit by bit.

    Raises
    ------
    StmError
        If it is no table of points, the name is not that of a CSV file, or it cannot be written there.
    """
    path = Path(path)
    if path.suffix.lower() != ".csv":
        raise StmError(f"{path}: a table of points is written as CSV; name the file {path.with_suffix('.csv').name}")
    check_points(points)
    with written_whole(path) as beside:
        points.to_csv(beside, index=False)
    return path


def load_points(
    path: str | os.PathLike[str], *, pixel_size_nm: float | tuple[float, float] | None = None
) -> pd.DataFrame:
    """Read a table of points from CSV, or a selection of points from ImageJ.

    Parameters
    ----------
    path
        A table that :func:`save_points` wrote, or any CSV with the columns ``y_nm`` and ``x_nm``; or a plain table of
        x and y (:func:`~napari_stm_impurities.io.xy_tables.parse_positions`). Columns that it lacks are filled
        (source ``reference``, no confidence). Or a selection of ImageJ (``.roi``, ``.zip``), which counts pixels.
    pixel_size_nm
        One number or (y, x), for positions in pixels.

    Raises
    ------
    ReadError
        If the file is missing, is no table, lacks the positions in nm, or is in pixels of an unknown size.
    """
    path = Path(path)
    if path.suffix.lower() in SELECTIONS:
        if pixel_size_nm is None:
            raise ReadError(path, "a selection of ImageJ is in pixels; give pixel_size_nm, that of its map")
        return import_imagej_roi(path, pixel_size_nm)
    try:
        # an element or a class may well be called NA or None
        table = pd.read_csv(path, keep_default_na=False, na_values=[""])
    except FileNotFoundError:
        raise ReadError(path, "no such file") from None
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ReadError(path, f"expected a table of points (CSV), but it cannot be parsed: {reason}") from None
    if not {"y_nm", "x_nm"} <= set(table.columns):
        try:
            table = parse_positions(path.read_text(encoding="utf-8", errors="replace"))
        except StmError as error:
            raise ReadError(path, str(error)) from None
    for name in ("y_px", "x_px"):
        if name not in table:
            alias = {"y_px": "row_px", "x_px": "col_px"}[name]
            table[name] = table.get(alias, np.nan)
    for name in ("score", "confidence"):
        if name not in table:
            table[name] = np.nan
    if "source" not in table:
        table["source"] = "reference"
    try:
        table = table.astype({name: np.float64 for name in COLUMNS[:6]})
        check_points(table)
    except (StmError, ValueError) as error:
        raise ReadError(path, str(error).splitlines()[0]) from None
    table["source"] = pd.Categorical(table["source"].astype(str), categories=list(SOURCES))
    further = [name for name in table.columns if name not in COLUMNS]
    return table[[*COLUMNS, *further]].assign(**{name: _typed(table[name]) for name in further})


#: What programs write for a number that is not known.
_NOT_A_NUMBER = ("nan", "na", "n/a", "none", "null", "-")


def _typed(column: pd.Series[Any]) -> pd.Series[Any]:
    """A further column as numbers, flags or text, whichever all of its cells are; text is never missing, but empty."""
    kind = next((known.kind for known in KNOWN_COLUMNS if known.name == column.name), None)
    if kind == "text":
        return column.fillna("").astype(str).astype(object)
    if column.dtype.kind not in "fiub":
        present = column.dropna()
        if present.map(lambda cell: isinstance(cell, bool)).all():
            return column.astype("boolean")
        unknown = column.isna() | column.astype(str).str.strip().str.lower().isin(_NOT_A_NUMBER)
        numbers = pd.to_numeric(column.where(~unknown), errors="coerce")
        if unknown.all() or (numbers.isna() & ~unknown).any():
            return column.fillna("").astype(object)
        column = numbers
    return column.astype("Int64") if kind == "integer" and column.isna().any() else column
