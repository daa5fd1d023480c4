"""Recognition of the position columns of a table and of their unit, by the names in other programs.

The unit is part of the name of a column. Where it is not, the program that wrote the table may be recognised by its
other columns; else the positions are taken in nm, as a listed assumption.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..core.errors import StmError
from ..core.units import is_pixel, plain, unit_nm
from .xy_tables import PlainTable

#: ImageJ counts from the corner of the first pixel, this package from its centre: the difference, in pixels.
IMAGEJ_CORNER_PX = 0.5
#: No table of points lies within a thousandth of a nanometre, so smaller numbers without a unit are in metres.
_LEAST_NM = 1e-3
#: Columns without names are x and y, and perhaps a value; more of them are no table of points.
_MOST_WITHOUT_NAMES = 3

_OF_A_POSITION = {"pos", "position", "coord", "coordinate", "coordinates", "center", "centre", "centroid", "location"}
_OF_A_POSITION |= {"point", "spot", "peak", "atom", "c", "com", "axis", "refined", "fit"}
_NAME_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-zåμ]+|\d+")
_PAIRED = {"row": "y", "col": "x", "column": "x"}
#: Columns of programs that write positions in pixels.
_IN_PIXELS = {
    "trackpy": {"mass", "size"},
    "ParticleTracker": {"m0", "m1"},
    "photutils": {"xcentroid", "ycentroid"},
}


@dataclass(frozen=True)
class Axis:
    """The axis and the unit of a column, from its name.

    Attributes
    ----------
    axis
        ``x`` or ``y``.
    unit
        As written; empty where there is none.
    kind
        The rest of the name, which the two columns of a position have in common.
    """

    axis: str
    unit: str
    kind: str


@dataclass(frozen=True)
class Positions:
    """The positions in a table, in nm and, where the pixel size is known, in pixels."""

    y_nm: np.ndarray
    x_nm: np.ndarray
    y_px: np.ndarray | None
    x_px: np.ndarray | None
    assumptions: tuple[str, ...]


def axis_of(name: str) -> Axis | None:
    """The axis and the unit of a column; None when its name is no position.

    Examples
    --------
    >>> [axis_of(name) for name in ("x [nm]", "POSITION_Y")]
    [Axis(axis='x', unit='nm', kind=''), Axis(axis='y', unit='', kind='position')]
    >>> axis_of("X_px").unit, axis_of("y (µm)").unit, axis_of("XM").unit, axis_of("max")
    ('px', 'μm', '', None)
    """
    text = plain(name).strip().strip("\"'").strip()
    bracketed = re.fullmatch(r"(.*?)[\s_]*[\[(<]\s*(.*?)\s*[\])>]", text)
    if bracketed:
        return _axis(bracketed[1], bracketed[2])
    parted = re.fullmatch(r"(.*?)\s*[/,]\s*(\S+)", text) or re.fullmatch(r"(.+)(?:[\s_\-.]+|\s+in\s+)(\S+)", text)
    if parted and (unit_nm(parted[2]) is not None or is_pixel(parted[2])):
        return _axis(re.sub(r"\s+in$", "", parted[1]), parted[2])
    glued = re.fullmatch(r"([xy])(nm|um|μm|pm|px|pix|pixel)", text, re.IGNORECASE)
    return _axis(glued[1], glued[2]) if glued else _axis(text, "")


def _axis(base: str, unit: str) -> Axis | None:
    together = re.fullmatch(r"([xy])(m|c|pos|coord|cent(?:er|re|roid))", base, re.IGNORECASE)
    words = [together[1], together[2]] if together else _NAME_PART.findall(base)
    words = [word.lower() for word in words]
    paired = [_PAIRED[word] for word in words if word in _PAIRED]
    axes = [word for word in words if word in ("x", "y")] or paired
    rest = [word for word in words if word not in ("x", "y") and word not in _PAIRED]
    if len(axes) != 1 or not (together or all(word in _OF_A_POSITION for word in rest)):
        return None
    # rows and columns are counted in pixels
    return Axis(axes[0], unit or ("px" if paired else ""), " ".join(rest))


def position_columns(names: Sequence[str]) -> tuple[int, int] | None:
    """The columns of x and y, the pair with the most specific unit; None where there is no such pair.

    Examples
    --------
    >>> position_columns(["y_px", "x_px", "y_nm", "x_nm"]), position_columns(["mass", "x"])
    ((3, 2), None)
    """
    axes = [axis_of(name) for name in names]
    pairs = [
        (_rank(first), i, j)
        for i, first in enumerate(axes)
        for j, second in enumerate(axes)
        if first
        and second
        and (first.axis, second.axis) == ("x", "y")
        and (first.kind, first.unit) == (second.kind, second.unit)
    ]
    if not pairs:
        # two units, such as x in nm and y in µm, are as good
        pairs = [
            (_rank(first), i, j)
            for i, first in enumerate(axes)
            for j, second in enumerate(axes)
            if first and second and (first.axis, second.axis) == ("x", "y")
        ]
    return min(pairs)[1:] if pairs else None


def _rank(axis: Axis) -> tuple[int, bool]:
    """The rank of a unit: lengths first, then no unit, pixels, and unknown units."""
    known = 0 if unit_nm(axis.unit) is not None else 1 if not axis.unit else 2 if is_pixel(axis.unit) else 3
    return known, bool(axis.kind)


def positions_in(table: PlainTable, pixel_size_nm: tuple[float, float] | None) -> Positions:
    r"""The positions in a table of another program.

    Parameters
    ----------
    table
        Its cells.
    pixel_size_nm
        (y, x), which positions in pixels need, and those of ImageJ.

    Raises
    ------
    StmError
        If there are no columns of positions, two for one axis, or their unit is neither stated nor to be assumed.

    Examples
    --------
    >>> from napari_stm_impurities.io.xy_tables import parse_table
    >>> positions_in(parse_table("x [um], y [um]\n0.001, 0.002\n"), None).y_nm.tolist()
    [2.0]
    """
    pair = position_columns(table.names) if table.names else (0, 1)
    if pair is None:
        found = ", ".join(table.names[:8])[:120]
        raise StmError(f"expected the columns y_nm and x_nm, or x and y, found {found}")
    for name in (table.names[column] for column in pair if table.names):
        same = [other for other in table.names if axis_of(other) == axis_of(name)]
        if len(same) > 1:
            raise StmError(f"{' and '.join(map(repr, same))} are both columns of one axis; leave one of them")
    n_columns = len(table.names or (table.rows[0] if table.rows else ()))
    if n_columns < 2 or (not table.names and n_columns > _MOST_WITHOUT_NAMES):
        raise StmError(f"expected a table with the columns x and y, found {n_columns} columns without names")
    assumptions = list(table.assumptions)
    values = [np.array(table.numbers(column), dtype=np.float64) for column in pair]
    units = [_unit(table, column, values, assumptions) for column in pair]
    names = " and ".join(repr(table.names[column]) if table.names else "without a name" for column in pair)
    in_pixels = [is_pixel(unit) for unit in units]
    if any(in_pixels) and pixel_size_nm is None:
        raise StmError(f"the columns {names} are in pixels; give pixel_size_nm, or write them in nm as x_nm and y_nm")
    factors = []
    for axis, unit in enumerate(units):
        factor = pixel_size_nm[1 - axis] if is_pixel(unit) and pixel_size_nm else unit_nm(unit)
        if factor is None:
            raise StmError(f"the unit {unit!r} of the columns {names} is not known; name them x_nm and y_nm, in nm")
        factors.append(factor)
    x_nm, y_nm = (column_values * factor for column_values, factor in zip(values, factors, strict=True))
    size = pixel_size_nm
    if _is_of_imagej(table.names):
        size = _size_in_imagej(table, values, factors) or pixel_size_nm
        if size is None:
            assumptions.append(
                "position: half a pixel too far to the right and down, since ImageJ counts from the corner of the first"
                " pixel and the pixel size is not known; give pixel_size_nm"
            )
        else:
            y_nm, x_nm = y_nm - IMAGEJ_CORNER_PX * size[0], x_nm - IMAGEJ_CORNER_PX * size[1]
    known_size = size if all(in_pixels) or size is not pixel_size_nm else None
    y_px, x_px = (None, None) if known_size is None else (y_nm / known_size[0], x_nm / known_size[1])
    return Positions(y_nm, x_nm, y_px, x_px, tuple(assumptions))


def _unit(table: PlainTable, column: int, values: list[np.ndarray], assumptions: list[str]) -> str:
    """The unit of a column; an assumption is added to `assumptions`."""
    name = table.names[column] if table.names else ""
    axis = axis_of(name)
    if axis and axis.unit:
        return axis.unit
    below = [row[column].strip("()[]") for row in table.more_names[-1:]]
    if below and below[0]:
        return below[0]
    lower = [name_.lower() for name_ in table.names]
    if "unit" in lower:
        units = {row[lower.index("unit")] for row in table.rows}
        if len(units) == 1 and (only := units.pop()):
            return only
    program = next((name_ for name_, columns in _IN_PIXELS.items() if columns <= set(lower)), None)
    if program:
        _add_once(assumptions, f"unit: the positions are in pixels, since the other columns are those of {program}")
        return "px"
    if axis and axis.kind == "position" and {"quality", "track_id", "spot_id", "frame"} & set(lower):
        raise StmError(
            f"the column {name!r} is of TrackMate, in the unit of its image, which the table does not state; "
            f"write the unit behind the names: '{name} (nm)'"
        )
    largest = max((np.nanmax(np.abs(name_), initial=0.0) for name_ in values), default=0.0)
    subject = "the positions have no unit and" if table.names else "the columns have no names; they are x and y, which"
    if 0 < largest < _LEAST_NM:
        _add_once(assumptions, f"unit: {subject} are taken in m, since in nm all would be within a picometre")
        return "m"
    _add_once(assumptions, f"unit: {subject} are taken in nm; name the columns x_nm and y_nm to state it")
    return "nm"


def _add_once(assumptions: list[str], text: str) -> None:
    if text not in assumptions:
        assumptions.append(text)


def _is_of_imagej(names: Sequence[str]) -> bool:
    """Whether a table is one of ImageJ's results: the first column has no name, and X and Y are capitals."""
    return bool(names) and not names[0] and ({"X", "Y"} <= set(names) or {"XM", "YM"} <= set(names))


def _size_in_imagej(table: PlainTable, values: list[np.ndarray], factors: list[float]) -> tuple[float, float] | None:
    """The pixel size (y, x) from the positions that are also listed in pixels; None where they are not."""
    sizes = []
    for name, value, factor in zip(("X_px", "Y_px"), values, factors, strict=True):
        if name not in table.names:
            return None
        px = np.array(table.numbers(table.names.index(name)))
        nonzero = np.isfinite(px) & (px != 0)
        if not nonzero.any():
            return None
        sizes.append(float(np.median(value[nonzero] * factor / px[nonzero])))
    return sizes[1], sizes[0]
