"""What the commands share about files: the options that name them, and the stack read from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import xarray as xr

Files = Annotated[list[Path], typer.Argument(metavar="FILE", help="One file, or a series with one bias a file.")]
Channel = Annotated[str | None, typer.Option(help="The channel to read; info lists them, and says which one is taken.")]
PixelSize = Annotated[float | None, typer.Option(help="Pixel size in nm, for a file that does not tell it.")]
BiasRange = Annotated[
    tuple[float, float] | None,
    typer.Option(metavar="FIRST LAST", help="Biases in mV, evenly spaced, for a file that does not tell them."),
]


def read(
    files: list[Path],
    channel: str | None,
    pixel_size_nm: float | None = None,
    bias_range_mv: tuple[float, float] | None = None,
) -> xr.DataArray:
    """The stack in the files."""
    from ..readers import read_stack

    return read_stack(files if len(files) > 1 else files[0], channel=channel)
