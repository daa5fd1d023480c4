"""``report``: one folder with everything that came out of a stack."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import StmError
from ..data.images import pixel_size_nm as size_of
from .console import long_work, out, print_message
from .files import (
    Biases,
    Channel,
    Files,
    MaskFile,
    PixelSize,
    Strict,
    biases,
    check_is_file,
    read,
    read_points,
)
from .run_options import Device, Material, ModelName, SecondPass, Threshold

if TYPE_CHECKING:
    import xarray as xr

#: What a reader's message calls the values that can be given, outside of paths and quotes.
_GIVEN = re.compile(r"(?<![\w'\"./\\-])(pixel_size_nm|bias_mv)(?![\w'\"/\\-])")


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
    bound_state_pixel_size_nm: Annotated[
        float | None, typer.Option(help="Pixel size in nm of the map of the bound states, where its file has none.")
    ] = None,
    bound_state_bias_mv: Annotated[
        str | None,
        typer.Option(help="Biases in mV of the map of the bound states, as --bias-mv, where its file has none."),
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
    mask: MaskFile = None,
    second_pass: SecondPass = True,
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

    check_is_file(output, "a report")
    check_place(output)
    for path in files:
        if output.resolve() in path.resolve().parents:
            raise StmError(f"{path}: is read, and would be replaced with the report {output}; give another folder")
    stack = read(files, channel, pixel_size_nm, bias_mv, strict=strict, mask=mask)
    corrected = None if points is None else read_points(points, size_of(stack), strict=strict)
    wanted = None if reference is None else read_points(reference, size_of(stack), strict=strict)
    bound_map = None
    if bound_state is not None:
        bound_map = _bound_map(bound_state, bound_state_pixel_size_nm, bound_state_bias_mv, strict=strict)
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
                second_pass=second_pass,
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
    if written.no_reference:
        print_message("warning", written.no_reference)
    if written.comparison is not None:
        out().print(str(written.comparison), markup=False)
    out().print(str(written.statistics), markup=False)
    out().print(f"{written.files[0]}: {len(written.points)} impurities", markup=False)


def _bound_map(path: Path, pixel_size_nm: float | None, bias_mv: str | None, *, strict: bool) -> xr.DataArray:
    """The map of the lowest bias in a file; an error names the options of this file, not those of the stack.

    Raises
    ------
    StmError
        If the file cannot be read, or needs what was not given.
    """
    try:
        return read([path], None, pixel_size_nm, bias_mv, strict=strict).isel(bias=[0])
    except StmError as error:
        raise StmError(_GIVEN.sub(r"bound_state_\1", str(error))) from None
