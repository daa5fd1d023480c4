"""Nanonis scans (``.sxm``): maps of one frame at one bias; a series of them makes a stack.

The file is a text header down to ``:SCANIT_END:``, the bytes 1A 04, and then each channel's forward and
backward image as big-endian float32 in the order of scanning. Here row 0 is the upper edge of the frame
as Nanonis shows it, whether it was scanned upwards or downwards, and backward images are mirrored, so that all
of them lie on each other. Lines that were not scanned are NaN, which Nanonis writes itself.

A multi-pass scan holds each channel once a pass; passes at different biases make a stack.

With its lock-in off, Nanonis still records the lock-in channels: they hold nothing, so the topography is taken,
whose ripples at constant current and low bias are those of dI/dV.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ...core.errors import ReadError
from .channels import choose, recognise
from .formats import Format
from .nanonis_bytes import refuse_mangled, refuse_surplus
from .nanonis_lock_in import lock_in_settings
from .nanonis_passes import BACKWARD, Signal, image_biases_mv, signals_by_bias
from .recording import Channel, Frame, Recording, UserMetadata, as_read_error, check_size, nm

#: No header comes near this; what has no end by then is another format.
_MAX_HEADER = 4 * 2**20
_BYTE_ORDERS = {"MSBFIRST": ">f4", "LSBFIRST": "<f4"}


@dataclass(frozen=True)
class Scan:
    """The content of a header, which describes the images after it.

    Attributes
    ----------
    path
        The file.
    entries
        Name to text.
    offset
        Bytes before the first image.
    n_y, n_x
        Pixels.
    images
        Name, unit and direction of each image, in the order of the file.
    """

    path: Path
    entries: dict[str, str]
    offset: int
    n_y: int
    n_x: int
    images: tuple[tuple[str, str, str], ...]

    def numbers(self, name: str, count: int) -> list[float] | None:
        """The `count` finite numbers of an entry, or None when it does not hold them."""
        try:
            numbers = [float(part) for part in self.entries.get(name, "").split()]
        except ValueError:
            return None
        return numbers if len(numbers) == count and all(math.isfinite(v) for v in numbers) else None

    def image(self, index: int) -> np.ndarray:
        """One image, shape (y, x), as the frame shows it."""
        order = _BYTE_ORDERS[self.entries.get("SCANIT_TYPE", "MSBFIRST").split()[-1]]
        start = self.offset + 4 * index * self.n_y * self.n_x
        image: np.ndarray = np.fromfile(self.path, dtype=order, count=self.n_y * self.n_x, offset=start)
        image = image.reshape(self.n_y, self.n_x)
        if self.entries.get("SCAN_DIR", "down").strip() == "up":
            image = image[::-1]
        return image[:, ::-1] if self.images[index][2] == BACKWARD else image


def open_scan(path: Path, user: UserMetadata) -> Recording:
    """The recording of a Nanonis scan.

    Raises
    ------
    ReadError
        If its header lacks what cannot be guessed, or the images are not all there.
    """
    with as_read_error(path):
        scan = _scan(path)
        scanned = np.zeros(scan.n_y, dtype=bool)
        for i in range(len(scan.images)):
            image = scan.image(i)
            refuse_mangled(path, image)
            scanned |= ~np.isnan(image).all(axis=1)
        of_images = image_biases_mv(path, scan.entries, scan.images, _bias_mv(scan), user.bias_mv)
        bias, signals, warnings = signals_by_bias(path, scan.images, of_images)
    lock_in = lock_in_settings(scan.entries)
    channels = [recognise(signal.title, signal.unit, lock_in=lock_in) for signal in signals]
    chosen, why, doubts = choose(channels, lock_in.status, fallback="topography")
    warnings += doubts
    not_scanned = float(1 - scanned.mean())
    if not_scanned:
        warnings.append(f"{not_scanned:.1%} of the lines were not scanned and are missing (NaN)")
    return Recording(
        paths=(path,),
        format=FORMAT.name,
        channels=tuple(channels),
        default=chosen.name,
        why=why,
        bias_mv=bias,
        frame=_frame(scan, user),
        load=partial(_load, scan, {signal.title: signal for signal in signals}),
        warnings=tuple(warnings),
        history=(f"{len(bias)} passes put together by their bias",) if len(bias) > 1 else (),
        metadata=dict(scan.entries),
        feedback_on=_feedback_on(scan.entries),
    )


def _feedback_on(entries: Mapping[str, str]) -> bool | None:
    """The state of the Z controller, by its table or else by the status that newer versions write."""
    rows = [line.strip().split("\t") for line in entries.get("Z-CONTROLLER", "").splitlines() if line.strip()]
    if len(rows) > 1 and "on" in rows[0] and len(rows[1]) > rows[0].index("on"):
        state = rows[1][rows[0].index("on")]
    else:
        state = entries.get("Z-Controller>Controller status", "")
    return {"1": True, "ON": True, "0": False, "OFF": False}.get(state.strip().upper())


def _load(scan: Scan, signals: dict[str, Signal], channel: Channel) -> np.ndarray:
    missing = np.full((scan.n_y, scan.n_x), np.nan, dtype=np.float32)
    return np.stack([missing if i is None else scan.image(i) for i in signals[channel.name].images])


def _scan(path: Path) -> Scan:
    with path.open("rb") as file:
        head = file.read(_MAX_HEADER)
    match = re.search(rb"(?:^|\n):SCANIT_END:\s{0,8}\x1a\x04", head)
    if match is None:
        what = "ends inside its header" if b":SCANIT_TYPE:" in head else "has no header of a Nanonis scan"
        raise ReadError(path, f"expected a Nanonis scan (.sxm), but the file {what} (no :SCANIT_END: line)")
    entries = parse_entries(head[: match.start()].decode("latin-1"))
    order = entries.get("SCANIT_TYPE", "MSBFIRST").split()[-1:]
    if not order or order[0] not in _BYTE_ORDERS:
        raise ReadError(
            path, f"expected float32 values (FLOAT MSBFIRST), the header says {entries['SCANIT_TYPE'][:40]!r}"
        )
    sides = entries.get("SCAN_PIXELS", "").split()
    if len(sides) != 2 or not all(side.isdecimal() and 0 < int(side) <= 10**6 for side in sides):
        raise ReadError(path, f"expected two numbers of pixels, the header says SCAN_PIXELS={' '.join(sides)[:40]!r}")
    n_x, n_y = (int(side) for side in sides)
    images = _images(path, entries)
    check_size(path, len(images) * n_y * n_x, f"a scan of {n_x} x {n_y} pixels and {len(images)} images")
    expected, found = 4 * len(images) * n_y * n_x, path.stat().st_size - match.end()
    what = f"{len(images)} images of {n_x} x {n_y} pixels"
    refuse_surplus(path, expected, found, what)
    if found < expected:
        raise ReadError(
            path, f"expected {expected} bytes of data ({what}), found {found}: the file is cut; copy it again"
        )
    return Scan(path, entries, match.end(), n_y, n_x, images)


def _images(path: Path, entries: dict[str, str]) -> tuple[tuple[str, str, str], ...]:
    rows = [line.strip().split("\t") for line in entries.get("DATA_INFO", "").splitlines() if line.strip()]
    images = []
    for row in rows[1:]:
        if len(row) < 4:
            raise ReadError(path, f"the header's table of channels (DATA_INFO) cannot be read: {' '.join(row)[:60]!r}")
        directions = ("forward", BACKWARD) if row[3] == "both" else (row[3],)
        images += [(row[1], row[2], direction) for direction in directions]
    if not images:
        raise ReadError(path, "the header names no channels (the table DATA_INFO)")
    return tuple(images)


def parse_entries(text: str) -> dict[str, str]:
    r"""The entries of a header: each has its name in a line of its own, and its value in the lines after it.

    Examples
    --------
    >>> parse_entries(":BIAS:\n   1.0E-2\n:COMMENT:\n:-) all\nfine\n")
    {'BIAS': '1.0E-2', 'COMMENT': ':-) all\nfine'}
    """
    parts = re.split(r"^:([^\n]+):[ \t]*$", text.replace("\r\n", "\n"), flags=re.MULTILINE)
    entries: dict[str, str] = {}
    for name, value in zip(parts[1::2], parts[2::2], strict=True):
        # a comment comes late and may hold anything, so the first of a name counts
        entries.setdefault(name, value.strip("\n") if name == "DATA_INFO" else value.strip())
    return entries


def _bias_mv(scan: Scan) -> float | None:
    """The bias before the scan, which holds for every pass that does not override it."""
    bias = scan.numbers("BIAS", 1)
    return None if bias is None else round(bias[0] * 1000, 9)


def _frame(scan: Scan, user: UserMetadata) -> Frame:
    size, center, angle = scan.numbers("SCAN_RANGE", 2), scan.numbers("SCAN_OFFSET", 2), scan.numbers("SCAN_ANGLE", 1)
    by_header = (nm(size[1]) / scan.n_y, nm(size[0]) / scan.n_x) if size and min(size) > 0 else None
    pixel_size = user.pixel_size_nm or by_header
    if pixel_size is None:
        raise ReadError(scan.path, "the header does not state the size of the frame (SCAN_RANGE); give pixel_size_nm")
    return Frame(
        (scan.n_y, scan.n_x),
        pixel_size,
        (nm(center[0]), nm(center[1])) if center else None,
        angle[0] if angle else None,
    )


FORMAT = Format(
    "Nanonis scan (.sxm)",
    (".sxm",),
    lambda head: head.startswith(b":NANONIS_VERSION:") or b":SCANIT_TYPE:" in head,
    open_scan,
)
