"""What the commands share about files: the options that name them, and the stack read from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from ..core.errors import StmError
from .console import tell

if TYPE_CHECKING:
    import xarray as xr

Files = Annotated[list[Path], typer.Argument(metavar="FILE", help="One file, or a series with one bias a file.")]
Channel = Annotated[str | None, typer.Option(help="The channel to read; info lists them, and says which one is taken.")]
PixelSize = Annotated[float | None, typer.Option(help="Pixel size in nm, for a file that does not tell it.")]
Biases = Annotated[
    str | None,
    typer.Option(
        help="Biases in mV, for a file that does not tell them: numbers with commas, or FIRST:LAST:STEP (-230:20:2)."
    ),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Refuse to assume what the file does not state (channel, bias, unit, pixel size)."),
]


def read(
    files: list[Path],
    channel: str | None,
    pixel_size_nm: float | None,
    bias_mv: str | None,
    *,
    strict: bool = False,
) -> xr.DataArray:
    """The stack in the files; warnings and assumptions go to standard error.

    Raises
    ------
    StmError
        If a file cannot be read, or the biases make no sense.
    """
    from ..io.readers import open_recording

    recording = open_recording(
        files if len(files) > 1 else files[0],
        pixel_size_nm=pixel_size_nm,
        bias_mv=None if bias_mv is None else biases(bias_mv),
    )
    for warning in recording.warnings:
        tell("warning", warning)
    stack = recording.stack(channel, strict=strict)
    for text in stack.attrs.get("assumptions", []):
        tell("assumed", text)
    return stack


def biases(text: str) -> list[float]:
    """The biases that a person wrote.

    Raises
    ------
    StmError
        If they are no numbers, or the steps do not lead from the first to the last.

    Examples
    --------
    >>> biases("-10, 0, 10"), biases("-4:4:4"), biases("-520")
    ([-10.0, 0.0, 10.0], [-4.0, 0.0, 4.0], [-520.0])
    """
    try:
        if ":" not in text:
            return [float(part) for part in text.split(",")]
        first, last, step = (float(part) for part in text.split(":"))
        steps = (last - first) / step
    except (ValueError, ZeroDivisionError):
        raise StmError(f"the biases are numbers with commas, or FIRST:LAST:STEP in mV, got {text!r}") from None
    if steps < 0 or abs(steps - round(steps)) > 1e-6:
        raise StmError(f"steps of {step:g} mV do not lead from {first:g} to {last:g} mV")
    return [float(bias) for bias in np.linspace(first, last, round(steps) + 1)]
