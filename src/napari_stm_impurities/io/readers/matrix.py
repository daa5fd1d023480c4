"""Omicron MATRIX (``*.Z_mtrx``, ``*.I(V)_mtrx``): images, and volumes of spectra, with their result file.

A MATRIX experiment writes each channel of each run into a separate file, and its metadata (frame, bias, units)
into the result file, ``*_0001.mtrx`` in the same folder, without which nothing can be read. The bytes are read by
access2thematrix. Traces are channels: the backward scan is ``[bwd]``, the scan from above ``(down)``, and the bias
swept back ``[retrace]``. Row 0 is the lower edge, as in the waves that MATRIX exports for Igor.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from access2thematrix import MtrxData

from ...core.errors import ReadError, StmError
from .channels import choose, recognise
from .formats import Format
from .recording import MAX_BYTES, Channel, Frame, Recording, UserMetadata, check_size, library_errors
from .sweep import merge

_MAGIC = b"ONTMATRX0101"
_NAME = "Omicron MATRIX (*_mtrx)"
#: The least measured share of a volume; below it the file is damaged.
_MIN_MEASURED = 1e-3


class _Data(MtrxData):  # type: ignore[misc]  # the library has no types
    """The library's reader, without its copies of all numbers as Python objects, and with a limit on the size."""

    def _scan_raw_data(self, at: int, data: bytes) -> int:
        if data[at : at + 4] != b"ATAD":
            return int(super()._scan_raw_data(at, data))
        (size,) = struct.unpack_from("<L", data, at + 4)
        self.data = np.frombuffer(data, "<i4", count=self.data_item_count, offset=at + 8)
        return at + 8 + int(size)

    def _cu_data(self) -> Any:
        for device in ("Device_1", "Device_2"):
            points = self.param.get(f"EEPA::Spectroscopy.{device}_Points", [0])[0]
            if points > max(self.data_item_count, 1):
                raise StmError(f"{points} points a spectrum were announced, {self.data_item_count} numbers are there")
        return super()._cu_data()

    def _vol_cits_data(self, traces: Any) -> Any:
        sides = [self.param[f"EEPA::XYScanner.{name}"][0] for name in ("Points", "Lines", "Subgrid_X", "Subgrid_Y")]
        values = sides[0] / sides[2] * sides[1] / sides[3] * self.scan.shape[1] * len(traces[0]) * len(traces[1])
        if 8 * values > MAX_BYTES or self.data.size < _MIN_MEASURED * values:
            raise StmError(f"{values:.3g} values were announced, {self.data.size} are there")
        return super()._vol_cits_data(traces)


def open_matrix(path: Path, user: UserMetadata) -> Recording:
    """The recording of an image or a volume of MATRIX.

    Raises
    ------
    ReadError
        If its result file is not in the same folder, or it holds neither an image nor a volume.
    """
    if path.suffix.lower() == ".mtrx":
        raise ReadError(
            path, "is the result file, which describes all runs; open an image or a volume (*_mtrx) in its folder"
        )
    stem, sign, _ = path.name.rpartition("--")
    if not sign or not path.suffix.endswith("_mtrx"):
        raise ReadError(
            path, "expected a name such as NAME--5_1.Z_mtrx, as MATRIX gives it; give the file its name back"
        )
    result = path.with_name(f"{stem}_0001.mtrx")
    if path.exists() and not result.exists():
        raise ReadError(path, f"needs its result file {result.name} in the same folder, which is not there")
    with library_errors(path, "a MATRIX file"):
        data = _Data()
        # the library reports errors only as a sentence
        _, message = data.open(str(path))
        if data.scan is None or data.object_type == MtrxData.OBJECT_TYPES[1]:
            what = (
                "holds single spectra, no map"
                if data.scan is not None
                else "is damaged, or does not fit its result file"
            )
            raise ReadError(path, f"{what} ({message.strip()})")
        frame = _frame(path, data, user)
        if data.object_type == MtrxData.OBJECT_TYPES[2]:
            return _volume(path, data, frame, user)
        return _image(path, data, frame, user)


def _volume(path: Path, data: _Data, frame: Frame, user: UserMetadata) -> Recording:
    if data.volume_scan is None:
        raise ReadError(path, "the volume cannot be put together; it is damaged, or does not fit its result file")
    if data.curve_mode != "SPS Curve (V)":
        raise ReadError(path, f"the sweep is of {data.curve_mode}, not of the bias; a stack needs bias spectroscopy")
    name, unit = _channel_name(data)
    volumes = {
        f"{name}{_suffix(trace)}{' [retrace]' if ramp == 'retrace' else ''}": values
        for trace, ramps in data.volume_scan.items()
        for ramp, values in ramps.items()
        # a trace that was not reached has no lines
        if values.size and values.shape == data.volume_scan["forward/up"]["trace"].shape
    }
    if not volumes:
        raise ReadError(path, "not one line of the volume was measured")
    axis = np.round(data.scan[0] * 1000, 6)
    if user.bias_mv is not None:
        axis = np.asarray(user.bias_mv)
    if len(axis) != data.scan.shape[1] or not np.isfinite(axis).all():
        raise ReadError(
            path, f"each spectrum has {data.scan.shape[1]} points and needs as many biases, got {len(axis)}"
        )
    n_y, n_x, _ = next(iter(volumes.values())).shape
    check_size(path, n_y * n_x * len(axis), f"a volume of {n_y} x {n_x} spectra")
    return _recording(
        path,
        data,
        {name_: np.moveaxis(values, 2, 0) for name_, values in volumes.items()},
        unit,
        tuple(float(v) for v in np.unique(axis)),
        replace(frame, shape=(n_y, n_x), pixel_size_nm=user.pixel_size_nm or _pixel(path, data, n_y, n_x)),
        axis,
    )


def _image(path: Path, data: _Data, frame: Frame, user: UserMetadata) -> Recording:
    name, unit = _channel_name(data)
    n_y = frame.shape[0]
    images = {}
    for trace, values in zip(data.traces, data.scan, strict=False):
        # lines that were not reached are not in the file
        image = np.full((1, n_y, values.shape[1]), np.nan, dtype=np.float32)
        image[0, : len(values)] = values[:n_y]
        images[f"{name}{_suffix(str(trace))}"] = image
    bias = user.bias_mv
    if bias is None:
        voltage = data.param.get("EEPA::GapVoltageControl.Voltage")
        if not voltage or not np.isfinite(voltage[0]):
            raise ReadError(path, "the result file does not state the bias (GapVoltageControl.Voltage); give bias_mv")
        bias = (round(float(voltage[0]) * 1000, 6),)
    if len(bias) != 1:
        raise ReadError(path, f"an image is one map and has one bias, got {len(bias)}")
    return _recording(path, data, images, unit, tuple(bias), frame, np.asarray(bias))


def _recording(
    path: Path,
    data: _Data,
    maps: dict[str, np.ndarray],
    unit: str,
    bias: tuple[float, ...],
    frame: Frame,
    axis: np.ndarray,
) -> Recording:
    channels = [recognise(name, unit) for name in maps]
    chosen, why, warnings = choose(channels, None, fallback="current" if len(axis) > 1 else "topography")
    missing = float(np.isnan(maps[chosen.name]).mean())
    if missing:
        warnings.append(f"{missing:.1%} of {chosen.name} was not measured and is missing (NaN)")

    def load(channel: Channel) -> np.ndarray:
        return merge(maps[channel.name], axis)

    return Recording(
        paths=(path,),
        format=_NAME,
        channels=tuple(channels),
        default=chosen.name,
        why=why,
        bias_mv=bias,
        frame=frame,
        load=load,
        sweep_signal="Bias (V)" if len(axis) > 1 else "",
        warnings=tuple(warnings),
        metadata={"sample": data.sample_name, "data set": data.data_set_name, "comment": data.creation_comment},
    )


def _channel_name(data: _Data) -> tuple[str, str]:
    name, unit = (str(part) for part in data.channel_name_and_unit)
    return name or data.channel_name, {"Ampere": "A", "Meter": "m", "Volt": "V"}.get(unit, unit)


def _suffix(trace: str) -> str:
    across, _, up = trace.partition("/")
    return f"{' (down)' if up == 'down' else ''}{' [bwd]' if across == 'backward' else ''}"


def _pixel(path: Path, data: _Data, n_y: int, n_x: int) -> tuple[float, float]:
    width, height = (float(data.param[f"EEPA::XYScanner.{name}"][0]) * 1e9 for name in ("Width", "Height"))
    if not (np.isfinite([width, height]).all() and min(width, height) > 0):
        raise ReadError(path, "the result file does not state the size of the frame; give pixel_size_nm")
    return float(f"{height / n_y:.9g}"), float(f"{width / n_x:.9g}")


def _frame(path: Path, data: _Data, user: UserMetadata) -> Frame:
    n_x, n_y = (int(data.param[f"EEPA::XYScanner.{name}"][0]) for name in ("Points", "Lines"))
    if not (0 < n_x <= 10**6 and 0 < n_y <= 10**6):
        raise ReadError(path, f"expected a number of pixels, the result file says {n_x} x {n_y}")
    check_size(path, n_x * n_y, f"an image of {n_x} x {n_y} pixels")
    x, y, angle = (
        float(data.param.get(f"EEPA::XYScanner.{name}", [0.0])[0]) for name in ("X_Offset", "Y_Offset", "Angle")
    )
    if not np.isfinite([x, y, angle]).all():
        raise ReadError(path, "the position of the frame in the result file is no finite number; the file is damaged")
    pixel = user.pixel_size_nm or _pixel(path, data, n_y, n_x)
    return Frame((n_y, n_x), pixel, (round(x * 1e9, 6), round(y * 1e9, 6)), -angle if angle else 0.0)


def _recognises(head: bytes) -> bool:
    return head.startswith(_MAGIC)


FORMAT = Format(_NAME, ("_mtrx", ".mtrx"), _recognises, open_matrix)
