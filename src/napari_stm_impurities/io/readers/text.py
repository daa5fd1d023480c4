"""One map as plain text: a matrix of numbers, or the columns x, y and value, with a header of WSxM, Gwyddion or SPIP.

The header is used: pixels, lengths with their units, the bias. The bias may be in the file's name; the user provides
what is stated nowhere. Row 0 is the first line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...core.errors import ReadError
from ...core.units import AmbiguousNumber, Comma, comma_between_digits, decode, plain, quantity, unit_nm
from ..position_columns import Axis, axis_of
from ..xy_tables import split_names
from .bias_names import bias_in_note
from .formats import Format
from .plain import plain_recording
from .point_spectra import is_point_spectrum, refuse_point_spectrum
from .recording import Assumption, Channel, Recording, UserMetadata, library_errors

#: The largest size of a map as text, and the longest header.
_MAX_BYTES = 2**30
_MAX_HEADER_LINES = 200
#: The number of columns of x, y and value; and a number of lines and columns below that of any map.
_XYZ, _LEAST_SIDE = 3, 16
#: No frame is smaller than a picometre, so a smaller length without a unit is in metres.
_LEAST_NM = 1e-3
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_ROW = re.compile(rf"\s*(?:{_NUMBER}|nan)(?:[\s,;]+(?:{_NUMBER}|nan))*[\s,;]*", re.IGNORECASE)
_NAMES = {
    "pixels x": r"x[-_ ]?(?:pixels?|points?|res(?:olution)?)|(?:number of )?columns|pixels[-_ ]?x",
    "pixels y": r"y[-_ ]?(?:pixels?|points?|res(?:olution)?)|(?:number of )?rows|pixels[-_ ]?y",
    "length x": r"x[-_ ]?(?:length|amplitude|range|size|real|scan[-_ ]?(?:size|range))|width|scan[-_ ]?width"
    r"|(?:scan[-_ ]?)?(?:size|range|length)[-_ ]?x",
    "length y": r"y[-_ ]?(?:length|amplitude|range|size|real|scan[-_ ]?(?:size|range))|height|scan[-_ ]?height"
    r"|(?:scan[-_ ]?)?(?:size|range|length)[-_ ]?y",
}


@dataclass(frozen=True)
class _Text:
    """The lines before the numbers, the numbers, and the meaning of a comma within a number."""

    header: list[str]
    matrix: np.ndarray
    comma: Comma | None


def open_text(path: Path, user: UserMetadata) -> Recording:
    """The recording of a map that was saved as text.

    Raises
    ------
    ReadError
        If it is no rectangle of numbers, or does not state its bias or pixel size.
    """
    with library_errors(path, "a matrix of numbers as text"):
        if path.stat().st_size > _MAX_BYTES:
            raise ReadError(path, "a map as text of more than 1 GiB; save it as .npy or NetCDF")
        text = _parse(path)
        header, matrix = text.header, text.matrix
        entries = _entries(text)
        pixel: tuple[float, float] | None = None
        assumptions: list[Assumption] = []
        axes = _column_axes(path, header, matrix.shape[1])
        if matrix.shape[1] == _XYZ and (axes or matrix.shape[0] > _LEAST_SIDE):
            matrix, pixel, assumed = _columns(path, matrix, axes)
            assumptions += assumed
        n_y, n_x = matrix.shape
        if min(n_y, n_x) < 2:
            raise ReadError(path, f"expected a matrix of numbers, or the columns x, y and value, found {n_y} x {n_x}")
        for name, n in (("pixels y", n_y), ("pixels x", n_x)):
            promised = entries.get(name)
            if promised and not promised[1] and promised[0] != n:
                raise ReadError(
                    path,
                    f"the header says {promised[0]:g} {name}, found {n}; the file is cut or damaged: copy it again",
                )
    if pixel is None and axes is None:
        pixel, assumed = _pixel_size(entries, n_y, n_x)
        assumptions += assumed
    bias = bias_in_note("\n".join(header), text.comma)
    unit = next((m[1] for line in header if (m := re.search(r"(?:z-?|value )units?\s*[:=]\s*(\S+)", line, re.I))), "")
    channel = Channel(_title(header), unit, "array", is_didv=True)
    return plain_recording(
        path,
        FORMAT.name,
        (n_y, n_x),
        lambda _: matrix,
        bias_mv=None if bias is None else [bias],
        pixel_size_nm=pixel,
        user=user,
        channels=(channel,),
        default=channel,
        why="it is the only map in the file",
        assumptions=() if user.pixel_size_nm is not None else assumptions,
        metadata={"header": header},
    )


def is_map(head: bytes) -> bool:
    r"""Whether the first bytes of a file are of a map as text; a table with names of other columns is none.

    Examples
    --------
    >>> is_map(b"Width: 3 nm\n1,2,3\n4,5,6\n"), is_map(b"index,axis-0,axis-1\n0,1.0,2.0\n")
    (True, False)
    """
    lines = plain(decode(head)).splitlines()[:_MAX_HEADER_LINES]
    start = _first_row(lines)
    if "\0" in "".join(lines) or start is None or len(_cells(lines[start])) < 2:
        return False
    names = _names(lines[:start], len(_cells(lines[start])))
    return not names or _axes(names) is not None


def _first_row(lines: Sequence[str]) -> int | None:
    return next((i for i, line in enumerate(lines) if _ROW.fullmatch(line)), None)


def _separator(line: str) -> str | None:
    """The separator of the numbers of a row; None for spaces and tabs."""
    if ";" in line:
        return ";"
    # a comma before a space, or in a row without spaces, separates; else it is within a number
    return "," if re.search(r",\s", line.strip()) or ("," in line and not re.search(r"\s", line.strip())) else None


def _cells(line: str) -> list[str]:
    return line.strip().rstrip(",;").split(_separator(line))


def _parse(path: Path) -> _Text:
    lines = plain(decode(path.read_bytes())).splitlines()
    start = _first_row(lines[:_MAX_HEADER_LINES])
    refuse_point_spectrum(path, lines[:_MAX_HEADER_LINES], start)
    if start is None:
        raise ReadError(path, "expected lines of numbers, found none in the first lines of the text")
    separator = _separator(lines[start])
    body = [(n, line) for n, line in enumerate(lines[start:], start + 1) if line.strip() and line.lstrip()[0] != "#"]
    header = [line.strip().lstrip("#").strip() for line in lines[:start]]
    comma = comma_between_digits(line for _, line in body) if separator != "," else None
    unclear = next((line for _, line in body if "," in line.rstrip(", ")), None) if separator != "," else None
    if unclear is not None and comma is None:
        raise ReadError(
            path, f"the commas in {unclear.strip()[:40]!r} may be decimal marks or thousands; write decimal points"
        )
    rows: list[np.ndarray] = []
    width = None
    for number, line in body:
        if separator != ",":
            line = line.replace(",", "." if comma == "decimal" else "")
        try:
            row = np.array(line.strip().rstrip(",;").split(separator), dtype=np.float64)
        except ValueError:
            raise ReadError(path, f"expected numbers in line {number}, found {line.strip()[:40]!r}") from None
        if width is not None and len(row) != width:
            raise ReadError(path, f"line {number} has {len(row)} numbers, the lines before it {width}; the file is cut")
        width = len(row)
        rows.append(row.astype(np.float32) if width > _XYZ else row)
    return _Text(header, np.stack(rows), comma or comma_between_digits(header))


def _entries(text: _Text) -> dict[str, tuple[float, str]]:
    """The relevant numbers of the header, with their units; ambiguous numbers are left out."""
    entries: dict[str, tuple[float, str]] = {}
    for line in text.header:
        match = re.fullmatch(r"\s*([^:=\t]+?)\s*[:=\t]\s*(.+)", line)
        name, unit = _named(match[1]) if match else (None, "")
        if match is None or name is None:
            continue
        try:
            value = quantity(match[2], text.comma)
        except AmbiguousNumber:
            continue
        if value is not None:
            entries.setdefault(name, (value[0], value[1] or unit))
    return entries


def _named(key: str) -> tuple[str | None, str]:
    """The entry of a key of the header, and the unit in it: ``X-range [nm]``, ``Width / nm``, ``width_nm``."""
    parted = re.fullmatch(r"(.+?)\s*(?:[\[(]\s*(.*?)\s*[\])]|[/,_ ]\s*(\w+))", key)
    for base, unit in ((key, ""), *([(parted[1], parted[2] or parted[3] or "")] if parted else ())):
        for name, pattern in _NAMES.items():
            if re.fullmatch(pattern, base, re.IGNORECASE):
                return name, unit
    return None, ""


def _pixel_size(
    entries: dict[str, tuple[float, str]], n_y: int, n_x: int
) -> tuple[tuple[float, float] | None, list[Assumption]]:
    """The pixel size from the lengths in the header, and the assumptions on their unit."""
    lengths = [entries.get("length y", (0.0, "")), entries.get("length x", (0.0, ""))]
    if min(length for length, _ in lengths) <= 0:
        return None, []
    factors, assumed = _factors([unit for _, unit in lengths], max(length for length, _ in lengths), "the lengths")
    if factors is None:
        return None, []
    return (lengths[0][0] * factors[0] / n_y, lengths[1][0] * factors[1] / n_x), assumed


def _factors(units: Sequence[str], largest: float, what: str) -> tuple[tuple[float, float] | None, list[Assumption]]:
    """The factors of units to nm; None where a unit is not known, and an assumption where there is none."""
    factors, assumed = [], []
    for unit in units:
        metres = 0 < largest < _LEAST_NM
        factor = unit_nm(unit) if unit else (1e9 if metres else 1.0)
        if factor is None:
            return None, []
        factors.append(factor)
        if not unit:
            unit_text = "in m, since in nm they would be within a picometre" if metres else "in nm"
            assumed.append(Assumption("unit", f"{what} have no unit and are taken {unit_text}", "give pixel_size_nm"))
    return (factors[0], factors[1]), assumed[:1]


def _title(header: list[str]) -> str:
    return next((m[1].strip() for line in header if (m := re.match(r"channel\s*[:=]\s*(.+)", line, re.I))), "map")


def _names(header: Sequence[str], n_columns: int) -> list[str]:
    """The names of the columns, where the last line before the numbers holds them."""
    last = next((line for line in reversed(header) if line.strip(" #\t\r")), "")
    # an entry of a header has a colon or an equals sign behind its name, and a map has many columns
    if not 1 < n_columns <= _LEAST_SIDE or re.search(r"[:=]", last):
        return []
    names = split_names(last, n_columns)
    return names if re.search(r"[,;\t]", last.strip()) or any(axis_of(name) for name in names) else []


def _axes(names: Sequence[str]) -> dict[str, tuple[int, Axis]] | None:
    """The columns of x and y among three; None where they are not named so."""
    found = {axis.axis: (i, axis) for i, name in enumerate(names) if (axis := axis_of(name))}
    return found if len(names) == _XYZ and set(found) == {"x", "y"} else None


def _column_axes(path: Path, header: list[str], n_columns: int) -> dict[str, tuple[int, Axis]] | None:
    """The columns of x and y by their names.

    Raises
    ------
    ReadError
        If the columns have other names: then it is a table and no map.
    """
    names = _names(header, n_columns)
    axes = _axes(names)
    if names and axes is None:
        raise ReadError(path, f"expected a map, found a table with the columns {', '.join(names)[:80]}")
    return axes


def _columns(
    path: Path, table: np.ndarray, axes: dict[str, tuple[int, Axis]] | None
) -> tuple[np.ndarray, tuple[float, float] | None, list[Assumption]]:
    """The map in the columns x, y and value, its pixel size, and the assumptions on their unit."""
    at_x, at_y = (axes["x"][0], axes["y"][0]) if axes else (0, 1)
    at_value = ({0, 1, 2} - {at_x, at_y}).pop()
    x, y = np.unique(table[:, at_x]), np.unique(table[:, at_y])
    if len(x) * len(y) != len(table) or min(len(x), len(y)) < 2:
        raise ReadError(
            path, f"three columns of {len(table)} lines with {len(x)} x and {len(y)} y positions make no rectangle"
        )
    units = [axes[axis][1].unit if axes else "" for axis in "yx"]
    largest = float(max(np.abs(x).max(), np.abs(y).max()))
    factors, assumed = _factors(units, largest, "the positions")
    out = np.full((len(y), len(x)), np.nan)
    out[np.searchsorted(y, table[:, at_y]), np.searchsorted(x, table[:, at_x])] = table[:, at_value]
    if factors is None:
        return out, None, []
    steps = [float(np.diff(positions).mean()) * factor for positions, factor in zip((y, x), factors, strict=True)]
    return out, (steps[0], steps[1]), assumed


def _recognises(head: bytes) -> bool:
    # complete lines only, since the head may end within one
    lines = plain(decode(head)).splitlines()[:_MAX_HEADER_LINES]
    if "\0" in "".join(lines):
        return False
    return is_point_spectrum(lines) or any(
        _ROW.fullmatch(line) and (len(line.split()) > 1 or ";" in line.strip(" ;")) for line in lines
    )


FORMAT = Format("text matrix (.txt, .asc, .csv)", (".txt", ".asc", ".csv", ".xyz"), _recognises, open_text)
