"""``find``: the points of one stack, or of a whole folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..core.errors import StmError
from ..impurities.family import Impurities
from .console import PARTLY_FAILED, long_work, out, print_message
from .files import (
    Biases,
    Channel,
    MaskFile,
    PixelSize,
    Strict,
    biases,
    check_is_file,
    check_not_read,
    check_places,
    read,
    write_points,
)
from .run_options import Device, Material, ModelName, SecondPass, Threshold


def find(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="One file, or a series with one bias a file: one stack. A folder, or a pattern in quotes: a batch.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="The table of points (CSV) to write, - for standard output; for a batch the folder of tables.",
        ),
    ],
    channel: Channel = None,
    model: ModelName = "default",
    threshold: Threshold = None,
    material: Material = None,
    wavelength_nm: Annotated[
        float | None,
        typer.Option(
            help="Instead: the distance in nm between neighbouring crests of the ripples, at the highest bias."
        ),
    ] = None,
    score_map: Annotated[
        Path | None, typer.Option(help="Also write the network's score of every pixel (NetCDF).")
    ] = None,
    structure_map: Annotated[
        Path | None,
        typer.Option(help="Also write the probability of structure that is no impurity, at every pixel (NetCDF)."),
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="Also draw the points on the map (PNG).")] = None,
    mask: MaskFile = None,
    second_pass: SecondPass = True,
    pixel_size_nm: PixelSize = None,
    bias_mv: Biases = None,
    device: Device = None,
    shard: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="Of a batch, search the I-th of N parts only, such as 3/16."),
    ] = None,
    strict: Strict = False,
) -> int:
    """Find the impurities in a stack, and write them as a table of points.

    A folder or a pattern is searched file by file: a table and a provenance for each file, and a summary.csv that is
    written as it goes. A file that fails does not stop the rest; it is named at the end, and the exit code is then 1.
    A second start repeats nothing that is done already.

    Examples: stm-impurities find grid.3ds -o points.csv --figure points.png (one stack),
    stm-impurities find "maps/*.3ds" -o tables (a batch).
    """
    if material is not None and wavelength_nm is not None:
        raise StmError("--material and --wavelength-nm both give the scale of the ripples; leave one of them out")
    batch = output.is_dir() or any(_is_batch(name) for name in files)
    if batch:
        check_is_file(output, "the tables of a batch")
    if batch and (score_map or structure_map or figure or mask or wavelength_nm is not None):
        raise StmError(
            "--score-map, --structure-map, --figure, --mask and --wavelength-nm are for one stack, not for a batch"
        )
    if not batch:
        check_places([score_map, structure_map, figure], [*map(Path, files), mask], tables=[output])
    from ..impurities.model import load_model

    loaded = load_model(model, device)
    if batch:
        reading: dict[str, Any] = {"channel": channel, "pixel_size_nm": pixel_size_nm, "strict": strict}
        reading["bias_mv"] = None if bias_mv is None else biases(bias_mv)
        return _find_in_each(
            files, output, Impurities(loaded, material, threshold, second_pass=second_pass), reading, shard
        )
    if shard is not None:
        raise StmError("--shard is for a batch; give a folder, or a pattern in quotes")

    from ..impurities.detect import find as find_all
    from ..io.writers import save_stack
    from ..physics.dispersion import Dispersion

    stack = read([Path(name) for name in files], channel, pixel_size_nm, bias_mv, strict=strict, mask=mask)
    band = material if wavelength_nm is None else Dispersion.of_wavelength(wavelength_nm, float(stack.bias[-1]))
    with long_work("find") as (progress, should_stop):
        finding = find_all(
            stack, loaded, band, threshold, second_pass=second_pass, progress=progress, should_stop=should_stop
        )
    for note in finding.notes:
        print_message("note", note)
    write_points(finding.points, output)
    if score_map is not None:
        save_stack(finding.score, score_map)
    if structure_map is not None:
        if finding.structure is None:
            raise StmError(f"the model {loaded.config.name!r} gives no map of structure; leave out --structure-map")
        save_stack(finding.structure, structure_map)
    if figure is not None:
        from ..plots.maps import draw_points

        draw_points(stack, finding.points, figure)
    out(output).print(f"{output}: {len(finding.points)} impurities", markup=False)
    return 0


def _find_in_each(
    names: list[str], folder: Path, method: Impurities, reading: dict[str, Any], shard: str | None
) -> int:
    from ..workflow.batch import SUMMARY, Shard, files_of, find_in_files

    if folder.suffix == ".csv" and not folder.is_dir():
        raise StmError(f"{folder}: a batch writes one table a file; name a folder for them, such as {folder.stem}")
    files = [path for name in names for path in (files_of(name) if _is_batch(name) else [Path(name)])]
    for name in (SUMMARY, *(f"{path.name}.csv" for path in files)):
        check_not_read(folder / name, files)
    part = None if shard is None else Shard.parse(shard)
    with long_work("find") as (progress, should_stop):
        batch = find_in_files(files, folder, method, **reading, shard=part, progress=progress, should_stop=should_stop)
    searched = len(batch.summary) - len(batch.failed)
    total = int(batch.summary["points"].sum())
    out().print(f"{batch.path}: {total} impurities in {searched} of {len(batch.summary)} files", markup=False)
    for text in batch.failed["error"]:
        print_message("failed", text)
    return PARTLY_FAILED if len(batch.failed) else 0


def _is_batch(name: str) -> bool:
    path = Path(name)
    return path.is_dir() or (not path.exists() and any(sign in name for sign in "*?["))
