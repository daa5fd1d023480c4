"""Createc images (``.dat``): a text header of 16384 bytes and the channels' images, compressed or not.

The three kinds begin with ``[Parameter]`` (int16), ``[Paramet32]`` (float32) and ``[Paramco32]`` (float32,
compressed by zlib). One number comes before the first image. A scan that was stopped has lines of zeros, which are NaN
here. Row 0 is the line that was scanned first, the upper edge. Heights are in nm where the header tells what a step of
the converter is; other channels are in such steps.

The reader is our own: the published one (createc 0.0.3) cuts the zeros off, so that the frame changes its size, and
needs versions of numpy that are no more.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ...core.errors import ReadError
from .channels import choose, recognise
from .formats import Format
from .plain import plain_recording
from .recording import Channel, Frame, Given, Recording, check_size, library_errors

_HEADER_BYTES = 16384
_KINDS = {b"[Parameter]": ("<i2", 2, False), b"[Paramet32]": ("<f4", 4, False), b"[Paramco32]": ("<f4", 4, True)}
#: What the channels are, in their order, each then once more for the way back.
_NAMES = ("Topography", "Current", "LIA X", "LIA Y", "Aux 1", "Aux 2", "Aux 3", "Aux 4")


def open_createc(path: Path, given: Given) -> Recording:
    """Open a Createc image.

    Raises
    ------
    ReadError
        If its header lacks what cannot be guessed, or its images are not all there.
    """
    with library_errors(path, "a Createc image (.dat)"), path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
        kind = next((kind for kind in _KINDS if header.startswith(kind)), None)
        if kind is None or len(header) < _HEADER_BYTES:
            raise ReadError(path, f"expected a Createc header of {_HEADER_BYTES} bytes, found {len(header)}; it is cut")
        entries = parse_entries(header.decode("cp1252", errors="replace"))
        n_x, n_y = (_whole(path, entries, f"num.{axis}") for axis in "xy")
        n_images = _whole(path, entries, "channels")
        dtype, size, packed = _KINDS[kind]
        check_size(path, n_x * n_y * n_images, f"{n_images} images of {n_x} x {n_y} pixels")
        needed = size * (n_x * n_y * n_images + 1)
        images = _numbers(path, needed, packed, dtype)[1:].reshape(n_images, n_y, n_x)
        scanned = images.any(axis=(0, 2))
        if not np.isfinite(images).any() or not scanned.any():
            raise ReadError(path, "every value is zero: no line was scanned")
    titles = _titles(n_images, entries)
    step_nm = (_number(entries, "dacto[a]z") or 0.0) / 10
    channels = [recognise(title, "DAC") for title in titles]
    if step_nm:
        channels = [replace(one, unit="nm") if one.what == "topography" else one for one in channels]
    bias = _number(entries, "biasvolt.[mv]", "biasvoltage")
    # A for Angstrom
    size_x, size_y = (_number(entries, f"length {axis}[a]") for axis in "xy")
    pixel = (size_y / 10 / n_y, size_x / 10 / n_x) if size_x and size_y and min(size_x, size_y) > 0 else None
    chosen, why, warnings = choose(channels, None, fallback="topography")
    recording = plain_recording(
        path,
        FORMAT.name,
        (n_y, n_x),
        partial(_load, path, needed, packed, dtype, (n_images, n_y, n_x), titles, step_nm),
        bias_mv=None if bias is None else [bias],
        pixel_size_nm=pixel,
        given=given,
        channels=channels,
        default=chosen,
        metadata={key: value for key, value in entries.items() if value},
    )
    missing = 1 - scanned.mean()
    if missing:
        warnings.append(f"{missing:.1%} of the lines were not scanned and are missing (NaN)")
    angle = _number(entries, "rotation")
    return replace(
        recording,
        why=why,
        warnings=(*warnings, *recording.warnings),
        frame=Frame(recording.frame.shape, recording.frame.pixel_size_nm, angle_deg=angle),
    )


def _numbers(path: Path, needed: int, packed: bool, dtype: str) -> np.ndarray:
    with path.open("rb") as file:
        file.seek(_HEADER_BYTES)
        # no more is unpacked than the header promises, whatever the file holds
        body = zlib.decompressobj().decompress(file.read(), needed) if packed else file.read(needed)
    if len(body) < needed:
        raise ReadError(path, f"expected {needed} bytes of images, found {len(body)}; the file is cut: copy it again")
    return np.frombuffer(body, dtype=dtype)


def _load(
    path: Path,
    needed: int,
    packed: bool,
    dtype: str,
    shape: tuple[int, int, int],
    titles: list[str],
    step_nm: float,
    channel: Channel,
) -> np.ndarray:
    images = _numbers(path, needed, packed, dtype)[1:].reshape(shape)
    image = images[titles.index(channel.name)].astype(np.float32)
    image[~images.any(axis=(0, 2))] = np.nan
    return image * np.float32(step_nm) if channel.unit == "nm" else image


def _titles(n_images: int, entries: Mapping[str, str]) -> list[str]:
    both = n_images % 2 == 0 and entries.get("scanxmode", "").strip() != "1"
    n_names = n_images // 2 if both else n_images
    names = [_NAMES[i] if i < len(_NAMES) else f"Channel {i + 1}" for i in range(n_names)]
    return names + [f"{name} [bwd]" for name in names] if both else names


def parse_entries(text: str) -> dict[str, str]:
    r"""The entries of a header, each under all of its names in small letters.

    Examples
    --------
    >>> parse_entries("[Parameter]\r\nBiasVolt.[mV] / BiasVoltage=100\r\nNum.X / Num.X=8\r\n")
    {'biasvolt.[mv]': '100', 'biasvoltage': '100', 'num.x': '8'}
    """
    entries: dict[str, str] = {}
    for line in re.split(r"[\r\n]+", text):
        names, sign, value = line.partition("=")
        if sign:
            for name in names.split(" / "):
                entries.setdefault(name.strip().lower(), value.strip().strip("\0"))
    return entries


def _number(entries: Mapping[str, str], *names: str) -> float | None:
    for name in names:
        try:
            number = float(entries.get(name, "").replace(",", "."))
        except ValueError:
            continue
        if np.isfinite(number):
            return number
    return None


def _whole(path: Path, entries: Mapping[str, str], name: str) -> int:
    number = _number(entries, name)
    if number is None or number != int(number) or not 0 < number <= 1_000_000:
        raise ReadError(
            path, f"expected a whole number as {name}, the header says {entries.get(name, 'nothing')[:40]!r}"
        )
    return int(number)


FORMAT = Format("Createc (.dat)", (".dat",), lambda head: head.startswith(tuple(_KINDS)), open_createc)
