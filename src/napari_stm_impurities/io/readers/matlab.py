"""MATLAB files (``.mat``), v5 to v7.2 and v7.3: a volume, its bias axis and its pixel size, found among the variables.

Names and contents of such files differ between laboratories. The one array of three dimensions is the volume; the one
list of numbers as long as just one of its sides, or the one with a name of the bias, is the bias axis; a number or a
pair with a name of the pixel size is the pixel size. Where two candidates exist, the error lists the content of the
file and how to choose: the channel is the variable's name.

Structures are searched too, their fields being ``name.field``. Objects and functions are never created.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import scipy.io

from ...core.errors import ReadError
from .channels import choose, recognise
from .entries import Entry, bias_among, pixel_among, positions_among, with_stated_units
from .formats import Format
from .hdf5_heap import refuse_endless_heaps
from .quantities import Quantity, assuming, in_mv, measured_recording
from .recording import MAX_BYTES, Assumption, Channel, Recording, UserMetadata, check_size, is_large, library_errors

#: Names of lists that count the maps, and are no bias.
_COUNTS = re.compile(
    r"(?:^|[._])(?:i|n|k|idx|index|indices|frames?|layers?|slices?|t|times?|z|channels?|number)$", re.IGNORECASE
)
#: No measured map is addressed by more variables; a deeper or larger tree is not searched to its end.
_MAX_VARIABLES = 2000
_MAX_DEPTH = 6
#: The most letters of a unit.
_MAX_UNIT = 32
_SIGNATURE_5, _SIGNATURE_7 = b"MATLAB 5.0 MAT-file", b"MATLAB 7.3 MAT-file"


def open_matlab(path: Path, user: UserMetadata) -> Recording:
    """The recording of a MATLAB file with one volume, or with several volumes of one shape.

    Raises
    ------
    ReadError
        If it holds no volume or map, or several without a way to choose.
    """
    with library_errors(path, "a MATLAB file with an array of three dimensions"):
        with path.open("rb") as file:
            newer = file.read(len(_SIGNATURE_7)) == _SIGNATURE_7 or h5py.is_hdf5(path)
        found = list(_hdf5(path) if newer else _classic(path))
        texts = {variable.name: variable.text for variable in found if isinstance(variable, _Text)}
        return _recording(
            path, with_stated_units([variable for variable in found if isinstance(variable, Entry)], texts), user
        )


def _recording(path: Path, variables: list[Entry], user: UserMetadata) -> Recording:
    content = (
        "; ".join(f"{variable.name} {'x'.join(map(str, variable.shape))}" for variable in variables[:12])
        or "no array of numbers"
    )
    maps = _maps(variables)
    if not maps:
        raise ReadError(path, f"expected an array of three dimensions (bias, y, x), found {content}")
    if len({variable.sides for variable in maps}) > 1:
        raise ReadError(
            path,
            f"holds arrays of several shapes and does not say which is the volume; it has {content}: save one alone",
        )
    sides = maps[0].sides
    check_size(path, math.prod(sides), f"{maps[0].name} of shape {sides}")
    others = [variable for variable in variables if variable not in maps]
    if len(sides) == 3:
        axis, dim, assumed = _bias_axis(path, others, sides, content, user)
        bias = (
            Quantity() if axis is None else assuming(in_mv(axis.name, _real_numbers(path, axis), axis.unit), *assumed)
        )
    else:
        axis, dim, bias = None, None, bias_among(others, 1)
    order = [*([] if dim is None else [dim]), *_rows_and_columns(others, sides, dim)]
    shape = [sides[i] for i in order]
    channels = [recognise(variable.name, "") for variable in maps]
    if len(maps) == 1 and channels[0].what == "other":
        channels = [replace(channels[0], what="array", is_didv=True)]
    sources = {variable.name: variable for variable in maps}
    chosen, why, warnings = choose(channels, None, fallback="current")
    if len(maps) > 1 and chosen.what == "other":
        names = ", ".join(sources)
        warnings.append(f"the file does not say which of its volumes is dI/dV ({names}); choose one as the channel")

    def load(channel: Channel) -> np.ndarray:
        with library_errors(path, f"the array {channel.name}"):
            return _real_numbers(path, sources[channel.name]).reshape(sides).transpose(order)

    recording = measured_recording(
        path,
        FORMAT.name,
        shape,
        load,
        bias=bias,
        pixel=pixel_among(others, (shape[-2], shape[-1])),
        user=user,
        channels=channels,
        default=chosen,
        why="it is the only volume in the file",
        metadata={"variables": content},
    )
    if len(maps) > 1 or not chosen.is_didv:
        recording = replace(recording, why=why)
    sweep = axis.name if axis is not None else ""
    return replace(recording, warnings=(*warnings, *recording.warnings), sweep_signal=sweep)


def _maps(variables: list[Entry]) -> list[Entry]:
    """The volumes, or where there are none the maps; a map of the positions themselves (meshgrid) is neither."""
    volumes = [variable for variable in variables if len(variable.sides) == 3]
    flat = [variable for variable in variables if len(variable.sides) == 2 and min(variable.sides) > 3]
    return volumes or [variable for variable in flat if variable.meaning.what != "position"] or flat


def _real_numbers(path: Path, variable: Entry) -> np.ndarray:
    """The numbers of a variable."""
    values = variable.load()
    if values.dtype.kind not in "fiub":
        raise ReadError(path, f"{variable.name} must hold real numbers, got {values.dtype}; save its real part")
    return values


def _bias_axis(
    path: Path, variables: list[Entry], sides: tuple[int, ...], content: str, user: UserMetadata
) -> tuple[Entry | None, int, list[Assumption]]:
    """The list that is the bias axis, the side of the volume that it belongs to, and what is assumed for it."""
    free = [i for i in range(3) if i not in _sides_of_positions(variables, sides)]
    if user.bias_mv is not None:
        sides_of_axis = [i for i in free if sides[i] == len(user.bias_mv)]
        return None, sides_of_axis[-1] if sides_of_axis else _distinct_side(sides, free), []
    lists = [
        variable for variable in variables if len(variable.sides) == 1 and variable.sides[0] in [sides[i] for i in free]
    ]
    named = sorted(
        (variable for variable in lists if variable.meaning.what == "bias"), key=lambda variable: not variable.has_unit
    )
    # a list of positions has the length of a side that the bias may have too
    candidates = named or [
        variable for variable in lists if variable.meaning.what == "" and not _COUNTS.search(variable.name)
    ]
    if len(candidates) > 1 and not (candidates[0].has_unit and _agree(candidates)):
        names = ", ".join(variable.name for variable in candidates)
        raise ReadError(
            path, f"{names} could each be the bias axis; give bias_mv, or save one of them alone. It holds {content}"
        )
    if not candidates:
        return None, _distinct_side(sides, free), []
    axis = candidates[0]
    assumed = []
    if not named:
        text = f"{axis.name} is taken, the only list that is as long as a side of the volume"
        assumed.append(Assumption("bias", text, "give bias_mv"))
    sides_of_axis = [i for i in free if sides[i] == axis.sides[0]]
    if len(sides_of_axis) > 1:
        # MATLAB's users stack their maps along the third dimension
        text = f"the last of the {len(sides_of_axis)} dimensions that are as long as {axis.name} is taken for the bias"
        assumed.append(Assumption("bias", text))
    return axis, sides_of_axis[-1], assumed


def _agree(axes: list[Entry]) -> bool:
    """Whether several lists with units are the same biases."""
    first_values, *other_values = (in_mv(variable.name, variable.load(), variable.unit).values for variable in axes)
    return all(
        first_values is not None and values is not None and np.allclose(first_values, values) for values in other_values
    )


def _sides_of_positions(variables: list[Entry], sides: tuple[int, ...]) -> dict[int, str]:
    """The sides of x and y, where the lengths of their lists of positions identify them."""
    found: dict[int, str] = {}
    for axis in "xy":
        lengths = {n for n in sides if positions_among(variables, axis, n) is not None}
        fitting = [i for i, n in enumerate(sides) if n in lengths]
        if len(fitting) == 1:
            found[fitting[0]] = axis
    return found


def _rows_and_columns(variables: list[Entry], sides: tuple[int, ...], dim: int | None) -> list[int]:
    """The sides of y and x: by the lists of positions, else rows first, as in MATLAB."""
    map_sides = [i for i in range(len(sides)) if i != dim]
    axes_of_sides = _sides_of_positions(variables, sides)
    return (
        map_sides[::-1]
        if axes_of_sides.get(map_sides[0]) == "x" or axes_of_sides.get(map_sides[1]) == "y"
        else map_sides
    )


def _distinct_side(sides: tuple[int, ...], free: list[int]) -> int:
    """The side of the bias where no axis is found: the one that differs from two equal others, else the last."""
    odd = [i for i in free if sides.count(sides[i]) == 1]
    return odd[0] if len(odd) == 1 else free[-1]


@dataclass(frozen=True)
class _Text:
    """A variable that is a text, and so may state the unit of another one."""

    name: str
    text: str


def _classic(path: Path) -> Iterator[Entry | _Text]:
    """The variables of a file of MATLAB v5 to v7.2; arrays are read on demand."""
    if path.stat().st_size > MAX_BYTES:
        raise ReadError(path, "is larger than MATLAB's format v5 can be; it is damaged")
    for name, shape, kind in scipy.io.whosmat(path):
        size = math.prod(shape)
        if kind == "char" and size <= _MAX_UNIT:
            yield from _fields(name, _loaded(path, name), 0)
        elif kind in ("struct", "cell"):
            if size <= _MAX_VARIABLES:
                loaded = _loaded(path, name)
                yield from _fields(name, loaded, 0)
        elif kind in ("double", "single", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"):
            # a compressed array cannot be a thousand times what the file is
            if size > 1100 * path.stat().st_size:
                raise ReadError(
                    path, f"{name} of {'x'.join(map(str, shape))} values cannot be in so small a file; it is damaged"
                )
            yield Entry(name, tuple(int(n) for n in shape), partial(_loaded, path, name))


def _loaded(path: Path, name: str) -> np.ndarray:
    loaded: np.ndarray = scipy.io.loadmat(path, variable_names=[name], struct_as_record=True)[name]
    return loaded


def _fields(name: str, value: object, depth: int) -> Iterator[Entry | _Text]:
    if not isinstance(value, np.ndarray) or depth > _MAX_DEPTH:
        return
    if value.dtype.names:
        if value.size == 1:
            for field in value.dtype.names:
                yield from _fields(f"{name}.{field}", value[field].ravel()[0], depth + 1)
    elif value.dtype.kind == "U" and value.size == 1:
        yield _Text(name, str(value.ravel()[0]))
    elif value.dtype.kind in "fiuc" and value.size:
        yield Entry(name, tuple(value.shape), lambda: value)


def _hdf5(path: Path) -> Iterator[Entry | _Text]:
    """The variables of a file of MATLAB v7.3, which is HDF5 with the dimensions the other way round."""
    refuse_endless_heaps(path)
    with h5py.File(path, "r") as file:
        found: list[tuple[str, tuple[int, ...]]] = []
        texts: list[_Text] = []

        def visit(name: str, variable: object) -> None:
            if not isinstance(variable, h5py.Dataset) or not variable.size or name.startswith("#"):
                return
            # MATLAB stores complex numbers as pairs with these names
            if variable.dtype.kind not in "fiu" and variable.dtype.names != ("real", "imag"):
                return
            of_class = variable.attrs.get("MATLAB_class", b"double")
            if of_class == b"char" and variable.size <= _MAX_UNIT:
                texts.append(_Text(name.replace("/", "."), "".join(map(chr, variable[()].T.ravel().tolist()))))
            elif of_class not in (b"char", b"logical", b"cell"):
                found.append((name, variable.shape))

        file.visititems(visit)
    yield from texts
    for name, shape in found[:_MAX_VARIABLES]:
        if 4 * math.prod(shape) > MAX_BYTES:
            raise ReadError(path, f"{name} of {'x'.join(map(str, shape))} values fits into no memory; it is damaged")

        def load(name: str = name) -> np.ndarray:
            file = h5py.File(path, "r")
            if is_large(file[name].size):
                import dask.array  # dask takes a second to load, and few files are so large

                # the file stays open as long as its numbers are in use
                lazy: np.ndarray = dask.array.from_array(file[name], chunks="auto", name=False).T
                return lazy
            with file:
                return file[name][()].T

        yield Entry(name.replace("/", "."), shape[::-1], load)


def _recognises(head: bytes) -> bool:
    return head.startswith((_SIGNATURE_5, _SIGNATURE_7))


FORMAT = Format("MATLAB (.mat)", (".mat",), _recognises, open_matlab)
