"""The folder of the results of a kernel fit: maps, tables, figures and provenance."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pandas as pd

from ..core.configuration import Configuration
from ..core.files import folder_written_whole, written_whole
from ..io.tables import save_points
from ..kernels.config import KernelConfig
from ..kernels.result import Kernels
from ..physics.dispersion import Dispersion
from ..plots.figures import empty_figure, save_figure
from ..plots.kernels import plot_k, plot_kernel, plot_phases, plot_points, plot_transform
from .provenance import InputFile, Inputs

PROVENANCE = "kernels.json"
#: The height of a map that is drawn, in inches.
_MAP_INCHES = 5.4


class KernelProvenance(Configuration):
    """The provenance of kernels."""

    format: Literal["napari-stm-impurities kernels 1"] = "napari-stm-impurities kernels 1"
    """The kind of file, with its version."""
    date: str
    """Date of writing, ISO 8601."""
    inputs: Inputs
    """The maps."""
    points: InputFile
    """The table of points."""
    config: KernelConfig
    """The settings."""
    dispersion: Dispersion | None
    """The fitted band."""
    method: str
    """The method that was used."""
    notes: tuple[str, ...]
    """Limits and assumptions of the result."""
    versions: dict[str, str]
    """Of Python and of the packages that a result may depend on."""


def is_kernel_folder(folder: Path) -> bool:
    """Whether a folder was written by :func:`save_kernels`, so that it may be replaced."""
    return (folder / PROVENANCE).is_file()


def save_kernels(kernels: Kernels, folder: Path, provenance: KernelProvenance) -> Path:
    """Write a folder: kernels.nc, residual.nc, k.csv, points.csv, kinds.csv, proposed.csv, figures and kernels.json.

    Raises
    ------
    StmError
        If the folder cannot be written, or holds something else.
    """
    with folder_written_whole(folder, "kernels", is_kernel_folder) as temporary:
        kernels.dataset().to_netcdf(temporary / "kernels.nc", engine="h5netcdf")
        kernels.residual.drop_attrs().to_netcdf(temporary / "residual.nc", engine="h5netcdf")
        k = kernels.k.to_dataframe().reset_index().rename(columns={"bias": "bias_mv"})
        _write(k, temporary / "k.csv")
        _write(kernels.kinds, temporary / "kinds.csv")
        save_points(kernels.points, temporary / "points.csv")
        save_points(kernels.proposed, temporary / "proposed.csv")
        _draw(kernels, temporary)
        (temporary / PROVENANCE).write_text(provenance.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return folder


def _write(table: pd.DataFrame, path: Path) -> None:
    with written_whole(path) as temporary:
        table.to_csv(temporary, index=False)


def _draw(kernels: Kernels, folder: Path) -> None:
    middle = float(kernels.kernels.bias.values[len(kernels.kernels.bias) // 2])
    for kind in kernels.kinds["kind"]:
        figure, axes = empty_figure(_MAP_INCHES)
        plot_kernel(axes, kernels, int(kind), middle)
        save_figure(figure, folder / f"kernel_{kind}.png")
        for part in ("real", "imaginary"):
            figure, axes = empty_figure(_MAP_INCHES)
            plot_transform(axes, kernels, int(kind), middle, part)
            save_figure(figure, folder / f"transform_{kind}_{part}.png")
    figure, axes = empty_figure(_MAP_INCHES)
    plot_points(axes, kernels, middle)
    save_figure(figure, folder / "points.png")
    figure, axes = empty_figure()
    plot_k(axes, kernels)
    save_figure(figure, folder / "k.png")
    figure, axes = empty_figure()
    plot_phases(axes, kernels)
    save_figure(figure, folder / "phases.png")
