"""``reference``, ``compare`` and ``demo``: how good is what was found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import xarray as xr

from ..core.errors import StmError
from ..spots.config import ReferenceConfig
from .console import long_work, out, print_message
from .files import (
    Biases,
    Channel,
    Files,
    JsonFile,
    PixelSize,
    Strict,
    check_places,
    read,
    read_points,
    write_json,
    write_points,
)
from .options import given, options_of


@options_of(ReferenceConfig)
def reference(
    files: Files,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The table of points (CSV) to write; - is standard output.")
    ],
    bias: Annotated[
        float | None, typer.Option(help="Bias in mV of the map to take, the nearest one. [default: the lowest]")
    ] = None,
    channel: Channel = None,
    pixel_size_nm: PixelSize = None,
    bias_mv: Biases = None,
    strict: Strict = False,
    **values: Any,
) -> None:
    """Find reference points on the map of the bound states, by expectation-maximisation.

    Example: stm-impurities reference grid.3ds -o reference.csv --bias -520
    """
    from ..data.images import check_stack, map_at, select_bias
    from ..spots import find_reference

    config = ReferenceConfig.of(**given(values))
    check_places([output], files)
    stack = read(files, channel, pixel_size_nm, bias_mv, strict=strict)
    nearest = float(map_at(stack, float(stack.bias[0]) if bias is None else bias).bias)
    bound_map = check_stack(select_bias(stack, nearest, nearest))
    _warn_of_ripples(bound_map, nearest)
    with long_work("reference") as (progress, should_stop):
        points = find_reference(bound_map, config=config, progress=progress, should_stop=should_stop)
    write_points(points, output)
    out(output).print(f"{output}: {len(points)} reference points on the map at {nearest:g} mV", markup=False)


def _warn_of_ripples(bound_map: xr.DataArray, bias_mv: float) -> None:
    """Below the band there are no ripples; where there are, their crests would be taken for bound states."""
    from ..qpi.dispersion_fit import NoRing, fit_dispersion

    try:
        fit_dispersion(bound_map)
    except NoRing:
        return
    print_message(
        "warning",
        f"ripples stand out of the map at {bias_mv:g} mV, so it shows no bound states; take one below the band",
    )


def compare(
    points: Annotated[Path, typer.Argument(metavar="POINTS", help="The table of points to judge (CSV).")],
    truth: Annotated[Path, typer.Argument(metavar="REFERENCE", help="The table of reference points (CSV).")],
    tolerance_nm: Annotated[
        float | None, typer.Option(help="Matching radius in nm. [default: 0.47, one pixel of the paper's grid]")
    ] = None,
    stack: Annotated[
        Path | None, typer.Option(help="The file that was searched: its area gives the level of chance.")
    ] = None,
    as_json: JsonFile = None,
    channel: Channel = None,
    pixel_size_nm: PixelSize = None,
    bias_mv: Biases = None,
    strict: Strict = False,
) -> None:
    """Compare points with a reference: who found whom, what was missed, what is extra.

    Example: stm-impurities compare points.csv reference.csv --tolerance-nm 0.47
    """
    from ..analysis import comparison
    from ..data.images import pixel_size_nm as size_of
    from .console_tables import comparison_table

    check_places([as_json], [points, truth, stack])
    area = None if stack is None else read([stack], channel, pixel_size_nm, bias_mv, strict=strict)
    of_area = None if area is None else size_of(area)
    found, wanted = (read_points(path, pixel_size_nm or of_area, strict=strict) for path in (points, truth))
    report = comparison.compare(
        found,
        wanted,
        **given({"tolerance_nm": tolerance_nm}),
        frame=area,
        pixel_size_nm=of_area,
    )
    write_json(report, as_json)
    out(as_json).print(comparison_table(report))


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where the results go.")] = Path(
        "demo"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulated surface.")] = 0,
) -> None:
    """Do the whole job on a simulated Au(111) surface: figures (.png) and tables (.csv) in one folder.

    Example: stm-impurities demo -o results
    """
    from ..workflow.demo import run_demo
    from .console_tables import comparison_table, demo_table

    if output.exists() and not output.is_dir():
        raise StmError(f"{output}: is a file; name a folder for the results")
    with long_work("demo") as (progress, should_stop):
        result = run_demo(output, seed=seed, progress=progress, should_stop=should_stop)
    console = out()
    console.print(demo_table(result))
    console.print(comparison_table(result.against_reference, title="Found points against the reference (EM)"))
    console.print(comparison_table(result.against_truth, title="Found points against the true positions"))
    for path in result.files:
        console.print(str(path), markup=False)
