"""Options for files that all commands share, checks of their paths, and reading of stacks and points."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import numpy as np
import typer

from ..core.errors import StmError
from ..core.files import check_file_place
from ..core.units import quantity, unit_mv
from ..data.points import check_points
from ..io.tables import check_table_name, save_points
from .console import STDOUT, print_message

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

#: The largest number of biases; a step that gives more is a typing error.
_MOST_BIASES = 100_000

Files = Annotated[list[Path], typer.Argument(metavar="FILE", help="One file, or a series with one bias a file.")]
Channel = Annotated[str | None, typer.Option(help="The channel to read; info lists them, and shows the default one.")]
PixelSize = Annotated[float | None, typer.Option(help="Pixel size in nm, for a file that does not state it.")]
Biases = Annotated[
    str | None,
    typer.Option(
        help="Biases in mV, for a file that does not state them: numbers with commas, or FIRST:LAST:STEP (-230:20:2)."
    ),
]
MaskFile = Annotated[
    Path | None,
    typer.Option(
        "--mask",
        metavar="FILE",
        help="Pixels to leave out: an image of labels (TIFF, PNG, NPY), 0 where a pixel is kept.",
    ),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Refuse to assume what the file does not state (channel, bias, unit, pixel size)."),
]


JsonFile = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Also write every number as JSON; - writes to standard output."),
]


class Numbers(Protocol):
    """Results that can be written as JSON."""

    def to_dict(self) -> dict[str, Any]:
        """All values, as JSON types."""

    def to_json(self, path: Path) -> Path:
        """Write a JSON file and return its path."""


def check_places(
    outputs: Iterable[Path | None],
    inputs: Sequence[Path | None] = (),
    *,
    tables: Iterable[Path | None] = (),
    texts: Iterable[Path | None] = (),
) -> None:
    """Check, before any work is done, that each file can be written, and that no input is overwritten.

    Parameters
    ----------
    outputs
        The binary files to write: these need a name.
    inputs
        The files that are read.
    tables, texts
        The tables of points and the JSON files to write, which may also go to standard output.

    Raises
    ------
    StmError
        If a path cannot be written to, is that of an input, or is given twice, the name of a table is not that of
        one, or a binary file would go to standard output.
    """
    outputs, tables = list(outputs), [path for path in tables if path is not None]
    for path in outputs:
        check_is_file(path)
    paths = [path for path in (*outputs, *tables, *texts) if path is not None]
    for number, path in enumerate(paths):
        if path in paths[:number]:
            raise StmError(f"{path}: two results have the same name; give another name")
        if path == STDOUT:
            continue
        if path in tables:
            check_table_name(path)
        check_file_place(path)
        check_not_read(path, inputs)


def check_is_file(output: Path | None, what: str = "this result") -> None:
    """Check that a result does not go to standard output, where only tables of points and JSON go.

    Raises
    ------
    StmError
        If it does.
    """
    if output == STDOUT:
        raise StmError(f"{what} cannot be written to standard output; name a file or a folder instead of -")


def check_not_read(output: Path, inputs: Iterable[Path | None]) -> None:
    """Check that an output is none of the inputs.

    Raises
    ------
    StmError
        Naming the file.
    """
    if output.exists() and any(path is not None and path.exists() and output.samefile(path) for path in inputs):
        raise StmError(f"{output}: is read, and would be written over; give another name")


def write_points(points: pd.DataFrame, path: Path) -> None:
    """Write a table of points as CSV, to standard output where the path is ``-``."""
    if path == STDOUT:
        print(check_points(points).to_csv(index=False), end="")
    else:
        save_points(points, path)


def write_json(numbers: Numbers, path: Path | None) -> None:
    """Write numbers as JSON, to standard output where the path is ``-``; nothing where there is no path."""
    if path == STDOUT:
        print(json.dumps(numbers.to_dict(), indent=2, allow_nan=False))
    elif path is not None:
        numbers.to_json(path)


def read(
    files: list[Path],
    channel: str | None,
    pixel_size_nm: float | None,
    bias_mv: str | None,
    *,
    strict: bool = False,
    mask: Path | None = None,
) -> xr.DataArray:
    """The stack in the files, without the pixels of a mask; warnings and assumptions go to standard error.

    Raises
    ------
    StmError
        If a file cannot be read, or the biases are invalid.
    """
    from ..io.readers import open_recording

    recording = open_recording(
        files if len(files) > 1 else files[0],
        pixel_size_nm=pixel_size_nm,
        bias_mv=None if bias_mv is None else biases(bias_mv),
    )
    for warning in recording.warnings:
        print_message("warning", warning)
    stack = recording.stack(channel, strict=strict)
    for text in stack.attrs.get("assumptions", []):
        print_message("assumed", text)
    if mask is not None:
        from ..data.masks import exclude
        from ..io.masks import read_mask

        stack = exclude(stack, read_mask(mask))
    return stack


def read_points(
    path: Path, pixel_size_nm: float | tuple[float, float] | None = None, *, strict: bool = False
) -> pd.DataFrame:
    """The table of points in a file; assumptions go to standard error.

    Raises
    ------
    StmError
        If it is no table of points, its positions are in pixels and the pixel size is not known, or `strict` refuses
        an assumption.
    """
    points = load_points(path, pixel_size_nm, strict=strict)
    for text in points.attrs["assumptions"]:
        print_message("assumed", f"{path}: {text}")
    return points


def load_points(
    path: Path, pixel_size_nm: float | tuple[float, float] | None = None, *, strict: bool = False
) -> pd.DataFrame:
    """The table of points in a file, with its assumptions in its ``attrs`` only.

    Raises
    ------
    StmError
        As :func:`read_points`.
    """
    from ..io import tables

    points = tables.load_points(path, pixel_size_nm=pixel_size_nm)
    for text in points.attrs["assumptions"] if strict else ():
        raise StmError(f"{path}: strict reading refuses an assumption ({text}); state it in the table")
    return points


def biases(text: str) -> list[float]:
    """The biases in the text of an option.

    Raises
    ------
    StmError
        If they are no numbers, or the steps do not lead from the first to the last.

    Examples
    --------
    >>> biases("-10, 0, 10"), biases("-4:4:4"), biases("-0.52 V"), biases("-0,5; 0")
    ([-10.0, 0.0, 10.0], [-4.0, 0.0, 4.0], [-520.0], [-0.5, 0.0])
    """
    if ":" not in text:
        # between semicolons a comma is a decimal mark
        return [_bias(part, text) for part in text.split(";" if ";" in text else ",")]
    first, last, step = (_bias(part, text) for part in (text.split(":") + 3 * [""])[:3])
    if text.count(":") != 2 or step == 0:
        raise _not_biases(text)
    steps = (last - first) / step
    if not 0 <= steps <= _MOST_BIASES or abs(steps - round(steps)) > 1e-6:
        raise StmError(f"steps of {step:g} mV do not lead from {first:g} to {last:g} mV")
    return [float(bias) for bias in np.linspace(first, last, round(steps) + 1)]


def _bias(part: str, text: str) -> float:
    found = quantity(part, "decimal")
    factor = unit_mv(found[1] or "mV") if found else None
    if found is None or factor is None or not np.isfinite(found[0]):
        raise _not_biases(text)
    return found[0] * factor


def _not_biases(text: str) -> StmError:
    return StmError(f"the biases are numbers with commas, or FIRST:LAST:STEP in mV, got {text!r}")
