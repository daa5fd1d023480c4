"""``train``: a model on simulated windows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..core.errors import StmError
from ..data.images import pixel_size_nm as size_of
from ..impurities.preprocess import prepare_input
from ..impurities.training import TrainingConfig
from ..impurities.training import train as train_model
from ..nn.device import choose_device
from ..nn.distributed import is_first, process_group
from ..physics.dispersion import Dispersion
from ..qpi.dispersion_fit import fit_dispersion
from .console import INTERRUPTED, long_work, print_message
from .files import Biases, Channel, PixelSize, Strict, check_places, read, read_points
from .options import options_of, refuse_settings, set_options
from .run_options import Device
from .training_reports import print_epoch, print_model


@options_of(TrainingConfig)
def train(
    output: Annotated[Path, typer.Option("-o", "--output", help="The model file to write (.safetensors).")],
    preset: Annotated[str, typer.Option(help="The preset of the settings: default or wang2020.")] = "default",
    experiment: Annotated[
        list[Path] | None,
        typer.Option(help="A file to adapt to, unlabelled (Eq. 4); may be given again for a series."),
    ] = None,
    channel: Channel = None,
    pixel_size_nm: PixelSize = None,
    bias_mv: Biases = None,
    strict: Strict = False,
    reference: Annotated[
        Path | None,
        typer.Option(help="Reference points of the experiment (CSV): their ratio is printed at each epoch."),
    ] = None,
    material: Annotated[
        str | None,
        typer.Option(help="The experiment's surface, for the windows of wang2020. [default: fitted to the experiment]"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume from the last checkpoint of this model file.")
    ] = False,
    device: Device = None,
    **values: Any,
) -> int:
    """Train a model on simulated windows; Ctrl-C stops after the step, and leaves a model that can be resumed.

    Example: stm-impurities train -o mine.safetensors --experiment grid.3ds --epochs 20

    On two GPUs: torchrun --nproc-per-node 2 -m napari_stm_impurities.cli train -o mine.safetensors
    """
    if reference is not None and not experiment:
        raise StmError("--reference needs an --experiment; give the file of the points")
    if material is not None and (not experiment or preset != "wang2020"):
        raise StmError("--material is for the windows of --preset wang2020 made for an --experiment; leave it out")
    if resume:
        refuse_settings(values, "a resumed training keeps its settings")
    check_places([output], [*(experiment or ()), reference])
    base = TrainingConfig.preset(preset)
    config = TrainingConfig.of(**{**dict(base), **set_options(values)})
    stack = None
    band = None if material is None else Dispersion.of_material(material)
    if experiment:
        stack = read(experiment, channel, pixel_size_nm, bias_mv, strict=strict)
        if config.windows.kind == "friedel" and not resume:
            band = band or fit_dispersion(stack)
            model_input = prepare_input(stack, config.inputs, band)
            config = config.for_band(band, model_input.bias_mv, max(model_input.pixel_size_nm))
            print_message("train", f"the windows are made for the experiment's k ({band.source})")
    reference_points = None
    if reference is not None and stack is not None:
        reference_points = read_points(reference, size_of(stack), strict=strict)
    with process_group(choose_device(device)), long_work("train", bar=is_first()) as (progress, should_stop):
        model = train_model(
            preset,
            stack,
            reference=reference_points,
            dispersion=band,
            config=None if resume else config,
            path=output,
            resume=resume,
            on_epoch=print_epoch,
            device=device,
            progress=progress,
            should_stop=should_stop,
        )
        stopped = should_stop()
        if is_first():
            print_model(output, model, stopped)
    return INTERRUPTED if stopped else 0
