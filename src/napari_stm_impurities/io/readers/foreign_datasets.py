"""Datasets of others, in NetCDF, HDF5 or Zarr, with a variable of (bias, y, x).

The variables with three dimensions are the channels. The names of the dimensions tell which is the bias, y and x, and
coordinates or entries with such names give the bias and the pixel size. What the file does not tell has to be given.
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

#: Gives a variable by its name, when its numbers are wanted.
Variable = Callable[[Hashable], xr.DataArray]
#: The caller, which knows in which kind of file the dataset lies, puts the real name in its place.
_FORMAT_NAME = "dataset"


def foreign_recording(path: Path, dataset: xr.Dataset, given: UserMetadata, variable: Variable) -> Recording:
    """Make the recording of a dataset.

    Parameters
    ----------
    path, dataset, given
        The file, what it holds, and what the person gave.
    variable
        Gives a variable by its name, when its numbers are wanted.

    Raises
    ------
    ReadError
        If no variable is a stack or a map, or its bias or pixel size is nowhere to be had.
    """
    numbers = [one for one in dataset.data_vars.values() if one.dtype.kind in "fiu" and one.ndim >= 2]
    layouts = {one.name: layout for one in numbers if (layout := layout_of(dataset, one, given)) is not None}
    laid_out = [one for one in numbers if one.name in layouts]
    # a table of numbers is no map where the file has one whose dimensions are y and x
    maps = [one for one in laid_out if is_map(dataset, one)] or laid_out
    if not maps:
        raise ReadError(
            path,
            f"expected a variable of (bias, y, x), found none with three dimensions, nor one map; "
            f"it holds {_held(dataset)}",
        )
    first = max(maps, key=lambda one: len(layouts[one.name].dims))
    layout = layouts[first.name]
    check_size(path, first.size, f"a variable of shape {first.shape}")
    alike = [one for one in maps if set(layouts[one.name].dims) == set(layout.dims)]
    channels = [recognise(str(one.name), unit_of(one)) for one in alike]
    default, why, warnings = choose(channels, None, fallback="current")
    shape = [first.sizes[dim] for dim in layout.dims]
    entries = [*_attributes(first.attrs), *_variables(dataset), *_attributes(dataset.attrs)]
    frame = _frame_size_nm(dataset)
    if frame is not None:
        pixel = Quantity((frame[0] / shape[-2], frame[1] / shape[-1]))
    else:
        pixel = pixel_among(entries, (shape[-2], shape[-1]), _positions(dataset, layout))

    def load(channel: Channel) -> np.ndarray:
        one = variable(channel.name)
        of_one = [dim for dim in one.dims if dim not in layout.dims]
        values: np.ndarray = one.squeeze(of_one).transpose(*layout.dims).data
        return values

    recording = measured_recording(
        path,
        _FORMAT_NAME,
        shape,
        load,
        bias=_bias(dataset, layout, entries),
        pixel=pixel,
        given=given,
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


def _held(dataset: xr.Dataset) -> str:
    """What a file holds, in a few words."""
    words = [
        f"{one.name} ({', '.join(f'{dim} {n}' for dim, n in one.sizes.items()) or 'one value'}) of {one.dtype}"
        for one in list(dataset.data_vars.values())[:8]
    ]
    return "; ".join(words) or "no variable outside of its groups"


def _variables(dataset: xr.Dataset) -> list[Entry]:
    """The numbers and lists of a file."""
    small = [name for name, one in dataset.variables.items() if one.ndim < 2 and one.dtype.kind in "fiu"]
    return [entry_of(dataset[name]) for name in small]


def _attributes(attrs: Mapping[Hashable, Any]) -> list[Entry]:
    """The attributes that are numbers, or texts of a number and its unit."""
    found = []
    for name, kept in attrs.items():
        # the key that Nanonis gives its bias, which is in V
        unit = "V" if name == "BIAS" else ""
        try:
            if isinstance(kept, str):
                value, stated = quantity(kept) or (kept, "")
                values, unit = np.asarray(value, dtype=np.float64), stated or unit
            else:
                values = np.asarray(kept, dtype=np.float64)
        except (TypeError, ValueError):
            continue
        found.append(Entry(str(name), values.shape, partial(np.asarray, values), unit))
    return with_stated_units(found, {str(name): kept for name, kept in attrs.items() if isinstance(kept, str)})


def _bias(dataset: xr.Dataset, layout: Layout, entries: Sequence[Entry]) -> Quantity:
    """The bias in mV, from what lies along its dimension, else from what is named so."""
    if len(layout.dims) == 2:
        return bias_among(entries, 1)
    along = axes_along(dataset, layout.dims[0])
    named = [one for one in along if unit_mv(one.unit) is not None or one.meaning.what == "bias"]
    named.sort(key=lambda one: not one.has_unit)
    if named:
        return in_mv(named[0].name, named[0].load(), named[0].unit)
    return bias_among(entries, dataset.sizes[layout.dims[0]])


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
