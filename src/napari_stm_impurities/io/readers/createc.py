"""Createc images (``.dat``): a text header that ends with ``DATA``, and the channels' images, compressed or not.

The three kinds begin with ``[Parameter]`` (int16), ``[Paramet32]`` (float32) and ``[Paramco32]`` (float32,
compressed by zlib). One number comes before the first image. A scan that was stopped has lines of zeros, which are NaN
here. Row 0 is the line that was scanned first, the upper edge. Heights are in nm where the header states the step of
the converter; other channels are in such steps.

The signals of the images are the bits of ``Channelselectval``, an image for each bit that is set, and all of them once
more for the backward direction. With constant height (``CHMode``) the bias is ``CHModeBias``: ``BiasVoltage`` is then
the one at which the feedback was switched off.

The reader is our own: the published one (createc 0.0.3) cuts the zeros off, so that the frame changes its size, and
needs outdated versions of numpy.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from ...core.errors import ReadError
from .channels import choose, recognise
from .formats import Format
from .plain import plain_recording
from .recording import Assumption, Channel, Frame, Recording, UserMetadata, check_size, library_errors

#: The program pads its header to this size; headers of other programs may be shorter or longer.
_HEADER_BYTES = 16384
_MAX_HEADER_BYTES = 4 * _HEADER_BYTES
_MARK = b"DATA"
_KINDS = {b"[Parameter]": ("<i2", 2, False), b"[Paramet32]": ("<f4", 4, False), b"[Paramco32]": ("<f4", 4, True)}
#: The signals of the bits of Channelselectval, as Gwyddion and ProbeFlow read the first two; bit 5 is the lock-in in
#: maps of constant height and in images of three channels. What the others hold depends on the instrument.
_SIGNALS = {0: "Topography", 1: "Current", 5: "Lock-in"}
#: Older versions, which have no Channelselectval, write these two, and further ones without a name.
_OLDER_SIGNALS = ("Topography", "Current")


def open_createc(path: Path, user: UserMetadata) -> Recording:
    """The recording of a Createc image.

    Raises
    ------
    ReadError
        If its header lacks what cannot be guessed, or its images are not all there.
    """
    with library_errors(path, "a Createc image (.dat)"):
        with path.open("rb") as file:
            head = file.read(_MAX_HEADER_BYTES)
        kind = next((kind for kind in _KINDS if head.startswith(kind)), None)
        if kind is None:
            raise ReadError(path, f"expected a Createc image (.dat), found a file that begins with {head[:12]!r}")
        dtype, size, packed = _KINDS[kind]
        start = _images_at(path, head, packed, size)
        entries = parse_entries(head[:start].decode("cp1252", errors="replace"))
        n_x, n_y = (_positive_integer(path, entries, f"num.{axis}") for axis in "xy")
        n_images = _positive_integer(path, entries, "channels")
        check_size(path, n_x * n_y * n_images, f"{n_images} images of {n_x} x {n_y} pixels")
        body = _Body(path, start, size * (n_x * n_y * n_images + 1), packed, dtype)
        images = body.numbers()[1:].reshape(n_images, n_y, n_x)
        scanned = images.any(axis=(0, 2))
        if not np.isfinite(images).any() or not scanned.any():
            raise ReadError(path, "every value is zero: no line was scanned")
    titles, assumptions, unidentified = _titles(n_images, entries)
    step_nm = (_number(entries, "dacto[a]z") or 0.0) / 10
    channels = [recognise(title, "DAC") for title in titles]
    if step_nm:
        channels = [replace(channel, unit="nm") if channel.what == "topography" else channel for channel in channels]
    bias, doubts = _bias_mv(entries)
    if user.bias_mv is None:
        assumptions += doubts
    # A for Angstrom
    size_x, size_y = (_number(entries, f"length {axis}[a]") for axis in "xy")
    pixel = (size_y / 10 / n_y, size_x / 10 / n_x) if size_x and size_y and min(size_x, size_y) > 0 else None
    chosen, why, warnings = choose(channels, None, fallback="topography")
    warnings += unidentified
    recording = plain_recording(
        path,
        FORMAT.name,
        (n_y, n_x),
        partial(_load, body, (n_images, n_y, n_x), titles, step_nm),
        bias_mv=None if bias is None else [bias],
        pixel_size_nm=pixel,
        user=user,
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
        assumptions=(*recording.assumptions, *assumptions),
        frame=Frame(recording.frame.shape, recording.frame.pixel_size_nm, angle_deg=angle),
        feedback_on=None if (mode := _number(entries, "chmode")) is None else not mode,
    )


def _images_at(path: Path, head: bytes, packed: bool, size: int) -> int:
    """The offset of the images: right after the mark that ends the header, which a comment may hold too."""
    marks = [match.end() for match in re.finditer(_MARK, head)]
    # the usual place first; a file without the mark has its images in that place too
    candidates = sorted(marks, key=lambda at: (at != _HEADER_BYTES, -at))
    if len(head) > _HEADER_BYTES:
        candidates.append(_HEADER_BYTES)
    begins = _begins_compressed if packed else partial(_begins_uncompressed, size=size)
    for at in candidates:
        # the unused number is no sign of the usual place, which needs none
        if begins(head[at:]) or (at == _HEADER_BYTES and not packed):
            return at
    raise ReadError(
        path,
        f"expected a header that ends with {_MARK.decode()} and the images after it, found {len(head)} bytes without"
        " such a place; the file is cut or damaged: copy it again",
    )


def _begins_compressed(body: bytes) -> bool:
    """Whether compressed data begin here; after a mark inside a comment text follows."""
    try:
        return bool(zlib.decompressobj().decompress(body, 1))
    except zlib.error:
        return False


def _begins_uncompressed(body: bytes, size: int) -> bool:
    """Whether the data begin with the unused number before the first image, which is zero."""
    return len(body) >= size and not any(body[:size])


@dataclass(frozen=True)
class _Body:
    """The numbers after the header."""

    path: Path
    start: int
    n_bytes: int
    packed: bool
    dtype: str

    def numbers(self) -> np.ndarray:
        """All numbers, the unused one first."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            # no more is unpacked than the header promises, whatever the file holds
            body = (
                zlib.decompressobj().decompress(file.read(), self.n_bytes) if self.packed else file.read(self.n_bytes)
            )
        if len(body) < self.n_bytes:
            raise ReadError(
                self.path,
                f"expected {self.n_bytes} bytes of images, found {len(body)}; the file is cut: copy it again",
            )
        return np.frombuffer(body, dtype=self.dtype)


def _load(body: _Body, shape: tuple[int, int, int], titles: list[str], step_nm: float, channel: Channel) -> np.ndarray:
    images = body.numbers()[1:].reshape(shape)
    image = images[titles.index(channel.name)].astype(np.float32)
    image[~images.any(axis=(0, 2))] = np.nan
    return image * np.float32(step_nm) if channel.unit == "nm" else image


def _titles(n_images: int, entries: Mapping[str, str]) -> tuple[list[str], list[Assumption], list[str]]:
    """The names of the images in their order, what was assumed about them, and warnings."""
    selected = int(_number(entries, "channelselectval") or 0)
    bits = [bit for bit in range(32) if selected > 0 and selected >> bit & 1]
    signals = [_SIGNALS.get(bit, f"Channel bit {bit}") for bit in bits]
    if signals and n_images in (len(signals), 2 * len(signals)):
        return _with_directions(signals, n_images), [], []
    if signals:
        text = f"the header names {len(signals)} signals ({', '.join(signals)}), but the file has {n_images} images, so"
        return [f"Image {i + 1}" for i in range(n_images)], [], [f"{text} none of them is identified"]
    n_signals = int(_number(entries, "chan(1,2,4)", "scanchannels") or 0)
    if n_images not in (n_signals, 2 * n_signals):
        # ScanXMode 1 is forward only; an odd number of images cannot hold both directions
        n_signals = n_images if n_images % 2 or entries.get("scanxmode", "").strip() == "1" else n_images // 2
    names = [_OLDER_SIGNALS[i] if i < len(_OLDER_SIGNALS) else f"Image {i + 1}" for i in range(n_signals)]
    text = (
        f"{' and '.join(names[:2])} by the order in which older versions of the program write them: the header does not"
        " say what was recorded (Channelselectval)"
    )
    return _with_directions(names, n_images), [Assumption("channel", text)], []


def _with_directions(names: list[str], n_images: int) -> list[str]:
    """The names of the images: forward and, with twice as many images as signals, backward."""
    return names if n_images == len(names) else names + [f"{name} [bwd]" for name in names]


def _bias_mv(entries: Mapping[str, str]) -> tuple[float | None, list[Assumption]]:
    """The bias that was applied during the scan, and what was assumed about it."""
    before = _number(entries, "biasvolt.[mv]", "biasvoltage", "biasvolt[mv]")
    if not _number(entries, "chmode"):
        return before, []
    bias = _number(entries, "chmodebias[mv]", "chmodebias")
    if bias is not None or before is None:
        return bias, []
    text = (
        f"{before:g} mV, the bias at which the feedback was on: the map is of constant height (CHMode), and the header"
        " does not say which bias was applied then (CHModeBias)"
    )
    return before, [Assumption("bias", text, "give bias_mv")]


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
                # some headers write Angstrom with its own letter
                key = name.strip().lower().replace("\N{LATIN SMALL LETTER A WITH RING ABOVE}", "a")
                entries[key] = entries.get(key) or value.strip().strip("\0")
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


def _positive_integer(path: Path, entries: Mapping[str, str], name: str) -> int:
    number = _number(entries, name)
    if number is None or number != int(number) or not 0 < number <= 1_000_000:
        raise ReadError(
            path, f"expected a whole number as {name}, the header says {entries.get(name, 'nothing')[:40]!r}"
        )
    return int(number)


FORMAT = Format("Createc (.dat)", (".dat",), lambda head: head.startswith(tuple(_KINDS)), open_createc)
