"""Small files of the microscope formats, packed byte by byte from what is known of each format.

They are written without any reader or writer of the package, so that its readers are held against the format.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np


def rhk(
    path: Path,
    pages: list[dict],
) -> Path:
    """Write an ``.sm4``; each page has ``data`` (int32, rows by columns), ``label`` and what differs from the usual."""
    n_pages = len(pages)
    index_at = 58 + 3 * 12
    array_at = index_at + 16 + 12
    blob = b""
    at = array_at + n_pages * (32 + 24)
    entries = b""
    for page in pages:
        data = np.asarray(page["data"], dtype="<i4")
        n_y, n_x = data.shape
        texts = [
            page["label"],
            "",
            "",
            "",
            "",
            "07/02/20",
            "08:50:47",
            page.get("x_unit", "V"),
            "",
            page.get("unit", "A"),
        ]
        texts += [""] * 10
        text = b"".join(struct.pack("<H", len(t)) + t.encode("utf-16-le") for t in texts)
        places = b"".join(
            struct.pack("<7f", 0, x, y, 0, 0, 0, 0) for x, y in np.asarray(page.get("places", [])).reshape(-1, 2)
        )
        header = struct.pack(
            "<2H13I",
            170,
            len(texts),
            page.get("page_type", 16),
            0,
            page.get("line", 7),
            0,
            0,
            n_x,
            n_y,
            0,
            page.get("scan", 0),
            0,
            page.get("n_bytes", data.nbytes),
            0,
            0,
        )
        header += struct.pack(
            "<11f",
            page.get("x_scale", 0.01),
            page.get("y_scale", 1.0),
            page.get("z_scale", 1e-12),
            0,
            page.get("x_offset", -0.1),
            page.get("y_offset", 0.0),
            page.get("z_offset", 0.0),
            0,
            page.get("bias", 0.4),
            0,
            page.get("angle", 0.0),
        )
        header += struct.pack("<4I", 0, *page.get("grid", (0, 0)), 2) + bytes(64)
        objects_at = at + len(header)
        text_at = objects_at + 24
        places_at = text_at + len(text)
        data_at = places_at + len(places)
        header += struct.pack("<6I", 10, text_at, len(text), 8, places_at, len(places))
        blob += header + text + places + data.tobytes()
        entries += bytes(16) + struct.pack("<4I", page.get("kind", 1), 0, 2, 6)
        entries += struct.pack("<6I", 3, at, len(header), 4, data_at, data.nbytes)
        at = data_at + data.nbytes
    start = struct.pack("<H", 56) + "STiMage 005.006 1\0".encode("utf-16-le")
    start += struct.pack("<5I", n_pages, 3, 12, 0, 0)
    start += struct.pack("<9I", 1, index_at, 28, 13, 0, 0, 15, 0, 0)
    start += struct.pack("<4I", n_pages, 1, 0, 0) + struct.pack("<3I", 2, array_at, n_pages * 56)
    path.write_bytes(start + entries + blob)
    return path


def grid_places(n_y: int, n_x: int, step: float, *, repeats: int = 1, left: bool = False, angle_deg: float = 0.0):
    """Where the spectra of a grid are, in m, from the upper edge down; `left` when each row is walked to the left."""
    places = []
    cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    for row in range(n_y):
        for column in range(n_x):
            u, v = step * (n_x - 1 - column if left else column), -step * row
            places += [(u * cos - v * sin, u * sin + v * cos)] * repeats
    return places


def igor(
    path: Path,
    data: np.ndarray,
    *,
    step: tuple[float, ...] = (5e-10, 2.5e-10, 0.01),
    start: tuple[float, ...] = (0.0, 0.0, -0.1),
    units: tuple[str, ...] = ("m", "m", "V"),
    unit: str = "A",
    name: str = "I(V)",
    note: str = "",
    order: str = "<",
    kind: int = 4,
) -> Path:
    """Write an ``.ibw`` of version 5; `data` has the shape (x, y, bias), as Igor counts."""

    def four(values: tuple, fill: object) -> list:
        return [*values, *([fill] * (4 - len(values)))]

    dtype = {4: "f8", 2: "f4", 0x10: "i2", 3: "c8"}[kind]
    body = np.asarray(data).astype(order + dtype).tobytes(order="F")
    text = note.encode("latin-1")
    head = struct.pack(order + "hh3i", 5, 0, 320 + len(body), 0, len(text)) + bytes(64 - 16)
    wave = (
        struct.pack(order + "IIIih", 0, 0, 0, data.size, kind) + bytes(10) + name.encode().ljust(32, b"\0") + bytes(8)
    )
    wave += struct.pack(order + "4i", *four(data.shape, 0))
    wave += struct.pack(order + "4d", *four(step[: data.ndim], 0.0)) + struct.pack(
        order + "4d", *four(start[: data.ndim], 0.0)
    )
    wave += unit.encode().ljust(4, b"\0") + b"".join(u.encode().ljust(4, b"\0") for u in four(units[: data.ndim], ""))
    path.write_bytes(head + wave.ljust(320, b"\0") + body + text)
    return path
