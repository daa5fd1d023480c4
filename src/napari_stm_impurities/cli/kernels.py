"""``kernels``: the pattern of one impurity, fitted to all of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ..core.errors import StmError
from ..data.images import pixel_size_nm as size_of
from .console import long_work, out, print_message
from .files import Biases, Channel, Files, PixelSize, Strict, biases, read, read_points
from .run_options import Material


def kernels(
    files: Files,
    points: Annotated[Path, typer.Option(metavar="CSV", help="The table of points: where the impurities are.")],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FOLDER", help="The folder of the results; earlier ones are replaced."),
    ],
    kinds: Annotated[str, typer.Option(metavar="auto|N", help="The number of kinds of impurity, 1 to 6.")] = "auto",
    method: Annotated[
        str, typer.Option(help="auto, tmatrix (multiple scattering), harmonics (least squares) or average.")
    ] = "auto",
    refine: Annotated[
        bool, typer.Option("--refine/--no-refine", help="Refine the positions where held-out biases fit better.")
    ] = True,
    radius_nm: Annotated[
        float | None, typer.Option(help="The radius of a kernel in nm. [default: four ripples]")
    ] = None,
    material: Material = None,
    channel: Channel = None,
    pixel_size_nm: PixelSize = None,
    bias_mv: Biases = None,
    strict: Strict = False,
) -> None:
    """Fit the pattern of one impurity, k(V), the kinds of impurity, and what each point explains.

    The folder holds kernels.nc, residual.nc, k.csv, points.csv, kinds.csv, proposed.csv, figures and kernels.json.

    Example: stm-impurities kernels grid.3ds --points points.csv -o kernels
    """
    from ..core.files import check_place
    from ..core.hashing import sha256_of_file
    from ..kernels.config import KernelConfig
    from ..workflow.kernel_files import KernelProvenance, is_kernel_folder, save_kernels
    from ..workflow.provenance import InputFile, Inputs, versions_now

    chosen: dict[str, Any] = {"method": method, "n_kinds": _kinds(kinds), "refine_positions": refine}
    config = KernelConfig.of(**chosen, radius_nm=radius_nm)
    check_place(output, "kernels", is_kernel_folder)
    for path in (*files, points):
        if output.resolve() in path.resolve().parents:
            raise StmError(f"{path}: is read, and would be replaced with {output}; give another folder")
    stack = read(files, channel, pixel_size_nm, bias_mv, strict=strict)
    table = read_points(points, size_of(stack), strict=strict)
    from ..kernels.fit import fit_kernels

    with long_work("kernels") as (progress, should_stop):
        inputs = Inputs.of_files(
            files,
            channel=str(stack.attrs.get("channel") or "") or channel,
            pixel_size_nm=None if pixel_size_nm is None else (pixel_size_nm, pixel_size_nm),
            bias_mv=None if bias_mv is None else biases(bias_mv),
            should_stop=should_stop,
        )
        found = fit_kernels(
            stack, table, config=config, dispersion=material, progress=progress, should_stop=should_stop
        )
    provenance = KernelProvenance(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        inputs=inputs,
        points=InputFile(path=str(points.absolute()), sha256=sha256_of_file(points)),
        config=config,
        dispersion=found.dispersion,
        method=found.method,
        notes=found.notes,
        versions=versions_now(),
    )
    save_kernels(found, output, provenance)
    for note in found.notes:
        print_message("note", note)
    for row in found.rows():
        if row.label != "note":
            out().print(f"{row.label}: {row.value}", markup=False)


def _kinds(text: str) -> str | int:
    if text == "auto":
        return text
    if not text.isdigit():
        raise StmError(f"the number of kinds is auto or a whole number from 1 to 6, got {text!r}")
    return int(text)
