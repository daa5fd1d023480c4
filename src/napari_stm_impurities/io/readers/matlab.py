"""MATLAB files (``.mat``), v5 to v7.2 and v7.3: a volume, its bias axis and its pixel size, found among the variables.

A laboratory saves what it likes under the names it likes. The one array of three dimensions is the volume; the one
list of numbers as long as just one of its sides, or the one whose name says bias, is the bias axis; a number or a
pair whose name says so is the pixel size. Where two would do, the file is refused with a list of what it holds
and how to choose: the channel is the variable's name.

Structures are searched too, their fields being ``name.field``. Objects and functions are never made alive.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import scipy.io

from ...core.errors import ReadError
from ...core.units import bias_factor_mv, length_factor_nm
from .channels import choose, recognise
from .formats import Format
from .hdf5_heap import refuse_endless_heaps
from .plain import plain_recording
from .recording import MAX_BYTES, Channel, Given, Recording, check_size, is_large, library_errors

_BIAS_NAME = re.compile(r"bias|volt|energ|^v$|^e$|^en$|sweep|^v_|_v$|_mv$", re.IGNORECASE)
_PIXEL_NAME = re.compile(
    r"pixel_?size|pixel_?nm|^px_?nm|nm_?per_?p(ixel|x)|^step(_nm)?$|^dx$|resolution", re.IGNORECASE
)
_SIZE_NAME = re.compile(
    r"(scan|image|frame|map|field)_?(size|range|width)|^size_?nm|^range|^width|^length", re.IGNORECASE
)
#: No measured map is addressed by more variables; a deeper or larger tree is not searched to its end.
_MAX_VARIABLES = 2000
_MAX_DEPTH = 6
_SIGNATURE_5, _SIGNATURE_7 = b"MATLAB 5.0 MAT-file", b"MATLAB 7.3 MAT-file"


@dataclass(frozen=True)
class _Variable:
    """A variable of numbers: `load` gives it in the order of MATLAB's indices."""

    name: str
    shape: tuple[int, ...]
    load: Callable[[], np.ndarray]

    @property
    def sides(self) -> tuple[int, ...]:
        return tuple(n for n in self.shape if n != 1)


def open_matlab(path: Path, given: Given) -> Recording:
    """Open a MATLAB file with one volume, or with several volumes of one shape.

    Raises
    ------
    ReadError
        If it holds no volume or map, or does not tell which is meant.
    """
    with library_errors(path, "a MATLAB file with an array of three dimensions"):
        with path.open("rb") as file:
            newer = file.read(len(_SIGNATURE_7)) == _SIGNATURE_7 or h5py.is_hdf5(path)
        variables = list(_hdf5(path) if newer else _classic(path))
        return _recording(path, variables, given)


def _recording(path: Path, variables: list[_Variable], given: Given) -> Recording:
    volumes = [one for one in variables if len(one.sides) == 3]
    maps = volumes or [one for one in variables if len(one.sides) == 2 and min(one.sides) > 3]
    there = "; ".join(f"{one.name} {'x'.join(map(str, one.shape))}" for one in variables[:12]) or "no array of numbers"
    if not maps:
        raise ReadError(path, f"expected an array of three dimensions (bias, y, x), found {there}")
    if len({one.sides for one in maps}) > 1:
        raise ReadError(
            path, f"holds arrays of several shapes and does not say which is the volume; it has {there}: save one alone"
        )
    sides = maps[0].sides
    axes = [one for one in variables if len(one.sides) == 1] if volumes else []
    axis, dim = _bias_axis(path, axes, sides, there, given) if volumes else (None, None)
    bias = None
    if axis is not None:
        values = axis.load().ravel().astype(np.float64)
        bias = np.round(values * _to_mv(axis.name, values), 9).tolist()
    elif not volumes:
        named = [one for one in variables if not one.sides and _BIAS_NAME.search(_leaf(one))]
        values = np.array([float(one.load().ravel()[0]) for one in named[:1]])
        bias = (values * _to_mv(named[0].name, values)).tolist() if named else None
    # MATLAB counts rows first: what is left are y and x
    check_size(path, math.prod(sides), f"{maps[0].name} of shape {sides}")
    order = [dim, *(i for i in range(3) if i != dim)] if dim is not None else [0, 1]
    shape = [sides[i] for i in order]
    channels = [recognise(one.name, "") for one in maps]
    if len(maps) == 1 and channels[0].what == "other":
        channels = [replace(channels[0], what="array", is_didv=True)]
    sources = {one.name: one for one in maps}
    chosen, why, warnings = choose(channels, None, fallback="current")
    if len(maps) > 1 and chosen.what == "other":
        names = ", ".join(sources)
        warnings.append(f"the file does not say which of its volumes is dI/dV ({names}); choose one as the channel")

    def load(channel: Channel) -> np.ndarray:
        with library_errors(path, f"the array {channel.name}"):
            return sources[channel.name].load().reshape(sides).transpose(order)

    recording = plain_recording(
        path,
        FORMAT.name,
        shape,
        load,
        bias_mv=bias,
        pixel_size_nm=_pixel_size(variables, shape[-2], shape[-1]),
        given=given,
        channels=channels,
        default=chosen,
        why="it is the only volume in the file",
        metadata={"variables": there},
    )
    sweep = f"{axis.name} (V)" if axis is not None else ""
    if len(maps) > 1 or not chosen.is_didv:
        recording = replace(recording, why=why)
    return replace(recording, warnings=(*warnings, *recording.warnings), sweep_signal=sweep)


def _leaf(one: _Variable) -> str:
    return one.name.rpartition(".")[2]


def _bias_axis(
    path: Path, axes: list[_Variable], sides: tuple[int, ...], there: str, given: Given
) -> tuple[_Variable | None, int]:
    """The list that is the bias axis, and the side of the volume that it belongs to."""
    if given.bias_mv is not None:
        fitting = [i for i, n in enumerate(sides) if n == len(given.bias_mv)]
        return None, fitting[-1] if fitting else _odd_side(sides)
    fitting_axes = [one for one in axes if one.sides[0] in sides and not _PIXEL_NAME.search(_leaf(one))]
    named = [one for one in fitting_axes if _BIAS_NAME.search(_leaf(one))]
    # an axis of positions has the length of a side that another axis may have too
    alone = named or [
        one for one in fitting_axes if _leaf(one).lower() not in ("x", "y", "xaxis", "yaxis", "x_nm", "y_nm")
    ]
    if len(alone) > 1:
        names = ", ".join(one.name for one in alone)
        raise ReadError(
            path, f"{names} could each be the bias axis; give bias_mv, or save one of them alone. It holds {there}"
        )
    if not alone:
        return None, _odd_side(sides)
    fitting = [i for i, n in enumerate(sides) if n == alone[0].sides[0]]
    # in a cube any side fits: MATLAB's users stack their maps along the third dimension
    return alone[0], fitting[0] if len(fitting) == 1 else fitting[-1]


def _odd_side(sides: tuple[int, ...]) -> int:
    """The side that is the bias where no axis tells: the one that differs from two equal others, else the third."""
    odd = [i for i in range(3) if sides.count(sides[i]) == 1]
    return odd[0] if len(odd) == 1 else 2


def _to_mv(name: str, values: np.ndarray) -> float:
    factor = bias_factor_mv(name)
    # no scanning tunnelling microscope sweeps over 15 V, and few sweeps in mV end below 15 mV
    return factor if factor is not None else (1000.0 if np.nanmax(np.abs(values), initial=0.0) <= 15.0 else 1.0)


def _pixel_size(variables: list[_Variable], n_y: int, n_x: int) -> tuple[float, float] | None:
    numbers = [one for one in variables if math.prod(one.shape) in (1, 2)]
    for pattern, parts in ((_PIXEL_NAME, (1, 1)), (_SIZE_NAME, (n_y, n_x))):
        for one in numbers:
            if pattern.search(_leaf(one)):
                values = np.broadcast_to(one.load().ravel().astype(np.float64), (2,))
                factor = length_factor_nm(one.name)
                # without a unit, lengths below a thousandth are in m
                factor = factor if factor is not None else (1e9 if np.abs(values).max() < 1e-3 else 1.0)
                size_y, size_x = (float(v) * factor / n for v, n in zip(values, parts, strict=True))
                return size_y, size_x
    for_y, for_x = (
        next((one for one in variables if _leaf(one).lower() in (c, f"{c}_nm", f"{c}axis") and one.sides == (n,)), None)
        for c, n in (("y", n_y), ("x", n_x))
    )
    if for_y is None or for_x is None:
        return None
    steps = [np.abs(np.diff(one.load().ravel().astype(np.float64))).mean() for one in (for_y, for_x)]
    factor = 1e9 if max(steps) < 1e-3 else 1.0
    return float(steps[0]) * factor, float(steps[1]) * factor


def _classic(path: Path) -> Iterator[_Variable]:
    """The variables of a file of MATLAB v5 to v7.2; arrays are read when they are asked for."""
    if path.stat().st_size > MAX_BYTES:
        raise ReadError(path, "is larger than MATLAB's format v5 can be; it is damaged")
    for name, shape, kind in scipy.io.whosmat(path):
        size = math.prod(shape)
        if kind in ("struct", "cell"):
            if size <= _MAX_VARIABLES:
                loaded = _loaded(path, name)
                yield from _fields(name, loaded, 0)
        elif kind in ("double", "single", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"):
            # a compressed array cannot be a thousand times what the file is
            if size > 1100 * path.stat().st_size:
                raise ReadError(
                    path, f"{name} of {'x'.join(map(str, shape))} values cannot be in so small a file; it is damaged"
                )
            yield _Variable(name, tuple(int(n) for n in shape), partial(_loaded, path, name))


def _loaded(path: Path, name: str) -> np.ndarray:
    loaded: np.ndarray = scipy.io.loadmat(path, variable_names=[name], struct_as_record=True)[name]
    return loaded


def _fields(name: str, value: object, depth: int) -> Iterator[_Variable]:
    if not isinstance(value, np.ndarray) or depth > _MAX_DEPTH:
        return
    if value.dtype.names:
        if value.size == 1:
            for field in value.dtype.names:
                yield from _fields(f"{name}.{field}", value[field].ravel()[0], depth + 1)
    elif value.dtype.kind in "fiu" and value.size:
        yield _Variable(name, tuple(value.shape), lambda: value)


def _hdf5(path: Path) -> Iterator[_Variable]:
    """The variables of a file of MATLAB v7.3, which is HDF5 with the dimensions the other way round."""
    refuse_endless_heaps(path)
    with h5py.File(path, "r") as file:
        found: list[tuple[str, tuple[int, ...]]] = []

        def visit(name: str, one: object) -> None:
            if not isinstance(one, h5py.Dataset) or one.dtype.kind not in "fiu" or not one.size or name.startswith("#"):
                return
            if one.attrs.get("MATLAB_class", b"double") not in (b"char", b"logical", b"cell"):
                found.append((name, one.shape))

        file.visititems(visit)
    for name, shape in found[:_MAX_VARIABLES]:
        if 4 * math.prod(shape) > MAX_BYTES:
            raise ReadError(path, f"{name} of {'x'.join(map(str, shape))} values fits into no memory; it is damaged")

        def load(name: str = name) -> np.ndarray:
            file = h5py.File(path, "r")
            if is_large(file[name].size):
                import dask.array  # dask takes a second to load, and few files are so large

                # the file stays open as long as its numbers are wanted
                lazy: np.ndarray = dask.array.from_array(file[name], chunks="auto", name=False).T
                return lazy
            with file:
                return file[name][()].T

        yield _Variable(name.replace("/", "."), shape[::-1], load)


def _recognises(head: bytes) -> bool:
    return head.startswith((_SIGNATURE_5, _SIGNATURE_7))


FORMAT = Format("MATLAB (.mat)", (".mat",), _recognises, open_matlab)
