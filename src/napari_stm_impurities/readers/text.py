"""One map as plain text: a matrix of numbers, or the columns x, y and value, with a header of WSxM, Gwyddion or SPIP.

What the header tells is used: pixels, lengths with their units, the bias. The bias may stand in the file's name; what
is told nowhere has to be given. Row 0 is the first line.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ..errors import ReadError
from .formats import Format
from .plain import plain_recording
from .point_spectra import is_point_spectrum, refuse_point_spectrum
from .recording import Channel, Given, Recording, library_errors
from .units import unit_mv, unit_nm

#: A map of numbers as text is at most so large, and its header at most so long.
_MAX_BYTES = 2**30
_MAX_HEADER_LINES = 200
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_ROW = re.compile(rf"\s*(?:{_NUMBER}|nan)(?:[\s,;]+(?:{_NUMBER}|nan))*[\s,;]*", re.IGNORECASE)


def open_text(path: Path, given: Given) -> Recording:
    """Open a map that was saved as text.

    Raises
    ------
    ReadError
        If it is no rectangle of numbers, or does not tell its bias or pixel size.
    """
    with library_errors(path, "a matrix of numbers as text"):
        if path.stat().st_size > _MAX_BYTES:
            raise ReadError(path, "a map as text of more than 1 GiB; save it as .npy or NetCDF")
        header, matrix = _parse(path)
        entries = _entries(header)
        pixel = None
        if matrix.shape[1] == 3 and matrix.shape[0] > 16:
            matrix, pixel = _columns(path, matrix, header)
        n_y, n_x = matrix.shape
        if min(n_y, n_x) < 2:
            raise ReadError(path, f"expected a matrix of numbers, or the columns x, y and value, found {n_y} x {n_x}")
        for name, n in (("pixels y", n_y), ("pixels x", n_x)):
            promised = entries.get(name)
            if promised and promised[0] != n:
                raise ReadError(
                    path,
                    f"the header says {promised[0]:g} {name}, found {n}; the file is cut or damaged: copy it again",
                )
    lengths = [_length(entries, axis) for axis in "yx"]
    if pixel is None and lengths[0] and lengths[1]:
        pixel = (lengths[0] / n_y, lengths[1] / n_x)
    bias = entries.get("bias")
    unit = next((m[1] for line in header if (m := re.search(r"(?:z-?|value )units?\s*[:=]\s*(\S+)", line, re.I))), "")
    channel = Channel(_title(header), unit, "array", is_didv=True)
    return plain_recording(
        path,
        FORMAT.name,
        (n_y, n_x),
        lambda _: matrix,
        bias_mv=None if bias is None else [bias[0] * (unit_mv(bias[1]) or 1000.0)],
        pixel_size_nm=pixel,
        given=given,
        channels=(channel,),
        default=channel,
        why="it is the only map in the file",
        metadata={"header": header},
    )


def _parse(path: Path) -> tuple[list[str], np.ndarray]:
    """The lines before the numbers, and the numbers."""
    text = path.read_bytes().decode("latin-1").lstrip("\ufeff")
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines[:_MAX_HEADER_LINES]) if _ROW.fullmatch(line)), None)
    refuse_point_spectrum(path, lines[:_MAX_HEADER_LINES], start)
    if start is None:
        raise ReadError(path, "expected lines of numbers, found none in the first lines of the text")
    separator = "," if lines[start].count(",") >= 1 and not re.search(r"\s", lines[start].strip()) else None
    separator = ";" if ";" in lines[start] else separator
    decimal_comma = separator != "," and re.search(r"\d,\d", lines[start]) is not None and "." not in lines[start]
    rows, width = [], None
    for number, line in enumerate(lines[start:], start + 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        line = line.replace(",", ".") if decimal_comma else line if separator else line.replace(",", " ")
        try:
            row = np.array(line.strip().rstrip(",;").split(separator), dtype=np.float64)
        except ValueError:
            raise ReadError(path, f"expected numbers in line {number}, found {line.strip()[:40]!r}") from None
        if width is not None and len(row) != width:
            raise ReadError(path, f"line {number} has {len(row)} numbers, the lines before it {width}; the file is cut")
        width = len(row)
        rows.append(row.astype(np.float32) if width > 3 else row)
    return [line.strip().lstrip("#").strip() for line in lines[:start]], np.stack(rows)


def _entries(header: list[str]) -> dict[str, tuple[float, str]]:
    """The numbers of the header that matter, with their units."""
    names = {
        r"x-?pixels?|number of columns|columns": "pixels x",
        r"y-?pixels?|number of rows|rows": "pixels y",
        r"x-?length|x ?amplitude|width|x-?range|scan size x": "length x",
        r"y-?length|y ?amplitude|height|y-?range|scan size y": "length y",
        r"(?:sample |tip |gap )?(?:bias|voltage)(?: voltage)?|v_?bias": "bias",
    }
    entries: dict[str, tuple[float, str]] = {}
    for line in header:
        for pattern, name in names.items():
            match = re.fullmatch(
                rf"(?:{pattern})\s*(?:\[(\w+)\]|\((\w+)\))?\s*[:=]\s*({_NUMBER})\s*(\S*)\s*", line, re.I
            )
            if match:
                entries.setdefault(name, (float(match[3]), match[1] or match[2] or match[4]))
    return entries


def _length(entries: dict[str, tuple[float, str]], axis: str) -> float | None:
    number, unit = entries.get(f"length {axis}", (0.0, ""))
    # without a unit it is nm, unless it would be a frame of less than a picometre
    factor = unit_nm(unit) if unit else (1e9 if 0 < number < 1e-3 else 1.0)
    return number * factor if factor and number > 0 else None


def _title(header: list[str]) -> str:
    return next((m[1].strip() for line in header if (m := re.match(r"channel\s*[:=]\s*(.+)", line, re.I))), "map")


def _columns(path: Path, table: np.ndarray, header: list[str]) -> tuple[np.ndarray, tuple[float, float]]:
    """The map in the columns x, y and value, and its pixel size."""
    x, y = np.unique(table[:, 0]), np.unique(table[:, 1])
    if len(x) * len(y) != len(table) or min(len(x), len(y)) < 2:
        raise ReadError(
            path, f"three columns of {len(table)} lines with {len(x)} x and {len(y)} y positions make no rectangle"
        )
    told = re.search(r"x\s*[\[(](\w+)[\])]", " ".join(header), re.IGNORECASE)
    largest = max(np.abs(x).max(), np.abs(y).max())
    factor = (unit_nm(told[1]) if told else None) or (1e9 if largest < 1e-3 else 1.0)
    out = np.full((len(y), len(x)), np.nan)
    out[np.searchsorted(y, table[:, 1]), np.searchsorted(x, table[:, 0])] = table[:, 2]
    steps = [float(np.diff(axis).mean()) * factor for axis in (y, x)]
    return out, (steps[0], steps[1])


def _recognises(head: bytes) -> bool:
    text = head.decode("latin-1")
    # whole lines only, since the head may end within one
    lines = text.splitlines()[:_MAX_HEADER_LINES]
    if "\0" not in text and is_point_spectrum(lines):
        return True
    return "\0" not in text and any(_ROW.fullmatch(line) and re.search(r"\S[\s,;]+\S", line) for line in lines)


FORMAT = Format("text matrix (.txt, .asc, .csv)", (".txt", ".asc", ".csv", ".xyz"), _recognises, open_text)
