"""Gwyddion files (``.gwy``): volume data ("bricks") with their bias axis, or the images of a file.

Volumes come before images. Several images of one frame and quantity at different biases, by their titles or metadata,
make a stack; images of one frame at one bias are the channels of one map. Images of other frames are left out. Row 0
is the upper edge. The format is so plain (a name, a size and typed components, nested) that it is read here, so that
the numbers are read on demand; the gwyfile library holds several copies.

References
----------
http://gwyddion.net/documentation/user-guide-en/gwyfile-format.html
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import ReadError, StmError
from ...core.units import comma_between_digits, unit_mv, unit_nm
from .bias_names import bias_in_name, bias_in_note
from .binary_reader import Cursor, mapped
from .channels import choose, recognise
from .formats import Format
from .frames import frame_difference
from .image_groups import Picture, grouped, left_out_assumption, select
from .plain import plain_recording
from .recording import Channel, Frame, Recording, UserMetadata, check_size, library_errors

_SCALARS = {"b": "b", "c": "c", "i": "i", "q": "q", "d": "d"}
_ARRAYS = {"C": "<i1", "I": "<i4", "Q": "<i8", "D": "<f8"}
_MAX_DEPTH = 30
_MAX_ITEMS = 1_000_000


@dataclass(frozen=True)
class _Numbers:
    """An array that stays on the disk."""

    offset: int
    count: int
    dtype: str

    def read(self, path: Path, shape: tuple[int, ...]) -> np.ndarray:
        return np.memmap(path, dtype=self.dtype, mode="r", offset=self.offset, shape=shape)


@dataclass(frozen=True)
class _Object:
    kind: str
    parts: dict[str, Any] = field(default_factory=dict)

    def number(self, name: str) -> float:
        value = self.parts.get(name, 0.0)
        return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0

    def unit(self, name: str) -> str:
        unit = self.parts.get(name)
        return str(unit.parts.get("unitstr", "")) if isinstance(unit, _Object) else ""


def open_gwyddion(path: Path, user: UserMetadata) -> Recording:
    """The recording of a Gwyddion file.

    Raises
    ------
    ReadError
        If it is damaged, of Gwyddion 1.x, or holds neither a volume nor an image.
    """
    with library_errors(path, "a Gwyddion file (.gwy)"), mapped(path) as data:
        magic = data[:4]
        if magic == b"GWYO":
            raise ReadError(path, "is of Gwyddion 1.x (GWYO); open it in Gwyddion 2 and save it again as .gwy")
        cursor = Cursor(data, 4)
        if magic != b"GWYP":
            raise ReadError(path, f"expected a Gwyddion file, which begins with GWYP, found {magic!r}")
        top = _object(cursor, 0)
        bricks = [(name, part) for name, part in top.parts.items() if re.fullmatch(r"/brick/\d+", name)]
        fields = [(name, part) for name, part in top.parts.items() if re.fullmatch(r"/\d+/data", name)]
        found = [(name, part) for name, part in (bricks or fields) if isinstance(part, _Object)]
        if not found:
            raise ReadError(path, "expected an image or volume data in the Gwyddion file, found neither")
        return _recording(path, top, found, bool(bricks), user)


def _recording(
    path: Path, top: _Object, found: list[tuple[str, _Object]], volume: bool, user: UserMetadata
) -> Recording:
    titles = _titles(top, found)
    for name, field_ in found:
        _refuse_wrong_count(path, name, field_, volume)
    if volume:
        return _of_volumes(path, top, titles, user)
    return _of_images(path, top, titles, user)


def _refuse_wrong_count(path: Path, name: str, field_: _Object, volume: bool) -> None:
    shape = _shape(field_, volume)
    numbers = field_.parts.get("data")
    check_size(path, math.prod(shape), f"{name} of shape {shape}")
    if not isinstance(numbers, _Numbers) or numbers.count != math.prod(shape):
        count = numbers.count if isinstance(numbers, _Numbers) else 0
        raise ReadError(path, f"{name} of shape {shape} needs {math.prod(shape)} numbers, found {count}")


def _shape(field_: _Object, volume: bool) -> tuple[int, ...]:
    return tuple(int(field_.number(side)) for side in (("zres", "yres", "xres") if volume else ("yres", "xres")))


def _frame(field_: _Object) -> Frame:
    """The frame of an image or a volume; its pixels count as 1 nm where the file does not state their size."""
    n_y, n_x = _shape(field_, volume=False)
    return Frame((n_y, n_x), _pixel_size(field_, n_y, n_x) or (1.0, 1.0), _center(field_))


def _of_volumes(path: Path, top: _Object, titles: dict[str, tuple[str, _Object]], user: UserMetadata) -> Recording:
    volumes = [(title, name, volume, _shape(volume, volume=True)) for title, (name, volume) in titles.items()]
    axes = {title: _brick_bias(path, volume, shape[0]) for title, _, volume, shape in volumes}
    kinds = {title: recognise(title, volume.unit("si_unit_w")) for title, _, volume, _ in volumes}

    def difference(a: tuple[str, str, _Object, Any], b: tuple[str, str, _Object, Any]) -> str | None:
        if a[3][0] != b[3][0]:
            return f"{b[3][0]} planes instead of {a[3][0]}"
        other_frame = frame_difference(_frame(a[2]), _frame(b[2]))
        return other_frame or ("its biases are others" if axes[a[0]] != axes[b[0]] else None)

    groups = grouped(volumes, difference)
    alike = max(groups, key=lambda group: (any(kinds[volume[0]].is_didv for volume in group), len(group)))
    left_out = [
        f"{volume[0]!r} ({difference(alike[0], volume)})" for group in groups for volume in group if group is not alike
    ]
    _, name, first, shape = alike[0]
    sources = {volume[0]: volume[2].parts["data"] for volume in alike}
    channels, chosen, why, warnings = _chosen([kinds[title] for title in sources], "volume", "current")
    recording = plain_recording(
        path,
        FORMAT.name,
        shape,
        lambda channel: sources[channel.name].read(path, shape),
        bias_mv=axes[alike[0][0]],
        pixel_size_nm=_pixel_size(first, shape[1], shape[2]),
        user=user,
        channels=channels,
        default=chosen,
    )
    titles_text = ", ".join(sources)
    return replace(
        recording,
        why=why,
        warnings=(*warnings, *recording.warnings),
        assumptions=(*recording.assumptions, *((left_out_assumption(titles_text, left_out),) if left_out else ())),
        frame=Frame(recording.frame.shape, recording.frame.pixel_size_nm, _center(first)),
        sweep_signal="Bias (V)",
        metadata=_meta(top, name),
    )


def _of_images(path: Path, top: _Object, titles: dict[str, tuple[str, _Object]], user: UserMetadata) -> Recording:
    pictures = []
    comma = comma_between_digits(titles)
    for title, (name, field_) in titles.items():
        bias = bias_in_name(title, comma)
        bias = _bias_in_meta(top, [(name, field_)]) if bias is None else bias
        pictures.append(Picture(title, field_.unit("si_unit_z"), _frame(field_), bias))
    selection = select(pictures)
    images = {channel.name: [titles[title] for title in names] for channel, names in selection.channels}
    name, first = next(iter(images.values()))[0]
    n_y, n_x = _shape(first, volume=False)

    def load(channel: Channel) -> np.ndarray:
        maps = [field_.parts["data"].read(path, (n_y, n_x)) for _, field_ in images[channel.name]]
        return maps[0] if len(maps) == 1 else np.stack([field_.astype(np.float32) for field_ in maps])

    channels, chosen, why, warnings = _chosen([channel for channel, _ in selection.channels], "image", "topography")
    if selection.n_maps > 1 and chosen.is_didv:
        why = f"{chosen.name} is taken because the file's images have one bias each by their titles."
    recording = plain_recording(
        path,
        FORMAT.name,
        (n_y, n_x) if selection.n_maps == 1 else (selection.n_maps, n_y, n_x),
        load,
        bias_mv=selection.bias_mv,
        pixel_size_nm=_pixel_size(first, n_y, n_x),
        user=user,
        channels=channels,
        default=chosen,
    )
    return replace(
        recording,
        why=why,
        warnings=(*warnings, *recording.warnings),
        assumptions=(*recording.assumptions, *selection.assumptions()),
        frame=Frame(recording.frame.shape, recording.frame.pixel_size_nm, _center(first)),
        metadata=_meta(top, name),
    )


def _chosen(channels: list[Channel], noun: str, fallback: str) -> tuple[list[Channel], Channel, str, list[str]]:
    """The channels, the default one, and the reason; the only channel of a file is taken as dI/dV."""
    chosen, why, warnings = choose(channels, None, fallback=fallback)
    if len(channels) == 1 and chosen.what == "other":
        chosen = replace(chosen, what="array", is_didv=True)
        return [chosen], chosen, f"{chosen.name} is the only {noun} in the file.", warnings
    return channels, chosen, why, warnings


def _titles(top: _Object, found: list[tuple[str, _Object]]) -> dict[str, tuple[str, _Object]]:
    """Each image or volume by its title; repeated titles get a number."""
    titles: dict[str, tuple[str, _Object]] = {}
    for name, field_ in found:
        title = str(top.parts.get(f"{name}/title", "")).strip() or name.strip("/").replace("/", " ")
        titles[title if title not in titles else f"{title} ({name})"] = (name, field_)
    return titles


def _pixel_size(field_: _Object, n_y: int, n_x: int) -> tuple[float, float] | None:
    sizes = []
    for axis, n in (("y", n_y), ("x", n_x)):
        unit = field_.unit("si_unit_xy") or field_.unit(f"si_unit_{axis}")
        factor = unit_nm(unit)
        real = field_.number(f"{axis}real")
        if factor is None or real <= 0:
            return None
        sizes.append(float(f"{real * factor / n:.9g}"))
    return sizes[0], sizes[1]


def _center(field_: _Object) -> tuple[float, float] | None:
    factor = unit_nm(field_.unit("si_unit_xy") or field_.unit("si_unit_x"))
    if factor is None:
        return None
    x, y = (round((field_.number(f"{axis}off") + field_.number(f"{axis}real") / 2) * factor, 6) for axis in "xy")
    return x, y


def _brick_bias(path: Path, brick: _Object, n: int) -> list[float] | None:
    """The bias of each plane: the brick's calibration where it has one, else equal steps."""
    line = brick.parts.get("calibration")
    if isinstance(line, _Object) and isinstance(line.parts.get("data"), _Numbers) and line.parts["data"].count == n:
        factor = unit_mv(line.unit("si_unit_y") or brick.unit("si_unit_z"))
        if factor is not None:
            return np.round(line.parts["data"].read(path, (n,)) * factor, 6).tolist()
    factor = unit_mv(brick.unit("si_unit_z"))
    if factor is None:
        return None
    # Gwyddion's planes are as thick as the range divided by their number
    step = brick.number("zreal") / n
    return np.round((brick.number("zoff") + step * np.arange(n)) * factor, 6).tolist()


def _meta(top: _Object, name: str) -> dict[str, Any]:
    key = f"{name.removesuffix('/data')}/meta"
    meta = top.parts.get(key)
    return {k: v for k, v in meta.parts.items() if isinstance(v, str)} if isinstance(meta, _Object) else {}


def _bias_in_meta(top: _Object, found: list[tuple[str, _Object]]) -> float | None:
    """The bias in the metadata of an image, else in its title."""
    for name, _ in found:
        entries = [f"{key}: {value}" for key, value in _meta(top, name).items()]
        bias = bias_in_note("\n".join(entries))
        if bias is None:
            bias = bias_in_name(str(top.parts.get(f"{name}/title", "")))
        if bias is not None:
            return bias
    return None


def _object(cursor: Cursor, depth: int) -> _Object:
    if depth > _MAX_DEPTH:
        raise StmError(f"objects lie more than {_MAX_DEPTH} deep in each other; the file is damaged")
    kind = cursor.terminated()
    (size,) = cursor.take("I")
    end = cursor.at + size
    if end > len(cursor.data):
        raise StmError(
            f"the object {kind[:40]!r} needs {size} bytes, found {len(cursor.data) - cursor.at}; the file is cut"
        )
    parts: dict[str, Any] = {}
    while cursor.at < end:
        name = cursor.terminated()
        parts[name] = _component(cursor, depth)
    return _Object(kind, parts)


def _component(cursor: Cursor, depth: int) -> object:
    code = cursor.raw(1).decode("latin-1")
    if code in _SCALARS:
        return cursor.take(_SCALARS[code])[0]
    if code == "s":
        return cursor.terminated()
    if code == "o":
        return _object(cursor, depth + 1)
    (count,) = cursor.take("I")
    if code in _ARRAYS:
        numbers = _Numbers(cursor.at, count, _ARRAYS[code])
        size = count * np.dtype(numbers.dtype).itemsize
        if cursor.at + size > len(cursor.data):
            raise StmError(f"an array of {count} numbers needs {size} bytes, found {len(cursor.data) - cursor.at}")
        cursor.at += size
        return numbers
    if code in "SO" and count <= _MAX_ITEMS:
        return [cursor.terminated() if code == "S" else _object(cursor, depth + 1) for _ in range(count)]
    raise StmError(f"the component type {code!r} is not known; the file is damaged")


FORMAT = Format("Gwyddion (.gwy)", (".gwy",), lambda head: head[:4] in (b"GWYP", b"GWYO"), open_gwyddion)
