"""Tables of positions as other programs write them: the columns x and y, with or without a header."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from ..core.errors import StmError

_NM = {"nm": 1.0, "m": 1e9, "um": 1e3, "µm": 1e3, "a": 0.1, "å": 0.1, "angstrom": 0.1, "pm": 1e-3}


def parse_positions(text: str) -> pd.DataFrame:
    r"""The positions in a table of x and y.

    Parameters
    ----------
    text
        Columns with tabs, commas, semicolons or spaces between them. A header may name x and y, with a unit in
        brackets or after an underscore (``x [m]``, ``X_um``); without a unit they are in nm, or in m where all are
        smaller than a micrometre. Without a header the first column is x and the second y.

    Returns
    -------
    pandas.DataFrame
        ``y_nm`` and ``x_nm``.

    Raises
    ------
    StmError
        If there are no two columns of numbers.

    Examples
    --------
    >>> parse_positions("x [um], y [um]\n0.001, 0.002\n").values.tolist()
    [[2.0, 1.0]]
    >>> parse_positions("3 4\n5 6\n").x_nm.tolist()
    [3.0, 5.0]
    """
    lines = [line.strip() for line in text.lstrip("\ufeff").splitlines()]
    lines = [line for line in lines if line.strip("#; \t")]
    if not lines:
        raise StmError("the table is empty")
    while True:
        separator = next((one for one in ("\t", ";", ",") if one in lines[0]), None)
        header = [cell.strip().strip('"') for cell in lines[0].lstrip("#").split(separator)]
        named = [_axis(cell) for cell in header]
        # a comment that names no columns
        if not lines[0].startswith("#") or any(named) or len(lines) == 1:
            break
        del lines[0]
    if _are_numbers(header):
        named, rows = [("x", None), ("y", None), *[None] * (len(header) - 2)], lines
    else:
        rows = [line for line in lines[1:] if not line.startswith("#")]
    columns: dict[str, np.ndarray] = {}
    for i, one in enumerate(named):
        if one is None or one[0] in columns:
            continue
        try:
            values = np.array([float(row.split(separator)[i].strip().strip('"')) for row in rows])
        except (ValueError, IndexError):
            raise StmError(f"the column {header[i]!r} holds something that is no number") from None
        columns[one[0]] = values * _NM[one[1]] if one[1] is not None else values
    if set(columns) != {"x", "y"}:
        raise StmError(f"expected the columns y_nm and x_nm, or x and y, found {', '.join(header[:8])[:120]}")
    largest = max((np.abs(values).max(initial=0.0) for values in columns.values()), default=0.0)
    factor = 1e9 if 0 < largest < 1e-6 and all(one is None or one[1] is None for one in named) else 1.0
    return pd.DataFrame({"y_nm": columns["y"] * factor, "x_nm": columns["x"] * factor})


def _axis(cell: str) -> tuple[str, str | None] | None:
    """Which axis a column is, and its unit; None when it is neither x nor y."""
    match = re.fullmatch(r"(?:pos(?:ition)?[ _]?)?([xy])(?:[ _]*[\[(]?(\w+)[\])]?)?", cell.strip(), re.IGNORECASE)
    if not match:
        return None
    unit = match[2].lower() if match[2] else None
    return (match[1].lower(), unit) if unit is None or unit in _NM else None


def _are_numbers(cells: list[str]) -> bool:
    try:
        return len([float(cell) for cell in cells]) >= 2
    except ValueError:
        return False
