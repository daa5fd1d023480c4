"""NetCDF and HDF5: stacks that this package saved, scans of GXSM, and files of others.

A saved stack comes back as it was, history and all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import xarray as xr

from ...core.errors import ReadError
from ...data import images
from .foreign_datasets import foreign_recording
from .formats import Format
from .gxsm import gxsm_recording, is_gxsm
from .hdf5_heap import refuse_endless_heaps
from .plain import plain_recording
from .recording import Assumption, Channel, Frame, Recording, UserMetadata, check_size, is_large, library_errors

#: The attribute that marks a file of :func:`napari_stm_impurities.io.writers.save_stack`, and its version.
MARK = "napari_stm_impurities_stack"
VERSION = 1
#: The variable that holds the stack, and the attribute with everything that xarray keeps beside it.
VARIABLE = "stack"
ATTRS = "attrs_json"


def open_netcdf(path: Path, given: UserMetadata) -> Recording:
    """Open a NetCDF or HDF5 file.

    Raises
    ------
    ReadError
        If it holds neither a three-dimensional variable nor a map, or does not tell its bias or pixel size.
    """
    return open_dataset_of(path, given, _dataset, FORMAT.name)


#: Opens a file, or a store, as a dataset whose numbers are read when they are wanted.
Opener = Callable[[Path], xr.Dataset]


def open_dataset_of(path: Path, given: UserMetadata, opener: Opener, format_name: str) -> Recording:
    """Make the recording of what `opener` opens; NetCDF, HDF5 and Zarr have the same layouts.

    Raises
    ------
    ReadError
        As :func:`open_netcdf` does.
    """
    with library_errors(path, f"{format_name} with a variable of (bias, y, x)"), opener(path) as dataset:
        if MARK in dataset.attrs:
            recording = _saved(path, dataset, given, opener)
        else:
            read = gxsm_recording if is_gxsm(dataset) else foreign_recording
            recording = read(path, _directions(dataset), given, partial(_variable, path, opener=opener))
    return replace(recording, format=format_name)


def _dataset(path: Path) -> xr.Dataset:
    with path.open("rb") as file:
        classic = file.read(3) == b"CDF"
    if classic:
        return xr.open_dataset(path, engine="scipy", decode_times=False)
    refuse_endless_heaps(path)
    # h5netcdf looks at this attribute first, and where it is damaged leaves an object that complains on the
    # screen when it goes; h5py only raises
    with h5py.File(path, "r") as file:
        file.attrs.get("_nc3_strict")
        group = _group_with_maps(file)
    return xr.open_dataset(path, engine="h5netcdf", phony_dims="sort", decode_times=False, group=group)


def _group_with_maps(file: h5py.File) -> str | None:
    """The one group that holds arrays of two dimensions or more; None for the root, or where several do."""
    groups: set[str] = set()

    def visit(name: str, one: object) -> None:
        if isinstance(one, h5py.Dataset) and one.ndim > 1:
            groups.add(name.rpartition("/")[0])

    file.visititems(visit)
    return groups.pop() or None if len(groups) == 1 else None


def _saved(path: Path, dataset: xr.Dataset, given: UserMetadata, opener: Opener) -> Recording:
    version = int(dataset.attrs[MARK])
    if version > VERSION:
        raise ReadError(path, f"was saved by a later version of this package (format {version}, known is {VERSION})")
    variable = dataset[VARIABLE]
    if variable.dims != images.DIMS or variable.dtype != np.float32:
        raise ReadError(path, f"expected a stack of (bias, y, x), found {variable.dims} of {variable.dtype}")
    check_size(path, variable.size, f"a stack of shape {variable.shape}")
    attrs = json.loads(variable.attrs[ATTRS])
    channel = Channel(str(attrs["channel"]), str(attrs.get("units", "")), "saved stack", is_didv=True)

    def load(_: Channel) -> np.ndarray:
        values: np.ndarray = _variable(path, VARIABLE, opener).data
        return values

    def saved() -> xr.DataArray:
        stack = _variable(path, VARIABLE, opener).rename(channel.name)
        for axis in images.DIMS:
            at = stack[axis].values.astype(np.float64)
            if not (np.isfinite(at).all() and (np.diff(at) > 0).all()):
                raise ReadError(path, f"the axis {axis} of the saved stack does not go up; the file is damaged")
        stack.attrs = dict(attrs)
        stack.encoding = {}
        return stack

    step = attrs["pixel_size_nm"]
    recording = plain_recording(
        path,
        FORMAT.name,
        variable.shape,
        load,
        bias_mv=dataset["bias"].values.tolist(),
        pixel_size_nm=(float(step[0]), float(step[1])),
        given=given,
        channels=(channel,),
        default=channel,
        why="it is the stack that was saved",
        metadata=attrs,
    )
    center, angle = attrs.get("frame_center_nm"), attrs.get("frame_angle_deg")
    return replace(
        recording,
        frame=Frame(recording.frame.shape, recording.frame.pixel_size_nm, tuple(center) if center else None, angle),
        sweep_signal=str(attrs.get("sweep_signal", "")),
        saved=saved if given == UserMetadata() else None,
        assumptions=tuple(_assumption(text) for text in attrs.get("assumptions", ())),
    )


def _assumption(line: str) -> Assumption:
    """The assumption that a saved stack keeps as one line."""
    about, _, text = line.partition(": ")
    return Assumption(about, text)  # type: ignore[arg-type]  # the line was written from one


def _variable(path: Path, name: Hashable, opener: Opener) -> xr.DataArray:
    with library_errors(path, f"the variable {name}"):
        dataset = opener(path)
        one = _directions(dataset)[name]
        if is_large(one.size):
            # the file stays open as long as its numbers are wanted
            return one.chunk("auto")
        with dataset:
            return one.load()


def _directions(dataset: xr.Dataset) -> xr.Dataset:
    """The way back as variables of their own, where a scan has both ways along a dimension (xarray-nanonis)."""
    if "dir" not in dataset.coords or dataset["dir"].dims != ("dir",):
        return dataset
    ways = [str(way) for way in dataset["dir"].values]
    split = dataset.drop_dims("dir")
    for name, one in dataset.data_vars.items():
        for i, way in enumerate(ways if "dir" in one.dims else []):
            split[f"{name} [bwd]" if way == "backward" else name] = one.isel(dir=i).drop_vars("dir")
    return split


FORMAT = Format(
    "NetCDF or HDF5 (.nc, .h5)",
    (".nc", ".nc4", ".h5", ".hdf5"),
    lambda head: head[:4] == b"\x89HDF" or head[:3] == b"CDF",
    open_netcdf,
)
