"""``compare``: points against a reference."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import out
from .files import (
    Biases,
    Channel,
    JsonFile,
    PixelSize,
    Strict,
    check_places,
    read,
    read_points,
    write_json,
)
from .options import set_options


def compare(
    points: Annotated[Path, typer.Argument(metavar="POINTS", help="The table of points to compare (CSV).")],
    truth: Annotated[Path, typer.Argument(metavar="REFERENCE", help="The table of reference points (CSV).")],
    tolerance_nm: Annotated[
        float | None, typer.Option(help="Matching radius in nm. [default: 0.47, one pixel of the paper's grid]")
    ] = None,
    stack: Annotated[
        Path | None, typer.Option(help="The file that was searched: its area sets the chance level.")
    ] = None,
    as_json: JsonFile = None,
    channel: Channel = None,
    pixel_size_nm: PixelSize = None,
    bias_mv: Biases = None,
    strict: Strict = False,
) -> None:
    """Compare points with a reference: matched pairs, missed and extra points, and the chance level.

    Example: stm-impurities compare points.csv reference.csv --tolerance-nm 0.47
    """
    from ..analysis import comparison
    from ..data.images import pixel_size_nm as size_of
    from .console_tables import comparison_table

    check_places([], [points, truth, stack], texts=[as_json])
    area = None if stack is None else read([stack], channel, pixel_size_nm, bias_mv, strict=strict)
    pixel_size = None if area is None else size_of(area)
    found_points, reference_points = (
        read_points(path, pixel_size_nm or pixel_size, strict=strict) for path in (points, truth)
    )
    report = comparison.compare(
        found_points,
        reference_points,
        **set_options({"tolerance_nm": tolerance_nm}),
        frame=area,
        pixel_size_nm=pixel_size,
    )
    write_json(report, as_json)
    out(as_json).print(comparison_table(report))
