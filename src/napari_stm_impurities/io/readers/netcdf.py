"""NetCDF and HDF5: images that this package saved, scans of GXSM, and files of other programs."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial
from pathlib import Path

import h5py
import xarray as xr

from .foreign_datasets import foreign_recording
from .formats import Format
from .gxsm import gxsm_recording, is_gxsm
from .hdf5_heap import refuse_endless_heaps
from .recording import Recording, UserMetadata, is_large, library_errors
from .saved import MARK, saved_recording


def open_netcdf(path: Path, user: UserMetadata) -> Recording:
    """The recording of a NetCDF or HDF5 file.

    Raises
    ------
    ReadError
        If it holds neither a three-dimensional variable nor a map, or does not state its bias or pixel size.
    """
    return open_dataset_of(path, user, _dataset, FORMAT.name)


#: Opens a file, or a store, as a dataset whose numbers are read on demand.
Opener = Callable[[Path], xr.Dataset]


def open_dataset_of(path: Path, user: UserMetadata, opener: Opener, format_name: str) -> Recording:
    """The recording of the dataset that `opener` opens; NetCDF, HDF5 and Zarr have the same layouts.

    Raises
    ------
    ReadError
        As :func:`open_netcdf` does.
    """
    with library_errors(path, f"{format_name} with a variable of (bias, y, x)"), opener(path) as dataset:
        load = partial(_variable, path, opener=opener)
        if MARK in dataset.attrs:
            recording = saved_recording(path, dataset, user, load)
        else:
            read = gxsm_recording if is_gxsm(dataset) else foreign_recording
            recording = read(path, _directions(dataset), user, load)
    return replace(recording, format=format_name)


def _dataset(path: Path) -> xr.Dataset:
    with path.open("rb") as file:
        classic = file.read(3) == b"CDF"
    if classic:
        return xr.open_dataset(path, engine="scipy", decode_times=False)
    refuse_endless_heaps(path)
    # h5netcdf reads this attribute first, and where it is damaged leaves an object that prints errors when it is
    # deleted; h5py only raises
    with h5py.File(path, "r") as file:
        file.attrs.get("_nc3_strict")
        group = _group_with_maps(file)
    return xr.open_dataset(path, engine="h5netcdf", phony_dims="sort", decode_times=False, group=group)


def _group_with_maps(file: h5py.File) -> str | None:
    """The one group that holds arrays of two dimensions or more; None for the root, or where several do."""
    groups: set[str] = set()

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and item.ndim > 1:
            groups.add(name.rpartition("/")[0])

    file.visititems(visit)
    return groups.pop() or None if len(groups) == 1 else None


def _variable(path: Path, name: Hashable, opener: Opener) -> xr.DataArray:
    with library_errors(path, f"the variable {name}"):
        dataset = opener(path)
        variable = _directions(dataset)[name]
        if is_large(variable.size):
            # the file stays open as long as its numbers are in use
            return variable.chunk("auto")
        with dataset:
            return variable.load()


def _directions(dataset: xr.Dataset) -> xr.Dataset:
    """The dataset with backward scans as separate variables, where directions are a dimension (xarray-nanonis)."""
    if "dir" not in dataset.coords or dataset["dir"].dims != ("dir",):
        return dataset
    directions = [str(direction) for direction in dataset["dir"].values]
    split = dataset.drop_dims("dir")
    for name, variable in dataset.data_vars.items():
        for i, direction in enumerate(directions if "dir" in variable.dims else []):
            split[f"{name} [bwd]" if direction == "backward" else name] = variable.isel(dir=i).drop_vars("dir")
    return split


FORMAT = Format(
    "NetCDF or HDF5 (.nc, .h5)",
    (".nc", ".nc4", ".h5", ".hdf5"),
    lambda head: head[:4] == b"\x89HDF" or head[:3] == b"CDF",
    open_netcdf,
)
