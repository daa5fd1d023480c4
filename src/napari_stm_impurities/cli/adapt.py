"""``adapt``: a model that has learnt from one measurement, and from the points that a person corrected on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..data.images import pixel_size_nm as size_of
from ..impurities.training import AdaptConfig, adaptation_of
from ..impurities.training import adapt as adapt_model
from .console import INTERRUPTED, long_work, out, print_message
from .files import Biases, Channel, Files, PixelSize, Strict, check_places, read, read_points
from .options import given, options_of, refuse_settings
from .run_options import Device
from .training_reports import print_epoch, print_model


@options_of(AdaptConfig)
def adapt(
    files: Files,
    output: Annotated[Path, typer.Option("-o", "--output", help="The model file to write (.safetensors).")],
    points: Annotated[
        Path | None,
        typer.Option(help="The impurities, corrected (CSV). [default: none; the model is asked to be surer of itself]"),
    ] = None,
    region: Annotated[
        tuple[float, float, float, float] | None,
        typer.Option(
            metavar="Y0 Y1 X0 X1",
            help="In nm: inside it every impurity is among the points. [default: the whole frame]",
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="What to begin with: a shipped model, or a .safetensors file.")
    ] = "default",
    material: Annotated[
        str | None, typer.Option(help="The surface, where its dispersion cannot be read off the data.")
    ] = None,
    channel: Channel = None,
    pixel_size_nm: PixelSize = None,
    bias_mv: Biases = None,
    strict: Strict = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint of this model file, with the same input.")
    ] = False,
    device: Device = None,
    **values: Any,
) -> int:
    """Adapt a model to a measurement; Ctrl-C stops after the step, and leaves a model that can be resumed.

    A part of the region is kept out of it, and tells the F1 after each epoch.

    Example: stm-impurities adapt grid.3ds -o mine.safetensors --points corrected.csv --region 0 20 0 37.5
    """
    if resume:
        refuse_settings(values, "an adaptation that is resumed keeps its settings")
    check_places([output], [*files, points, Path(model)])
    stack = read(files, channel, pixel_size_nm, bias_mv, strict=strict)
    with long_work("adapt") as (progress, should_stop):
        adapted = adapt_model(
            model,
            stack,
            None if points is None else read_points(points, size_of(stack), strict=strict),
            region,
            dispersion=material,
            config=None if resume else AdaptConfig.of(**given(values)),
            path=output,
            resume=resume,
            on_epoch=print_epoch,
            device=device,
            progress=progress,
            should_stop=should_stop,
        )
        stopped = should_stop()
    told = adaptation_of(adapted)
    if told is not None:
        out().print(str(told), markup=False)
        if told.worse is not None:
            print_message("warning", told.worse)
    print_model(output, adapted, stopped)
    return INTERRUPTED if stopped else 0
