"""``simulate``: a surface or training windows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..core.errors import StmError
from ..impurities.training import TrainingConfig
from ..io.writers import save_stack
from ..physics.dispersion import Dispersion
from ..simulation.amplitudes import Amplitudes
from ..simulation.dataset import dataset_bytes, dataset_seconds, simulate_dataset
from ..simulation.surface import SurfaceConfig, simulate_surface
from .console import long_work, out, print_message
from .files import check_places, write_points
from .options import options_of, set_options


@options_of(SurfaceConfig, Amplitudes)
def simulate(
    output: Annotated[Path, typer.Option("-o", "--output", help="The NetCDF file to write.")],
    material: Annotated[str, typer.Option(help="The surface: Au(111), Ag(111) or Cu(111).")] = "Au(111)",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same file.")] = 0,
    points: Annotated[
        Path | None, typer.Option(help="Also write the true positions (CSV); - writes to standard output.")
    ] = None,
    bound_state: Annotated[Path | None, typer.Option(help="Also write the map of the bound states (NetCDF).")] = None,
    windows: Annotated[
        int | None,
        typer.Option(min=1, help="Instead of a surface, write this number of training windows with their labels."),
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
    check_places([output, bound_state], tables=[points])
    if windows is not None:
        grid = SurfaceConfig.of(**set_options(values))
        biases = [grid.bias_start_mv, grid.bias_stop_mv]
        training = TrainingConfig.preset(preset)
        training = training.for_band(Dispersion.of_material(material), biases, grid.frame_nm / grid.side_px)
        _simulate_windows(output, windows, training, seed)
        return
    config = SurfaceConfig.of(**set_options(values))
    megabytes = 4 * config.n_biases * config.side_px**2 / 1e6
    print_message(
        "simulate", f"{config.n_biases} maps of {config.side_px} x {config.side_px} pixels, {megabytes:.1f} MB"
    )
    with long_work("simulate") as (progress, should_stop):
        surface = simulate_surface(material, seed, config=config, progress=progress, should_stop=should_stop)
    save_stack(surface.stack, output)
    if points is not None:
        write_points(surface.points, points)
    if bound_state is not None:
        save_stack(surface.bound_state_map, bound_state)
    out(points).print(f"{output}: {len(surface.points)} impurities", markup=False)


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
