"""``rerun``: reproduction of the points of a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import NOT_THE_SAME, long_work, out
from .files import Strict, check_places, write_points


def rerun(
    provenance: Annotated[Path, typer.Argument(metavar="PROVENANCE", help="provenance.json of a report.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Also write the table of points (CSV); - writes to standard output."),
    ] = None,
    strict: Strict = False,
) -> int:
    """Compute the points of a report again: the same files, model, numbers and edits.

    The exit code is 0 where they are the same, 1 where they are not, and 2 where a file or the model has changed.

    Example: stm-impurities rerun report/provenance.json -o points.csv
    """
    from ..workflow import rerun as again

    check_places([], [provenance], tables=[output])
    with long_work("rerun") as (progress, should_stop):
        result = again.rerun(provenance, strict=strict, progress=progress, should_stop=should_stop)
    if output is not None:
        write_points(result.points, output)
    out(output).print(result.said, markup=False)
    return 0 if result.same else NOT_THE_SAME
