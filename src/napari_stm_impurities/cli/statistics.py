"""``statistics``: spatial statistics of points."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..data.images import pixel_size_nm as size_of
from .console import long_work, out
from .files import (
    Biases,
    Channel,
    JsonFile,
    MaskFile,
    PixelSize,
    Strict,
    check_places,
    read,
    read_points,
    write_json,
)


def statistics(
    points: Annotated[Path, typer.Argument(metavar="POINTS", help="The table of points (CSV).")],
    stack: Annotated[
        Path,
        typer.Option(help="The file in which they were found: its measured pixels, without a mask's, are the area."),
    ],
    as_json: JsonFile = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random placements.")] = 0,
    channel: Channel = None,
    pixel_size_nm: PixelSize = None,
    bias_mv: Biases = None,
    mask: MaskFile = None,
    strict: Strict = False,
) -> None:
    """Compute spatial statistics of points, and compare them with random placement.

    Density with its error, the distance to the nearest neighbour, and the pair correlation g(r).

    Example: stm-impurities statistics points.csv --stack grid.3ds --json statistics.json
    """
    from ..analysis.spatial_statistics import surface_statistics
    from .console_tables import statistics_table

    check_places([], [points, stack, mask], texts=[as_json])
    area = read([stack], channel, pixel_size_nm, bias_mv, strict=strict, mask=mask)
    table = read_points(points, size_of(area), strict=strict)
    with long_work("statistics") as (progress, should_stop):
        result = surface_statistics(table, area, seed=seed, progress=progress, should_stop=should_stop)
    write_json(result, as_json)
    out(as_json).print(statistics_table(result))
