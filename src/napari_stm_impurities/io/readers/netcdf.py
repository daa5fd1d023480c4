"""NetCDF and HDF5: stacks that this package saved, and files of others with a variable of three dimensions.

A saved stack comes back as it was, history and all. In another file the variables with three dimensions are the
channels; the dimension whose coordinate is a bias comes first, and coordinates in a unit of
length give the pixel size. What the file does not tell has to be given.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import xarray as xr

from ...core.errors import ReadError
from ...core.units import unit_mv, unit_nm
from ...data import images
from .channels import choose, recognise
from .formats import Format
from .hdf5_heap import refuse_endless_heaps
from .plain import plain_recording
from .recording import Assumption, Channel, Frame, Given, Recording, check_size, is_large, library_errors
from .sweep import exact

#: The attribute that marks a file of :func:`napari_stm_impurities.io.writers.save_stack`, and its version.
MARK = "napari_stm_impurities_stack"
VERSION = 1
#: The variable that holds the stack, and the attribute with everything that xarray keeps beside it.
VARIABLE = "stack"
ATTRS = "attrs_json"


def open_netcdf(path: Path, given: Given) -> Recording:
    """Open a NetCDF or HDF5 file.

    Raises
    ------
    ReadError
        If it holds neither a three-dimensional variable nor a map, or does not tell its bias or pixel size.
    """
    return open_dataset_of(path, given, _dataset, FORMAT.name)


#: Opens a file, or a store, as a dataset whose numbers are read when they are wanted.
Opener = Callable[[Path], xr.Dataset]


def open_dataset_of(path: Path, given: Given, opener: Opener, format_name: str) -> Recording:
    """Make the recording of what `opener` opens; NetCDF, HDF5 and Zarr have the same layouts.

    Raises
    ------
    ReadError
        As :func:`open_netcdf` does.
    """
    with library_errors(path, f"{format_name} with a variable of (bias, y, x)"), opener(path) as dataset:
        read = _saved if MARK in dataset.attrs else _foreign
        recording = read(path, _directions(dataset), given, opener)
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
    return xr.open_dataset(path, engine="h5netcdf", phony_dims="sort", decode_times=False)


def _saved(path: Path, dataset: xr.Dataset, given: Given, opener: Opener) -> Recording:
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
        saved=saved if given == Given() else None,
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


def _foreign(path: Path, dataset: xr.Dataset, given: Given, opener: Opener) -> Recording:
    numbers = [one for one in dataset.data_vars.values() if one.dtype.kind in "fiu" and one.ndim in (2, 3)]
    if not numbers:
        raise ReadError(path, "expected a variable of (bias, y, x), found none with three dimensions, nor one map")
    first = max(numbers, key=lambda one: one.ndim)
    check_size(path, first.size, f"a variable of shape {first.shape}")
    alike = [one for one in numbers if one.dims == first.dims]
    channels = [recognise(str(one.name), str(one.attrs.get("units", ""))) for one in alike]
    default, why, warnings = choose(channels, None, fallback="current")
    dims = list(first.dims)
    bias_mv = _one_bias(dataset, first)
    if first.ndim == 3:
        bias_dim, bias_mv = _bias(dataset, first, given)
        dims = [bias_dim, *(dim for dim in dims if dim != bias_dim)]
    recording = plain_recording(
        path,
        FORMAT.name,
        [first.sizes[dim] for dim in dims],
        lambda channel: _variable(path, channel.name, opener).transpose(*dims).data,
        bias_mv=bias_mv,
        pixel_size_nm=_pixel_size(dataset, dims[-2:]),
        given=given,
        channels=channels,
        default=default,
        metadata={str(name): str(value) for name, value in dataset.attrs.items()},
    )
    return replace(recording, why=why, warnings=(*warnings, *recording.warnings))


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


def _frame_size_nm(dataset: xr.Dataset) -> tuple[float, float] | None:
    """Height and width of the frame, where a Nanonis header was kept; its positions end at the frame's edge."""
    for name, first in (("Grid settings", 2), ("SCAN_RANGE", 0)):
        kept = dataset.attrs.get(name)
        parts = kept.split() if isinstance(kept, str) else [] if kept is None else np.ravel(kept).tolist()
        try:
            width, height = (float(part) * 1e9 for part in parts[first : first + 2])
        except ValueError:
            continue
        if width > 0 and height > 0:
            return height, width
    return None


def _one_bias(dataset: xr.Dataset, one: xr.DataArray) -> list[float] | None:
    """The bias of a single map, in mV, where an attribute or a coordinate tells it."""
    for attrs in (one.attrs, dataset.attrs):
        for name, factor in (("bias_mv", 1.0), ("bias_mV", 1.0), ("BIAS", 1000.0), ("bias", 1000.0)):
            try:
                return [round(float(attrs[name]) * factor, 9)]
            except (KeyError, TypeError, ValueError):
                continue
    return None


def _bias(dataset: xr.Dataset, one: xr.DataArray, given: Given) -> tuple[Hashable, list[float] | None]:
    """The dimension of the bias, and the bias in mV where the file tells it."""
    for dim in one.dims:
        for axis in _axes(dataset, dim):
            factor = unit_mv(str(axis.attrs.get("units", "")))
            if factor is None and str(axis.name).lower() == "bias_mv":
                factor = 1.0
            if factor is not None:
                return dim, [exact(v) * factor if axis.dtype == np.float32 else float(v) * factor for v in axis.values]
    fitting = [dim for dim in one.dims if given.bias_mv is not None and one.sizes[dim] == len(given.bias_mv)]
    return (fitting or one.dims)[0], None


def _pixel_size(dataset: xr.Dataset, dims: list[Hashable]) -> tuple[float, float] | None:
    frame = _frame_size_nm(dataset)
    if frame is not None:
        return frame[0] / dataset.sizes[dims[0]], frame[1] / dataset.sizes[dims[1]]
    sizes = []
    for dim in dims:
        for axis in _axes(dataset, dim):
            factor = unit_nm(str(axis.attrs.get("units", "")))
            steps = np.abs(np.diff(axis.values.astype(np.float64)))
            if factor is not None and len(steps) and np.allclose(steps, steps.mean(), rtol=1e-3):
                sizes.append(float(steps.mean()) * factor)
                break
    return (sizes[0], sizes[1]) if len(sizes) == 2 else None


def _axes(dataset: xr.Dataset, dim: Hashable) -> list[xr.DataArray]:
    """The one-dimensional variables along a dimension, its own coordinate first."""
    along = [one for one in dataset.variables if dataset[one].dims == (dim,) and dataset[one].dtype.kind in "fiu"]
    return [dataset[name] for name in sorted(along, key=lambda name: name != dim)]


FORMAT = Format(
    "NetCDF or HDF5 (.nc, .h5)",
    (".nc", ".nc4", ".h5", ".hdf5"),
    lambda head: head[:4] == b"\x89HDF" or head[:3] == b"CDF",
    open_netcdf,
)
