"""``convert``: maps as one NetCDF file or Zarr store, points for ImageJ."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..core.errors import StmError
from .console import STDOUT, out, size_in_words
from .files import (
    Biases,
    Channel,
    Files,
    PixelSize,
    Strict,
    check_not_read,
    check_places,
    read,
    read_points,
    write_points,
)

#: Suffixes of points for ImageJ.
_OF_IMAGEJ = (".roi", ".csv")


def convert(
    files: Files,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="The NetCDF file (.nc) or Zarr store (.zarr) to write; of points, a selection (.roi) or results (.csv)"
            " of ImageJ, or - for a table (CSV) on standard output.",
        ),
    ],
    channel: Channel = None,
    pixel_size_nm: PixelSize = None,
    bias_mv: Biases = None,
    strict: Strict = False,
) -> None:
    """Read a file, or a series with one bias a file, and write it as one NetCDF file or Zarr store.

    A table of points is written for ImageJ instead: where -o ends in .roi, as a selection that lies on the map; where
    it ends in .csv, as results with the positions in nm, from the corner of the first pixel. A selection of points from
    ImageJ (.roi, or .zip of the ROI Manager) becomes a table of points where -o ends in .csv.

    Example: stm-impurities convert map_*.sxm -o stack.nc

    Example: stm-impurities convert points.csv -o points.roi

    Example: stm-impurities convert marked.roi -o marked.csv --pixel-size-nm 0.47
    """
    from ..io.tables import is_points_table
    from ..io.writers import save_stack

    if output == STDOUT and len(files) == 1 and is_points_table(files[0]):
        write_points(read_points(files[0], pixel_size_nm, strict=strict), output)
        return
    if output.suffix.lower() == ".zarr":  # a folder
        check_not_read(output, files)
    else:
        check_places([output], files)
    if output.suffix.lower() in _OF_IMAGEJ:
        _convert_points(files, output, pixel_size_nm, strict)
        return
    stack = read(files, channel, pixel_size_nm, bias_mv, strict=strict)
    save_stack(stack, output)
    out().print(f"{output}: {size_in_words(stack.shape)}, channel {stack.name}", markup=False)


def _convert_points(files: list[Path], output: Path, pixel_size_nm: float | None, strict: bool) -> None:
    from ..data.points import pixel_size_of
    from ..io.imagej import SELECTIONS, export_imagej
    from ..io.tables import save_points

    if len(files) != 1:
        raise StmError(f"{output}: one table of points becomes one file of ImageJ, got {len(files)} files")
    points = read_points(files[0], pixel_size_nm, strict=strict)
    if files[0].suffix.lower() in SELECTIONS and output.suffix.lower() == ".csv":
        save_points(points, output)
        out().print(f"{output}: {len(points)} points")
        return
    size = pixel_size_nm or pixel_size_of(points)
    if size is None:
        raise StmError(f"{files[0]} does not state the pixel size of its map; give --pixel-size-nm")
    export_imagej(points, output, size)
    out().print(f"{output}: {len(points)} points for ImageJ", markup=False)
