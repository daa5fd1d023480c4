"""``simulate`` and ``train``: data to learn from, and a model that has learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..core.errors import StmError
from ..data.images import pixel_size_nm as size_of
from ..impurities.model import Model
from ..impurities.preprocess import prepare_input
from ..impurities.training import EpochReport, TrainingConfig
from ..impurities.training import train as train_model
from ..io.tables import save_points
from ..io.writers import save_stack
from ..physics.dispersion import Dispersion
from ..qpi.dispersion_fit import fit_dispersion
from ..simulation.amplitudes import Amplitudes
from ..simulation.dataset import dataset_bytes, dataset_seconds, simulate_dataset
from ..simulation.surface import SurfaceConfig, simulate_surface
from .console import INTERRUPTED, long_work, out, print_message
from .files import Biases, Channel, PixelSize, Strict, check_places, read, read_points
from .options import given, options_of, refuse_settings
from .run_options import Device


@options_of(SurfaceConfig, Amplitudes)
def simulate(
    output: Annotated[Path, typer.Option("-o", "--output", help="The NetCDF file to write.")],
    material: Annotated[str, typer.Option(help="The surface: Au(111), Ag(111) or Cu(111).")] = "Au(111)",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same file.")] = 0,
    points: Annotated[Path | None, typer.Option(help="Also write the true positions (CSV).")] = None,
    bound_state: Annotated[Path | None, typer.Option(help="Also write the map of the bound states (NetCDF).")] = None,
    windows: Annotated[
        int | None, typer.Option(min=1, help="Instead of a surface, write so many training windows with their labels.")
    ] = None,
    preset: Annotated[
        str,
        typer.Option(help="With --windows: those of default, or of wang2020 for the material, biases and pixels."),
    ] = "default",
    **values: Any,
) -> None:
    """Simulate a surface with impurities at known positions.

    Example: stm-impurities simulate -o surface.nc --material "Au(111)" --points truth.csv
    """
    check_places([output, points, bound_state])
    if windows is not None:
        grid = SurfaceConfig.of(**given(values))
        biases = [grid.bias_start_mv, grid.bias_stop_mv]
        training = TrainingConfig.preset(preset)
        training = training.for_band(Dispersion.of_material(material), biases, grid.frame_nm / grid.side_px)
        _simulate_windows(output, windows, training, seed)
        return
    config = SurfaceConfig.of(**given(values))
    megabytes = 4 * config.n_biases * config.side_px**2 / 1e6
    print_message(
        "simulate", f"{config.n_biases} maps of {config.side_px} x {config.side_px} pixels, {megabytes:.1f} MB"
    )
    with long_work("simulate") as (progress, should_stop):
        surface = simulate_surface(material, seed, config=config, progress=progress, should_stop=should_stop)
    save_stack(surface.stack, output)
    if points is not None:
        save_points(surface.points, points)
    if bound_state is not None:
        save_stack(surface.bound_state_map, bound_state)
    out().print(f"{output}: {len(surface.points)} impurities", markup=False)


def _simulate_windows(output: Path, n_windows: int, training: TrainingConfig, seed: int) -> None:
    if output.suffix != ".nc":
        raise StmError(
            f"{output}: training windows are written as NetCDF; name the file {output.with_suffix('.nc').name}"
        )
    megabytes = dataset_bytes(training.windows, n_windows) / 1e6
    seconds = dataset_seconds(training.windows, n_windows, seed)
    print_message("simulate", f"{n_windows} windows, about {megabytes:.3g} MB, in about {seconds:.0f} s")
    with long_work("simulate") as (progress, should_stop):
        simulate_dataset(output, training.windows, n_windows, seed, progress=progress, should_stop=should_stop)
    out().print(f"{output}: {n_windows} training windows", markup=False)


@options_of(TrainingConfig)
def train(
    output: Annotated[Path, typer.Option("-o", "--output", help="The model file to write (.safetensors).")],
    preset: Annotated[str, typer.Option(help="Where the settings start from: default or wang2020.")] = "default",
    experiment: Annotated[
        list[Path] | None,
        typer.Option(help="A file to adapt to, unlabelled (Eq. 4); may be given again for a series."),
    ] = None,
    channel: Channel = None,
    pixel_size_nm: PixelSize = None,
    bias_mv: Biases = None,
    strict: Strict = False,
    reference: Annotated[
        Path | None, typer.Option(help="Reference points of the experiment (CSV): their ratio is told at each epoch.")
    ] = None,
    material: Annotated[
        str | None,
        typer.Option(help="The experiment's surface, for the windows of wang2020. [default: read off the experiment]"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint of this model file.")
    ] = False,
    device: Device = None,
    **values: Any,
) -> int:
    """Train a model on simulated windows; Ctrl-C stops after the step, and leaves a model that can be resumed.

    Example: stm-impurities train -o mine.safetensors --experiment grid.3ds --epochs 20
    """
    if reference is not None and not experiment:
        raise StmError("--reference belongs to an --experiment; give the file that the points lie on")
    if material is not None and (not experiment or preset != "wang2020"):
        raise StmError("--material is for the windows of --preset wang2020 made for an --experiment; leave it out")
    if resume:
        refuse_settings(values, "a resumed training keeps its settings")
    check_places([output], [*(experiment or ()), reference])
    base = TrainingConfig.preset(preset)
    config = TrainingConfig.of(**{**dict(base), **given(values)})
    stack = None
    band = None if material is None else Dispersion.of_material(material)
    if experiment:
        stack = read(experiment, channel, pixel_size_nm, bias_mv, strict=strict)
        if config.windows.kind == "friedel" and not resume:
            band = band or fit_dispersion(stack)
            view = prepare_input(stack, config.inputs, band)
            config = config.for_band(band, view.bias_mv, max(view.pixel_size_nm))
            print_message("train", f"the windows are made for the experiment's k ({band.source})")
    with long_work("train") as (progress, should_stop):
        model = train_model(
            preset,
            stack,
            reference=None if reference is None or stack is None else read_points(reference, size_of(stack)),
            dispersion=band,
            config=None if resume else config,
            path=output,
            resume=resume,
            on_epoch=tell_epoch,
            device=device,
            progress=progress,
            should_stop=should_stop,
        )
        stopped = should_stop()
    tell_model(output, model, stopped)
    return INTERRUPTED if stopped else 0


def tell_epoch(report: EpochReport) -> None:
    """Print one epoch's line."""
    labelled = "" if report.labelled_loss is None else f", on the points {report.labelled_loss:.4f}"
    entropy = "" if report.entropy is None else f", entropy {report.entropy:.4f}"
    ratio = "" if report.ratio is None else f", ratio {report.ratio:.3f}"
    f1 = "" if report.f1 is None else f", held-out F1 {report.f1:.3f}"
    out().print(f"epoch {report.epoch}: loss {report.loss:.4f}{labelled}{entropy}{ratio}{f1}, {report.seconds:.1f} s")


def tell_model(path: Path, model: Model, stopped: bool) -> None:
    """Print what was written, and how to go on where the training was stopped."""
    written = (
        f"model {model.config.name}" if model.config.training["epochs_done"] else "no model before the first epoch"
    )
    more = "; the same command with --resume goes on" if stopped else ""
    out().print(f"{path}: {written}{more}", markup=False)
