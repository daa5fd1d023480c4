"""Datasets of other programs, in NetCDF, HDF5 or Zarr, with a variable of (bias, y, x).

The variables with three dimensions are the channels. The names of the dimensions identify bias, y and x, and
coordinates or entries with such names hold the bias and the pixel size. The user provides what the file does not state.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ...core.errors import ReadError
from ...core.units import quantity, unit_mv
from .channels import choose, recognise
from .dimensions import Layout, axes_along, entry_of, is_map, layout_of, positions_along, role_of, unit_of
from .entries import Entry, bias_among, pixel_among, with_stated_units
from .quantities import Quantity, in_mv, measured_recording
from .recording import Channel, Recording, UserMetadata, check_size

#: Returns a variable by its name, when its numbers are needed.
Variable = Callable[[Hashable], xr.DataArray]
#: A placeholder; the caller replaces it with the name of the file format.
_FORMAT_NAME = "dataset"


def foreign_recording(path: Path, dataset: xr.Dataset, user: UserMetadata, variable: Variable) -> Recording:
    """The recording of a dataset.

    Parameters
    ----------
    path, dataset, user
        The file, its content, and the metadata from the user.
    variable
        Returns a variable by its name, when its numbers are needed.

    Raises
    ------
    ReadError
        If no variable is a stack or a map, or its bias or pixel size is not known.
    """
    numbers = [
        variable_ for variable_ in dataset.data_vars.values() if variable_.dtype.kind in "fiu" and variable_.ndim >= 2
    ]
    layouts = {
        variable_.name: layout for variable_ in numbers if (layout := layout_of(dataset, variable_, user)) is not None
    }
    laid_out = [variable_ for variable_ in numbers if variable_.name in layouts]
    # a table of numbers is no map where the file has one whose dimensions are y and x
    maps = [variable_ for variable_ in laid_out if is_map(dataset, variable_)] or laid_out
    if not maps:
        raise ReadError(
            path,
            f"expected a variable of (bias, y, x), found none with three dimensions, nor one map; "
            f"it holds {_content_text(dataset)}",
        )
    first = max(maps, key=lambda variable_: len(layouts[variable_.name].dims))
    layout = layouts[first.name]
    check_size(path, first.size, f"a variable of shape {first.shape}")
    alike = [variable_ for variable_ in maps if set(layouts[variable_.name].dims) == set(layout.dims)]
    channels = [recognise(str(variable_.name), unit_of(variable_)) for variable_ in alike]
    default, why, warnings = choose(channels, None, fallback="current")
    shape = [first.sizes[dim] for dim in layout.dims]
    entries = [*_attributes(first.attrs), *_variables(dataset), *_attributes(dataset.attrs)]
    frame = _frame_size_nm(dataset)
    if frame is not None:
        pixel = Quantity((frame[0] / shape[-2], frame[1] / shape[-1]))
    else:
        pixel = pixel_among(entries, (shape[-2], shape[-1]), _positions(dataset, layout))

    def load(channel: Channel) -> np.ndarray:
        variable_ = variable(channel.name)
        single_dims = [dim for dim in variable_.dims if dim not in layout.dims]
        values: np.ndarray = variable_.squeeze(single_dims).transpose(*layout.dims).data
        return values

    recording = measured_recording(
        path,
        _FORMAT_NAME,
        shape,
        load,
        bias=_bias(dataset, layout, entries),
        pixel=pixel,
        user=user,
        channels=channels,
        default=default,
        metadata={str(name): str(value) for name, value in dataset.attrs.items()},
    )
    return replace(
        recording,
        why=why,
        warnings=(*warnings, *recording.warnings),
        assumptions=(*recording.assumptions, *layout.assumptions),
    )


def _positions(dataset: xr.Dataset, layout: Layout) -> tuple[Entry, Entry] | None:
    """The positions along y and x, where the file shows which they are."""
    for_y, for_x = (positions_along(dataset, dim) for dim in layout.dims[-2:])
    if for_y is None or for_x is None:
        return None
    known = all(role_of(dataset, dim) for dim in layout.dims[-2:])
    return (for_y, for_x) if known or (for_y.has_unit and for_x.has_unit) else None


def _content_text(dataset: xr.Dataset) -> str:
    """The variables of a file, as text."""
    texts = [
        f"{item.name} ({', '.join(f'{dim} {n}' for dim, n in item.sizes.items()) or 'one value'}) of {item.dtype}"
        for item in list(dataset.data_vars.values())[:8]
    ]
    return "; ".join(texts) or "no variable outside of its groups"


def _variables(dataset: xr.Dataset) -> list[Entry]:
    """The numbers and lists of a file."""
    small = [name for name, variable in dataset.variables.items() if variable.ndim < 2 and variable.dtype.kind in "fiu"]
    return [entry_of(dataset[name]) for name in small]


def _attributes(attrs: Mapping[Hashable, Any]) -> list[Entry]:
    """The attributes that are numbers, or texts of a number and its unit."""
    entries = []
    for name, attribute in attrs.items():
        # the key that Nanonis gives its bias, which is in V
        unit = "V" if name == "BIAS" else ""
        try:
            if isinstance(attribute, str):
                value, stated = quantity(attribute) or (attribute, "")
                values, unit = np.asarray(value, dtype=np.float64), stated or unit
            else:
                values = np.asarray(attribute, dtype=np.float64)
        except (TypeError, ValueError):
            continue
        entries.append(Entry(str(name), values.shape, partial(np.asarray, values), unit))
    return with_stated_units(
        entries, {str(name): attribute for name, attribute in attrs.items() if isinstance(attribute, str)}
    )


def _bias(dataset: xr.Dataset, layout: Layout, entries: Sequence[Entry]) -> Quantity:
    """The bias in mV, from what lies along its dimension, else from what is named so."""
    if len(layout.dims) == 2:
        return bias_among(entries, 1)
    axis_entries = axes_along(dataset, layout.dims[0])
    named = [entry for entry in axis_entries if unit_mv(entry.unit) is not None or entry.meaning.what == "bias"]
    named.sort(key=lambda entry: not entry.has_unit)
    if named:
        return in_mv(named[0].name, named[0].load(), named[0].unit)
    return bias_among(entries, dataset.sizes[layout.dims[0]])


def _frame_size_nm(dataset: xr.Dataset) -> tuple[float, float] | None:
    """Height and width of the frame, where a Nanonis header was kept; its positions end at the frame's edge."""
    for name, first in (("Grid settings", 2), ("SCAN_RANGE", 0)):
        attribute = dataset.attrs.get(name)
        parts = (
            attribute.split()
            if isinstance(attribute, str)
            else []
            if attribute is None
            else np.ravel(attribute).tolist()
        )
        try:
            width, height = (float(part) * 1e9 for part in parts[first : first + 2])
        except ValueError:
            continue
        if width > 0 and height > 0:
            return height, width
    return None
