"""Scans of GXSM in NetCDF: one field of (time, value, dimy, dimx), and the settings of the instrument.

The layout is that of ``xsm-netcdf``'s writer (``dataio.C`` of GXSM): lengths are in Angstrom whatever the attribute
``unit`` says, which is for the display only, and the bias is in V. Logs of events are separate variables and are no
maps. Heights become nm; other fields stay as the converters counted them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr

from ...core.errors import ReadError
from ...core.units import unit_mv
from .channels import recognise
from .dimensions import unit_of
from .foreign_datasets import Variable
from .quantities import Quantity, in_mv, measured_recording
from .recording import Assumption, Channel, Frame, Recording, UserMetadata, check_size

_DIMS = ("time", "value", "dimy", "dimx")
#: The names of the field, by the type of its numbers.
_FIELDS = ("FloatField", "DoubleField", "H", "Intensity", "ByteField")
#: The bias by the generations of the hardware, in V: mk2 and mk3, the one before, the newest, and the oldest.
_BIASES = ("sranger_mk2_hwi_bias", "sranger_hwi_bias", "rpspmc_hwi_Bias", "dsp_utunnel")
_ANGSTROM_NM = 0.1


def is_gxsm(dataset: xr.Dataset) -> bool:
    """Whether a dataset has the layout of GXSM."""
    return {"dimx", "dimy"} <= set(dataset.sizes) and any(
        set(_DIMS) <= set(variable.dims) for variable in dataset.values()
    )


def gxsm_recording(path: Path, dataset: xr.Dataset, user: UserMetadata, variable: Variable) -> Recording:
    """The recording of a scan of GXSM, or of its layers at several biases.

    The parameters are those of :func:`napari_stm_impurities.io.readers.foreign_datasets.foreign_recording`.

    Raises
    ------
    ReadError
        If it has no field of real numbers, both times and layers, or its bias or pixel size is not known.
    """
    field = next((name for name in _FIELDS if name in dataset and dataset[name].dims == _DIMS), None)
    if field is None:
        others = ", ".join(str(name) for name, item in dataset.items() if set(_DIMS) <= set(item.dims))
        raise ReadError(path, f"expected a field of real numbers, one of {', '.join(_FIELDS)}, found {others}")
    sizes = dataset[field].sizes
    if sizes["time"] > 1 and sizes["value"] > 1:
        raise ReadError(
            path, f"holds {sizes['time']} times of {sizes['value']} layers; save the layers of one time alone"
        )
    check_size(path, dataset[field].size, f"a field of shape {dataset[field].shape}")
    n_maps, n_y, n_x = max(sizes["time"], sizes["value"]), sizes["dimy"], sizes["dimx"]
    channel, factor = _channel(path, dataset, field)

    def load(_: Channel) -> np.ndarray:
        values: np.ndarray = variable(field).data.reshape(n_maps, n_y, n_x)
        return values if factor == 1.0 else values * np.float32(factor)

    recording = measured_recording(
        path,
        "GXSM",
        (n_maps, n_y, n_x),
        load,
        bias=_bias(dataset, n_maps),
        pixel=_pixel(dataset, (n_y, n_x)),
        user=user,
        channels=[channel],
        default=channel,
        why="a file of GXSM holds one field",
        metadata={str(name): str(value) for name, value in dataset.attrs.items()},
    )
    center = [_number(dataset, name) for name in ("offsetx", "offsety")]
    frame = recording.frame
    if None not in center:
        x, y = (float(v or 0.0) * _ANGSTROM_NM for v in center)
        frame = Frame(frame.shape, frame.pixel_size_nm, (x, y))
    assumptions = recording.assumptions
    if "-Xm-" in path.name:
        text = "the scan backward (Xm) is taken in the order of the file; readers differ on whether it is mirrored"
        assumptions = (*assumptions, Assumption("position", text))
    return replace(recording, frame=frame, assumptions=assumptions)


def _channel(path: Path, dataset: xr.Dataset, field: str) -> tuple[Channel, float]:
    """The channel by the file's name (``scan001-M-Xp-Topo.nc``), and what its numbers are multiplied by."""
    named = re.search(r"-X[pm]-(.+)$", path.stem)
    name = named[1] if named else field
    step = _number(dataset, "dz")
    if name.lower().startswith("topo") and step:
        return Channel(name, "nm", "topography", is_didv=False), step * _ANGSTROM_NM
    if name.lower().startswith("topo"):
        return Channel(name, "DAC", "topography", is_didv=False), 1.0
    return recognise(name, "DAC"), 1.0


def _bias(dataset: xr.Dataset, n_maps: int) -> Quantity:
    """The bias: of several layers in their values, of one map in the settings of the hardware."""
    value = dataset.get("value")
    if n_maps > 1:
        layers = value is not None and value.shape == (n_maps,) and unit_mv(unit_of(value)) is not None
        return in_mv("value", value.values, unit_of(value)) if layers and value is not None else Quantity()
    for name in _BIASES:
        bias = _number(dataset, name)
        if bias is not None:
            return in_mv(name, np.array([bias]), "V")
    return Quantity()


def _pixel(dataset: xr.Dataset, n_yx: tuple[int, int]) -> Quantity:
    """The pixel size: the range by its pixels, else the distance of two."""
    for names, parts in ((("rangey", "rangex"), n_yx), (("dy", "dx"), (1, 1))):
        sizes = [_number(dataset, name) for name in names]
        found = [abs(size) * _ANGSTROM_NM / n for size, n in zip(sizes, parts, strict=True) if size]
        if len(found) == 2:
            return Quantity(_rounded(found))
    return Quantity()


def _rounded(sizes: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(f"{size:.12g}") for size in sizes)


def _number(dataset: xr.Dataset, name: str) -> float | None:
    """A variable of one number; None where it is missing, or is none."""
    if name not in dataset.variables or dataset[name].size != 1 or dataset[name].dtype.kind not in "fiu":
        return None
    number = float(dataset[name].values.ravel()[0])
    return number if np.isfinite(number) else None
