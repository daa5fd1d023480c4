"""``adapt``: fine-tuning of a model on one measurement, with the points that the user corrected."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..data.images import pixel_size_nm as size_of
from ..impurities.training import AdaptConfig, adaptation_of
from ..impurities.training import adapt as adapt_model
from .console import INTERRUPTED, long_work, out, print_message
from .files import Biases, Channel, Files, PixelSize, Strict, check_places, read, read_points
from .options import options_of, refuse_settings, set_options
from .run_options import Device
from .training_reports import print_epoch, print_model


@options_of(AdaptConfig)
def adapt(
    files: Files,
    output: Annotated[Path, typer.Option("-o", "--output", help="The model file to write (.safetensors).")],
    points: Annotated[
        Path | None,
        typer.Option(help="The impurities, corrected (CSV). [default: none; the entropy of the scores is minimised]"),
    ] = None,
    region: Annotated[
        tuple[float, float, float, float] | None,
        typer.Option(
            metavar="Y0 Y1 X0 X1",
            help="In nm: inside it every impurity is among the points. [default: the whole frame]",
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="The model to start from: a shipped model, or a .safetensors file.")
    ] = "default",
    material: Annotated[
        str | None, typer.Option(help="The surface, where its dispersion cannot be fitted to the data.")
    ] = None,
    channel: Channel = None,
    pixel_size_nm: PixelSize = None,
    bias_mv: Biases = None,
    strict: Strict = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume from the last checkpoint of this model file, with the same input.")
    ] = False,
    device: Device = None,
    **values: Any,
) -> int:
    """Adapt a model to a measurement; Ctrl-C stops after the step, and leaves a model that can be resumed.

    A part of the region is held out, and its F1 is printed after each epoch.

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
            config=None if resume else AdaptConfig.of(**set_options(values)),
            path=output,
            resume=resume,
            on_epoch=print_epoch,
            device=device,
            progress=progress,
            should_stop=should_stop,
        )
        stopped = should_stop()
    adaptation = adaptation_of(adapted)
    if adaptation is not None:
        out().print(str(adaptation), markup=False)
        if adaptation.worse is not None:
            print_message("warning", adaptation.worse)
    print_model(output, adapted, stopped)
    return INTERRUPTED if stopped else 0
