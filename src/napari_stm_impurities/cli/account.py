"""``statistics``, ``report`` and ``rerun``: what the points say, the whole of it in one folder, and the same again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ..core.errors import StmError
from ..data.images import pixel_size_nm as size_of
from .console import NOT_THE_SAME, long_work, out, print_message
from .files import (
    Biases,
    Channel,
    Files,
    JsonFile,
    PixelSize,
    Strict,
    biases,
    check_places,
    read,
    read_points,
    write_json,
    write_points,
)
from .run_options import Device, Material, ModelName, Threshold


def statistics(
    points: Annotated[Path, typer.Argument(metavar="POINTS", help="The table of points (CSV).")],
    stack: Annotated[Path, typer.Option(help="The file in which they were found: its measured pixels are the area.")],
    as_json: JsonFile = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random placements.")] = 0,
    channel: Channel = None,
    pixel_size_nm: PixelSize = None,
    bias_mv: Biases = None,
    strict: Strict = False,
) -> None:
    """Tell what points say of the surface, beside what as many random points would.

    Density with its error, the distance to the nearest neighbour, and the pair correlation g(r).

    Example: stm-impurities statistics points.csv --stack grid.3ds --json statistics.json
    """
    from ..analysis.spatial_statistics import surface_statistics
    from .console_tables import statistics_table

    check_places([as_json], [points, stack])
    area = read([stack], channel, pixel_size_nm, bias_mv, strict=strict)
    table = read_points(points, size_of(area), strict=strict)
    with long_work("statistics") as (progress, should_stop):
        told = surface_statistics(table, area, seed=seed, progress=progress, should_stop=should_stop)
    write_json(told, as_json)
    out(as_json).print(statistics_table(told))


def report(
    files: Files,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FOLDER", help="Where the report goes; an earlier one is replaced."),
    ],
    channel: Channel = None,
    model: ModelName = "default",
    threshold: Threshold = None,
    material: Material = None,
    reference: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Reference points to compare with and to draw.")
    ] = None,
    bound_state: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The map of the bound states (the lowest bias): the reference is drawn on it, and found if not given.",
        ),
    ] = None,
    points: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            help="The points as corrected by hand: what was changed is told. None of a model's: no search.",
        ),
    ] = None,
    bias: Annotated[float, typer.Option(help="Bias in mV of the map that is drawn, the nearest one.")] = 0.0,
    pixel_size_nm: PixelSize = None,
    bias_mv: Biases = None,
    strict: Strict = False,
    device: Device = None,
) -> None:
    """Find the impurities, and write a folder with all that came out: report.html shows it on one page.

    Points (CSV), figures (PNG), statistics, the comparison with a reference, and provenance.json, from which
    "stm-impurities rerun" gets the same points again.

    Example: stm-impurities report grid.3ds -o report --bound-state bound.3ds
    """
    from ..workflow.provenance import Inputs
    from ..workflow.report import check_place, write_report

    check_place(output)
    for path in files:
        if output.resolve() in path.resolve().parents:
            raise StmError(f"{path}: is read, and would be replaced with the report {output}; give another folder")
    stack = read(files, channel, pixel_size_nm, bias_mv, strict=strict)
    corrected = None if points is None else read_points(points, size_of(stack), strict=strict)
    wanted = None if reference is None else read_points(reference, size_of(stack), strict=strict)
    bound_map = None if bound_state is None else read([bound_state], None, None, None, strict=strict).isel(bias=[0])
    with long_work("report") as (progress, should_stop):
        inputs = Inputs.of_files(
            files,
            # the one that was taken by itself may be another in a later version
            channel=str(stack.attrs.get("channel") or "") or channel,
            pixel_size_nm=None if pixel_size_nm is None else (pixel_size_nm, pixel_size_nm),
            bias_mv=None if bias_mv is None else biases(bias_mv),
            should_stop=should_stop,
        )
        if corrected is not None and not (corrected["source"] == "model").any():
            finding, table = None, corrected
        else:
            from ..impurities.detect import find
            from ..impurities.model import load_model

            finding = find(
                stack,
                load_model(model, device),
                material,
                threshold,
                progress=lambda share, what: progress(share / 2, what),
                should_stop=should_stop,
            )
            for note in finding.notes:
                print_message("note", note)
            table = finding.points if corrected is None else corrected
        written = write_report(
            output,
            stack,
            table,
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            inputs=inputs,
            finding=finding,
            reference=wanted,
            bound_map=bound_map,
            bias_mv=bias,
            progress=lambda share, what: progress(0.5 + share / 2, what),
            should_stop=should_stop,
        )
    if written.comparison is not None:
        out().print(str(written.comparison), markup=False)
    out().print(str(written.statistics), markup=False)
    out().print(f"{written.files[0]}: {len(written.points)} impurities", markup=False)


def rerun(
    provenance: Annotated[Path, typer.Argument(metavar="PROVENANCE", help="provenance.json of a report.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Also write the table of points (CSV); - writes to standard output."),
    ] = None,
) -> int:
    """Get the points of a report again: the same files, model, numbers and edits.

    The exit code is 0 where they are the same, 1 where they are not, and 2 where a file or the model has changed.

    Example: stm-impurities rerun report/provenance.json -o points.csv
    """
    from ..workflow import rerun as again

    check_places([output], [provenance])
    with long_work("rerun") as (progress, should_stop):
        result = again.rerun(provenance, progress=progress, should_stop=should_stop)
    if output is not None:
        write_points(result.points, output)
    out(output).print(result.said, markup=False)
    return 0 if result.same else NOT_THE_SAME
