"""Recognition of the bias, y and x dimensions of a variable, by their names and not by their order."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from ...core.units import unit_mv, unit_nm
from .entries import Entry
from .entry_names import meaning_of
from .recording import Assumption, UserMetadata

#: Names of dimensions that are no lists of positions.
_DIMENSIONS = {
    "y": re.compile(r"(?:dim|n|num)_?y|y_?dim|rows?|lines?|height|n_?rows|slow", re.IGNORECASE),
    "x": re.compile(r"(?:dim|n|num)_?x|x_?dim|col(?:umn)?s?|width|n_?col(?:umn)?s|fast", re.IGNORECASE),
}
#: What h5netcdf calls the dimensions of an HDF5 file that has no names for them.
_NAMELESS = "phony_dim"


@dataclass(frozen=True)
class Layout:
    """The dimensions of a variable in the order (bias, y, x), or (y, x), and what was assumed about them."""

    dims: tuple[Hashable, ...]
    assumptions: tuple[Assumption, ...] = ()


def unit_of(variable: xr.DataArray | xr.Variable) -> str:
    """The unit that a variable states, under one of the usual names of that attribute; empty where it states none."""
    for name in ("var_unit", "units", "unit", "Units", "Unit", "UNITS"):
        unit = variable.attrs.get(name)
        if isinstance(unit, str | bytes):
            return (unit.decode("utf-8", "replace") if isinstance(unit, bytes) else unit).strip()
    return ""


def axes_along(dataset: xr.Dataset, dim: Hashable) -> list[Entry]:
    """The one-dimensional variables along a dimension, its own coordinate first."""
    along = [
        name for name, variable in dataset.variables.items() if variable.dims == (dim,) and variable.dtype.kind in "fiu"
    ]
    return [entry_of(dataset[name]) for name in sorted(along, key=lambda name: name != dim)]


def entry_of(variable: xr.DataArray) -> Entry:
    """A variable as an entry, which is read on demand."""
    return Entry(str(variable.name), variable.shape, lambda: np.asarray(variable.values), unit_of(variable))


def role_of(dataset: xr.Dataset, dim: Hashable) -> str:
    """``bias``, ``y``, ``x`` or nothing: by the dimension's name, else by the attributes of the variables along it."""
    nameless = str(dim).startswith(_NAMELESS)
    named_role = "" if nameless else _role_of_name(str(dim))
    if named_role:
        return named_role
    along = {
        name: variable
        for name, variable in dataset.variables.items()
        if variable.dims == (dim,) and variable.dtype.kind in "fiu"
    }
    roles = {role for name, variable in along.items() if (role := _role_of_variable(str(name), variable))}
    return roles.pop() if len(roles) == 1 else ""


def _role_of_variable(name: str, variable: xr.Variable) -> str:
    """The role of a variable by its name, its unit, or the attributes that the CF conventions have for it."""
    attrs = {key: str(variable.attrs.get(key, "")) for key in ("axis", "long_name", "standard_name")}
    projected = re.fullmatch(r"projection_([xy])_coordinate", attrs["standard_name"])
    if attrs["axis"].lower() in ("x", "y") or projected:
        return projected[1] if projected else attrs["axis"].lower()
    by_unit = "bias" if unit_mv(unit_of(variable)) is not None else ""
    return _role_of_name(name) or by_unit or _role_of_name(attrs["long_name"])


def layout_of(dataset: xr.Dataset, variable: xr.DataArray, user: UserMetadata) -> Layout | None:
    """The layout of a variable; None when it is neither a map nor a stack of maps.

    A dimension of length one that is neither y nor x is ignored, unless it is the bias.
    """
    roles = {dim: role_of(dataset, dim) for dim in variable.dims}
    dims = [dim for dim in variable.dims if variable.sizes[dim] > 1 or roles[dim]]
    single = [dim for dim in variable.dims if dim not in dims]
    while len(dims) < 2 and single:
        dims = [dim for dim in variable.dims if dim in dims or dim == single[-1]]
        single.pop()
    if len(dims) not in (2, 3) or (len(dims) == 2 and "bias" in [roles[dim] for dim in dims]):
        return None
    bias = _bias_dimension(variable, dims, roles, user) if len(dims) == 3 else []
    map_dims = [dim for dim in dims if dim not in bias]
    y, x = ([dim for dim in map_dims if roles[dim] == axis] for axis in "yx")
    if len(y) == 1 or len(x) == 1:
        in_order = (
            [y[0], *(dim for dim in map_dims if dim != y[0])] if len(y) == 1 else [map_dims[map_dims[0] == x[0]], x[0]]
        )
        return Layout((*bias, *in_order))
    names = (
        "the dimensions"
        if any(str(dim).startswith(_NAMELESS) for dim in map_dims)
        else f"{map_dims[0]} and {map_dims[1]}"
    )
    text = f"{names} of {variable.name} name neither y nor x; y is taken before x, as in the file"
    return Layout((*bias, *map_dims), (Assumption("position", text, "name the dimensions y and x in the file"),))


def is_map(dataset: xr.Dataset, variable: xr.DataArray) -> bool:
    """Whether the dimensions of a variable are known to hold y and x."""
    return {"y", "x"} <= {role_of(dataset, dim) for dim in variable.dims}


def positions_along(dataset: xr.Dataset, dim: Hashable) -> Entry | None:
    """The positions along a dimension, recognised by name or by a unit of length."""
    candidates = [
        entry for entry in axes_along(dataset, dim) if unit_nm(entry.unit) or entry.meaning.what in ("position", "size")
    ]
    return candidates[0] if candidates else None


def _role_of_name(name: str) -> str:
    meaning = meaning_of(name)
    if meaning.what == "bias":
        return "bias"
    if meaning.what in ("position", "size", "pixel") and meaning.axis:
        return meaning.axis
    return next((axis for axis, pattern in _DIMENSIONS.items() if pattern.fullmatch(name)), "")


def _bias_dimension(
    variable: xr.DataArray, dims: list[Hashable], roles: dict[Hashable, str], user: UserMetadata
) -> list[Hashable]:
    """The one of three dimensions that is the bias."""
    named = [dim for dim in dims if roles[dim] == "bias"]
    if len(named) == 1:
        return named
    free = [dim for dim in dims if roles[dim] not in ("y", "x")] or dims
    if user.bias_mv is not None:
        fitting = _of_length(variable, free, len(user.bias_mv))
        return [(fitting or free)[0]]
    return [free[0]]


def _of_length(variable: xr.DataArray, dims: Iterable[Hashable], n: int) -> list[Hashable]:
    return [dim for dim in dims if variable.sizes[dim] == n]
