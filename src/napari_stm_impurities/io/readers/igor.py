"""Igor binary waves (``.ibw``): volumes of spectra and maps, as Igor and the exporter of MATRIX write them.

A wave states the scaling and the unit of each dimension: the one in volts is the bias, those in metres are x and y.
The exporter of Omicron's MATRIX strips the lines that were not measured, and states in the wave's note the planned
number: the missing lines are restored as NaN, so that the frame keeps its size. Row 0 is the row that the wave has
first.

The reader is our own, so that the numbers are read on demand (igor2 holds two copies).

References
----------
WaveMetrics, Igor Technical Note 003, "Igor Binary Format" (version 5).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...core.errors import ReadError, StmError
from ...core.units import decode, unit_mv, unit_nm
from .bias_names import bias_in_note
from .binary_reader import Cursor, mapped
from .channels import choose, recognise
from .formats import Format
from .plain import plain_recording
from .recording import Channel, Frame, Recording, UserMetadata, check_size, library_errors

_DTYPES = {2: "f4", 4: "f8", 8: "i1", 0x10: "i2", 0x20: "i4", 0x48: "u1", 0x50: "u2", 0x60: "u4"}
#: Where the wave's own header begins, and where its numbers do.
_WAVE_AT, _DATA_AT = 64, 384


@dataclass(frozen=True)
class _Wave:
    name: str
    shape: tuple[int, ...]
    start: tuple[float, ...]
    step: tuple[float, ...]
    units: tuple[str, ...]
    unit: str
    note: str
    dtype: str


def open_igor(path: Path, user: UserMetadata) -> Recording:
    """The recording of an Igor binary wave with two or three dimensions.

    Raises
    ------
    ReadError
        If it is no such wave, is cut, or does not state its bias or pixel size.
    """
    with library_errors(path, "an Igor binary wave (.ibw)"):
        wave = _wave(path)
        if len(wave.shape) not in (2, 3):
            raise ReadError(
                path, f"expected a wave of two or three dimensions, found one of shape {wave.shape} ({wave.name})"
            )
        return _recording(path, wave, user)


def _recording(path: Path, wave: _Wave, user: UserMetadata) -> Recording:
    factors_mv = [unit_mv(unit) for unit in wave.units]
    volts = [dim for dim, factor in enumerate(factors_mv) if factor is not None]
    # Igor's third dimension are its layers
    bias_dim = (volts[0] if volts else 2) if len(wave.shape) == 3 else None
    x_dim, y_dim = (dim for dim in range(len(wave.shape)) if dim != bias_dim)
    order = [dim for dim in (bias_dim, y_dim, x_dim) if dim is not None]
    bias = None
    factor_mv = None if bias_dim is None else factors_mv[bias_dim]
    if bias_dim is not None and factor_mv is not None:
        at = wave.start[bias_dim] + wave.step[bias_dim] * np.arange(wave.shape[bias_dim])
        # the exporter's float32 ends (-0.49999998 V) are rounded decimal numbers
        bias = np.round(at * factor_mv, 3).tolist()
    elif bias_dim is None:
        noted_mv = bias_in_note(wave.note)
        bias = None if noted_mv is None else [noted_mv]
    scale = [unit_nm(wave.units[dim]) or 0.0 for dim in (y_dim, x_dim)]
    pixel = tuple(float(f"{abs(wave.step[dim]) * s:.9g}") for dim, s in zip((y_dim, x_dim), scale, strict=True))
    lines, before = _stripped(wave, y_dim)
    n_y, n_x = wave.shape[y_dim] + lines, wave.shape[x_dim]
    shape = [*([wave.shape[bias_dim]] if bias_dim is not None else []), n_y, n_x]
    unit = wave.unit or (re.search(r"data unit: .*\[(\w+)\]", wave.note) or ["", ""])[1]
    channel = recognise(re.sub(r"\s*\d+-\d+ .*$", "", wave.name) or wave.name, unit)
    check_size(path, math.prod(shape), f"a wave of shape {wave.shape}")

    def load(_: Channel) -> np.ndarray:
        raw = np.memmap(path, dtype=wave.dtype, mode="r", offset=_DATA_AT, shape=wave.shape, order="F")
        values = raw.transpose(order)
        if not lines:
            return values
        out = np.full(shape, np.nan, dtype=np.float32)
        out[..., before : before + wave.shape[y_dim], :] = values
        return out

    recording = plain_recording(
        path,
        FORMAT.name,
        shape,
        load,
        bias_mv=bias,
        pixel_size_nm=(pixel[0], pixel[1]) if min(pixel) > 0 else None,
        user=user,
        channels=(channel,),
        default=channel,
        metadata={"name": wave.name, "note": wave.note},
    )
    _, why, warnings = choose([channel], None, fallback="current")
    if lines:
        warnings.append(f"{lines / n_y:.1%} of the lines were not measured and are missing (NaN)")
    center = None
    if min(scale) > 0:
        first = [wave.start[dim] * s for dim, s in zip((y_dim, x_dim), scale, strict=True)]
        first[0] -= before * wave.step[y_dim] * scale[0]
        size = [wave.step[dim] * s * (n - 1) for dim, s, n in zip((y_dim, x_dim), scale, (n_y, n_x), strict=True)]
        center = (round(first[1] + size[1] / 2, 6), round(first[0] + size[0] / 2, 6))
    return replace(
        recording,
        why=why,
        frame=Frame(recording.frame.shape, recording.frame.pixel_size_nm, center),
        sweep_signal="Bias (V)" if volts else "",
        warnings=(*warnings, *recording.warnings),
    )


def _stripped(wave: _Wave, y_dim: int) -> tuple[int, int]:
    """The number of unmeasured lines that the exporter removed, and how many of them come first."""
    match = re.search(r"Stripped (\d+) incomplete line\(s\) from \w+ (up|down)", wave.note)
    planned = re.search(r"Lines per plane = (\d+)", wave.note) or re.search(r"lines per image = (\d+)", wave.note)
    if not match or not planned or int(match[1]) + wave.shape[y_dim] != int(planned[1]):
        return 0, 0
    # y goes up in a wave, so a scan that came down has not reached the first lines
    return int(match[1]), int(match[1]) if match[2] == "down" else 0


def _wave(path: Path) -> _Wave:
    with mapped(path) as data:
        cursor = Cursor(data)
        # written on a machine of the other byte order, the version is in the other byte
        cursor.order = "<" if cursor.raw(1) != b"\0" else ">"
        cursor.at = 0
        version, _, _, formula, note = cursor.take("hh3i")
        if version != 5:
            raise StmError(
                f"expected an Igor wave of version 5, the file says {version} (older ones are single curves)"
            )
        cursor.at = _WAVE_AT
        kind = cursor.take("IIIih")[-1]
        cursor.raw(10)
        name = cursor.raw(32)
        cursor.raw(8)
        sides, step, start = cursor.take("4i"), cursor.take("4d"), cursor.take("4d")
        unit, units = cursor.raw(4), [cursor.raw(4) for _ in range(4)]
        n = next((i for i, side in enumerate(sides) if side <= 0), 4)
        if kind not in _DTYPES:
            raise StmError(f"expected a wave of real numbers, found the type {kind:#x} (text or complex)")
        if not np.isfinite([*start, *step]).all():
            raise StmError("the scaling of the wave is no finite number; its header is damaged")
        dtype = np.dtype(cursor.order + _DTYPES[kind])
        end = _DATA_AT + math.prod(sides[:n]) * dtype.itemsize
        if end > len(data):
            raise StmError(
                f"a wave of shape {sides[:n]} needs {end - _DATA_AT} bytes, found {max(0, len(data) - _DATA_AT)};"
                " the file is cut: copy it again"
            )
        note_at = end + max(formula, 0)
        text = bytes(data[note_at : note_at + min(max(note, 0), 2**20)])
    return _Wave(
        name=_text(name),
        shape=sides[:n],
        start=start[:n],
        step=step[:n],
        units=tuple(_text(unit_) for unit_ in units[:n]),
        unit=_text(unit),
        note=decode(text).replace("\r", "\n").strip("\0\n"),
        dtype=dtype.str,
    )


def _text(raw: bytes) -> str:
    return decode(raw.split(b"\0", 1)[0])


def _recognises(head: bytes) -> bool:
    return head[:2] in (b"\x05\0", b"\0\x05") and len(head) > _WAVE_AT


FORMAT = Format("Igor binary wave (.ibw)", (".ibw",), _recognises, open_igor)
