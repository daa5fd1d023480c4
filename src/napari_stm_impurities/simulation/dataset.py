"""Training data on disk: simulated windows in one file, for inspection and for other programs."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from ..core.arguments import seed_of, whole_number
from ..core.files import written_whole
from ..core.progress import Progress, ShouldStop, Stopped, never, silent
from .config import FriedelConfig, ScatteringConfig
from .stream import simulate_windows
from .windows import PatchBatch, label_map

_BATCH = 8
#: Windows of the trial for the estimate of the duration.
_TRIAL = 4
#: Images besides the maps: the label of the impurities, and of the structure where there may be any; all float32.
_LABELS_OF_FRIEDEL, _LABELS_OF_SCATTERING = 1, 2
_BYTES_PER_PIXEL = 4


def dataset_bytes(config: FriedelConfig | ScatteringConfig, n_windows: int) -> int:
    """The size of the file that :func:`simulate_dataset` will write, in bytes, to within some per cent.

    Examples
    --------
    >>> dataset_bytes(FriedelConfig(), 1000) // 1_000_000
    14
    """
    if isinstance(config, FriedelConfig):
        n_images = config.n_maps + _LABELS_OF_FRIEDEL
    else:
        n_images = config.n_maps[1] + _LABELS_OF_SCATTERING
    return n_windows * _BYTES_PER_PIXEL * n_images * config.side_px**2


def dataset_seconds(config: FriedelConfig | ScatteringConfig, n_windows: int, seed: int = 0) -> float:
    """The expected duration of :func:`simulate_dataset` in s on this machine, from a trial of four windows."""
    start_s = time.perf_counter()
    simulate_windows(config, _TRIAL, torch.Generator().manual_seed(seed_of(seed)))
    return (time.perf_counter() - start_s) * n_windows / _TRIAL


def simulate_dataset(
    path: str | os.PathLike[str],
    config: FriedelConfig | ScatteringConfig,
    n_windows: int,
    seed: int = 0,
    *,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> Path:
    """Write simulated training windows to one NetCDF file, and return its path.

    Parameters
    ----------
    path
        The file to write, complete or not at all.
    config
        The settings of the simulation.
    n_windows
        The number of windows.
    seed
        The same seed gives the same windows.
    progress, should_stop
        Progress callback and cancellation check; see :mod:`napari_stm_impurities.core.progress`.

    Returns
    -------
    pathlib.Path
        The file: ``maps`` (window, map, y, x), NaN where a window has fewer biases or a missing pixel;
        ``label`` (window, y, x), 1/N_i on each impurity pixel (Eq. 2); ``structure`` (window, y, x), 0 to 1 where
        structure covers a pixel, in windows of exact scattering; ``impurity_y_px`` and
        ``impurity_x_px`` (window, impurity); the configuration and the seed as attributes.

    Raises
    ------
    StmError
        If the number of windows is less than one.
    Stopped
        If `should_stop` returned true; no file is left.
    """
    whole_number(n_windows, "at least one window is needed: their number", least=1)
    generator = torch.Generator().manual_seed(seed_of(seed))
    batches: list[PatchBatch] = []
    for first in range(0, n_windows, _BATCH):
        if should_stop():
            raise Stopped
        progress(first / n_windows, f"simulating window {first + 1} of {n_windows}")
        batches.append(simulate_windows(config, min(_BATCH, n_windows - first), generator))
    dataset = _as_dataset(batches).assign_attrs(configuration=config.model_dump_json(), seed=seed)
    with written_whole(path) as temporary:
        dataset.to_netcdf(temporary, engine="h5netcdf")
    progress(1.0, f"wrote {n_windows} windows")
    return Path(path)


def _as_dataset(batches: list[PatchBatch]) -> xr.Dataset:
    n_maps = max(batch.maps.shape[1] for batch in batches)
    n_impurities = max(batch.yx_px.shape[1] for batch in batches)

    def padded(values: torch.Tensor, n: int) -> np.ndarray:
        missing = n - values.shape[1]
        widths = [(0, 0), (0, missing), *[(0, 0)] * (values.ndim - 2)]
        return np.pad(values.numpy(), widths, constant_values=np.nan)

    positions = [torch.where(batch.present[..., None], batch.yx_px, torch.nan) for batch in batches]
    yx = np.concatenate([padded(batch_positions, n_impurities) for batch_positions in positions])
    maps = np.concatenate([padded(batch.maps, n_maps) for batch in batches])
    label = np.concatenate([label_map(batch).numpy() for batch in batches])
    dataset = xr.Dataset(
        {
            "maps": (("window", "map", "y", "x"), maps),
            "label": (("window", "y", "x"), label),
            "impurity_y_px": (("window", "impurity"), yx[..., 0]),
            "impurity_x_px": (("window", "impurity"), yx[..., 1]),
        }
    )
    structure = [batch.structure.numpy() for batch in batches if batch.structure is not None]
    if structure:
        dataset["structure"] = (("window", "y", "x"), np.concatenate(structure))
    return dataset
