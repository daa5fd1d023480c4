"""``reference``: points on the map of the bound states, by expectation-maximisation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import xarray as xr

from ..spots.config import ReferenceConfig
from .console import long_work, out, print_message
from .files import (
    Biases,
    Channel,
    Files,
    PixelSize,
    Strict,
    check_places,
    read,
    write_points,
)
from .options import options_of, set_options


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

    config = ReferenceConfig.of(**set_options(values))
    check_places([], files, tables=[output])
    stack = read(files, channel, pixel_size_nm, bias_mv, strict=strict)
    nearest = float(map_at(stack, float(stack.bias[0]) if bias is None else bias).bias)
    bound_map = check_stack(select_bias(stack, nearest, nearest))
    _warn_if_ripples(bound_map, nearest)
    with long_work("reference") as (progress, should_stop):
        points = find_reference(bound_map, config=config, progress=progress, should_stop=should_stop)
    write_points(points, output)
    out(output).print(f"{output}: {len(points)} reference points on the map at {nearest:g} mV", markup=False)


def _warn_if_ripples(bound_map: xr.DataArray, bias_mv: float) -> None:
    """Print a warning where a map shows ripples, whose crests could be mistaken for bound states."""
    from ..qpi.dispersion_fit import NoRing, fit_dispersion

    try:
        fit_dispersion(bound_map)
    except NoRing:
        return
    print_message(
        "warning",
        f"the map at {bias_mv:g} mV shows ripples, so it shows no bound states; take one below the band",
    )
