"""Tables of points as files: CSV that loses nothing, and the tables of other programs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..core.arguments import path_of, pixel_sizes
from ..core.errors import ReadError, StmError
from ..core.files import written_whole
from ..core.units import decode
from ..data.points import COLUMNS, KNOWN_COLUMNS, SOURCES, check_points
from .imagej import SELECTIONS, import_imagej_roi, is_selection
from .position_columns import position_columns, positions_in
from .xy_tables import PlainTable, parse_table

#: Other names of the positions in pixels.
_ALIASES = {"row_px": "y_px", "col_px": "x_px"}
#: The bytes that are read to recognise a table of points, and a number of pixels below that of any map.
_HEAD_BYTES = 65536
_LEAST_PIXELS = 16


def save_points(points: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Write a table of points as CSV and return the path; :func:`load_points` reads the same table back exactly.

    Raises
    ------
    StmError
        If it is no table of points, the name is not that of a CSV file, or it cannot be written there.
    """
    path = check_table_name(path)
    check_points(points)
    with written_whole(path) as temporary:
        points.to_csv(temporary, index=False)
    return path


def check_table_name(path: str | os.PathLike[str]) -> Path:
    """The path of a table of points that is to be written.

    Raises
    ------
    StmError
        If the name is not that of a CSV file.
    """
    path = path_of(path, "a table to write")
    if path.suffix.lower() != ".csv":
        raise StmError(f"{path}: a table of points is written as CSV; name the file {path.with_suffix('.csv').name}")
    return path


def load_points(
    path: str | os.PathLike[str], *, pixel_size_nm: float | tuple[float, float] | None = None
) -> pd.DataFrame:
    r"""The table of points in a file, or in a selection of points from ImageJ.

    Parameters
    ----------
    path
        A table that :func:`save_points` wrote, or any with the columns ``y_nm`` and ``x_nm``, whose other columns are
        kept; or a table of another program with x and y, separated by commas, semicolons, tabs or spaces. The unit
        is part of the names (``x [um]``, ``X_px``); without one the positions are taken in nm. The results of ImageJ
        lose the half pixel by which it counts from the corner of the first pixel. What the table lacks is filled
        (source ``reference``, no confidence). Or a selection of ImageJ (``.roi``, ``.zip``), which counts pixels.
    pixel_size_nm
        One number or (y, x), for positions in pixels.

    Returns
    -------
    pandas.DataFrame
        The columns of :data:`COLUMNS`, and others of the file. Its ``attrs["assumptions"]`` lists what the table does
        not state and was assumed, one line each.

    Raises
    ------
    ReadError
        If the file is missing, is no table, its positions are in pixels of an unknown size or in an unknown unit, or
        a number may mean two.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "points.csv"
    >>> _ = path.write_text("x_px,y_px\n4,2\n")
    >>> load_points(path, pixel_size_nm=0.5)[["y_nm", "x_nm"]].values.tolist()
    [[1.0, 2.0]]
    """
    path = path_of(path, "a table of points")
    if path.suffix.lower() in SELECTIONS:
        if pixel_size_nm is None:
            raise ReadError(path, "a selection of ImageJ is in pixels; give pixel_size_nm, that of its map")
        selection = import_imagej_roi(path, pixel_size_nm)
        selection.attrs["assumptions"] = []
        return selection
    try:
        cells = parse_table(decode(path.read_bytes()))
        table, assumptions = _of_cells(cells, None if pixel_size_nm is None else pixel_sizes(pixel_size_nm))
        check_points(table)
    except FileNotFoundError:
        raise ReadError(path, "no such file") from None
    except OSError as error:
        raise ReadError(path, f"cannot be read ({error.strerror})") from None
    except StmError as error:
        raise ReadError(path, str(error)) from None
    table["source"] = pd.Categorical(table["source"].astype(str), categories=list(SOURCES))
    table = table[[*COLUMNS, *(name for name in table.columns if name not in COLUMNS)]]
    table.attrs["assumptions"] = list(assumptions)
    return table


def _of_cells(cells: PlainTable, pixel_size_nm: tuple[float, float] | None) -> tuple[pd.DataFrame, tuple[str, ...]]:
    positions = positions_in(cells, pixel_size_nm)
    columns: dict[str, Any] = {
        "y_nm": positions.y_nm,
        "x_nm": positions.x_nm,
        "y_px": positions.y_px,
        "x_px": positions.x_px,
    }
    is_own_format = {"y_nm", "x_nm"} <= set(cells.names)
    for number, name in enumerate(cells.names if is_own_format else ()):
        name = _ALIASES.get(name, name)
        if name in COLUMNS[2:6]:
            columns[name] = np.array(cells.numbers(number), dtype=np.float64)
        elif name and name not in columns:
            columns[name] = _typed([row[number] for row in cells.rows], name)
    for name in COLUMNS[2:6]:
        if columns.get(name) is None:
            columns[name] = np.full(len(positions.y_nm), np.nan)
    columns.setdefault("source", "reference")
    return pd.DataFrame(columns), positions.assumptions


#: What programs write for a number that is not known.
_NOT_A_NUMBER = ("nan", "na", "n/a", "none", "null", "-")


def _typed(cells: list[str], name: str) -> pd.Series[Any]:
    """A further column as numbers, flags or text, whichever all of its cells are; text is never missing, but empty."""
    column = pd.Series(cells, dtype=object)
    kind = next((column_info.kind for column_info in KNOWN_COLUMNS if column_info.name == name), None)
    empty = column == ""
    if kind == "text" or empty.all():
        return column
    if column[~empty].isin(["True", "False"]).all():
        flags = (column == "True").astype("boolean").mask(empty)
        return flags if empty.any() else flags.astype(bool)
    # an element or a class may well be called NA or None, so these count as missing among numbers only
    is_missing = empty | column.str.strip().str.lower().isin(_NOT_A_NUMBER)
    numbers = pd.to_numeric(column.where(~is_missing), errors="coerce")
    if is_missing.all() or (numbers.isna() & ~is_missing).any():
        return column
    if is_missing.any():
        return numbers.astype("Int64") if kind == "integer" else numbers
    return pd.to_numeric(column)


def is_points_table(path: Path) -> bool:
    """Whether a file holds points and no map: a CSV whose columns are positions, or a selection of ImageJ.

    Three columns x, y and value, line after line of a rectangle, are a map.
    """
    if path.suffix.lower() in SELECTIONS:
        return is_selection(path)
    if path.suffix.lower() != ".csv":
        return False
    try:
        with path.open("rb") as file:
            head = decode(file.read(_HEAD_BYTES))
    except OSError:
        return False
    lines = head.splitlines()
    # the head may end within a line
    complete_lines = "\n".join(lines[:-1] if len(head) >= _HEAD_BYTES // 2 and len(lines) > 1 else lines)
    try:
        table = parse_table(complete_lines)
        pair = position_columns(table.names)
        if not table.names:
            return len(table.rows[0]) == 2
        return pair is not None and not _is_rectangle(table, pair)
    except StmError:
        # the error is raised where the table is read
        return position_columns(_first_names(complete_lines)) is not None


def _first_names(text: str) -> tuple[str, ...]:
    try:
        return parse_table(next((line for line in text.splitlines() if line.strip()), "")).names
    except StmError:
        return ()


def _is_rectangle(table: PlainTable, pair: tuple[int, int]) -> bool:
    """Whether the rows go through a rectangle of positions, line after line; the last line need not be whole."""
    if len(table.names) != 3 or len(table.rows) <= _LEAST_PIXELS:
        return False
    n_x, n_y = (len(set(table.numbers(column))) for column in pair)
    n = len(table.rows)
    return (n_y - 1) * n_x < n <= n_y * n_x or (n_x - 1) * n_y < n <= n_x * n_y
