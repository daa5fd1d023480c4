"""Writers of Nanonis files byte by byte, so that the readers are held against the format and not against our writer."""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

Header = Mapping[str, str | None]


@pytest.fixture
def grid_file(tmp_path) -> Callable[..., Path]:
    """Give a function that writes a ``.3ds``; values have the shape (y, x, channel, point).

    `order` is that of the pixels (row, column) in the file, `turned_deg` the clockwise angle of their positions where
    the header has another one.
    """

    def write(
        values: np.ndarray,
        *,
        channels: str = "LI Demod 1 X (A)",
        start_v: float | np.ndarray = -0.1,
        end_v: float | np.ndarray = 0.1,
        header: Header | None = None,
        step_m: tuple[float, float] = (0.5e-9, 0.5e-9),
        center_m: tuple[float, float] = (0.0, 0.0),
        angle_deg: float = 0.0,
        turned_deg: float | None = None,
        order: Sequence[tuple[int, int]] | None = None,
        jitter_px: float = 0.0,
        name: str = "grid.3ds",
    ) -> Path:
        n_y, n_x, n_channels, n_points = values.shape
        entries: dict[str, str | None] = {
            "Grid dim": f'"{n_x} x {n_y}"',
            "Grid settings": ";".join(f"{v:.6E}" for v in (*center_m, n_x * step_m[1], n_y * step_m[0], angle_deg)),
            "Sweep Signal": '"Bias (V)"',
            "Fixed parameters": '"Sweep Start;Sweep End"',
            "Experiment parameters": '"X (m);Y (m);Z (m)"',
            "# Parameters (4 byte)": "5",
            "Experiment size (bytes)": str(4 * n_channels * n_points),
            "Points": str(n_points),
            "Channels": f'"{channels}"',
            **(header or {}),
        }
        text = "".join(f"{key}={value}\r\n" for key, value in entries.items() if value is not None) + ":HEADER_END:\r\n"
        starts, ends = np.broadcast_to(start_v, (n_y, n_x)), np.broadcast_to(end_v, (n_y, n_x))
        turned = np.radians(angle_deg if turned_deg is None else turned_deg)
        cos, sin = np.cos(turned), np.sin(turned)
        shaken = np.random.default_rng(0).uniform(-jitter_px, jitter_px, (n_y, n_x, 2))
        body = b""
        for row, column in order or [(row, column) for row in range(n_y) for column in range(n_x)]:
            u = (column + 0.5 - n_x / 2 + shaken[row, column, 0]) * step_m[1]
            v = (row + 0.5 - n_y / 2 + shaken[row, column, 1]) * step_m[0]
            x, y = center_m[0] + u * cos + v * sin, center_m[1] - u * sin + v * cos
            body += struct.pack(">5f", starts[row, column], ends[row, column], x, y, -1e-7)
            body += struct.pack(f">{n_channels * n_points}f", *values[row, column].ravel())
        path = tmp_path / name
        path.write_bytes(text.encode("latin-1") + body)
        return path

    return write


@pytest.fixture
def scan_file(tmp_path) -> Callable[..., Path]:
    """Give a function that writes a ``.sxm``; each image has the shape (y, x), in the order of the file."""

    def write(
        images: Sequence[np.ndarray],
        *,
        table: Sequence[str] = ("14\tZ\tm\tboth\t1.0E-8\t0.0E+0",),
        bias_v: float = 0.01,
        header: Header | None = None,
        end: str = "\n",
        name: str = "scan.sxm",
    ) -> Path:
        n_y, n_x = images[0].shape
        entries: dict[str, str | None] = {
            "NANONIS_VERSION": "2",
            "SCANIT_TYPE": "              FLOAT            MSBFIRST",
            "SCAN_PIXELS": f"       {n_x}       {n_y}",
            "SCAN_RANGE": f"           {n_x * 1e-10:.6E}           {n_y * 2e-10:.6E}",
            "SCAN_OFFSET": "             1.000000E-8         -2.000000E-8",
            "SCAN_ANGLE": "            3.170E+0",
            "SCAN_DIR": "down",
            "BIAS": f"            {bias_v:.3E}",
            "COMMENT": "",
            "DATA_INFO": "\n".join(
                ["\tChannel\tName\tUnit\tDirection\tCalibration\tOffset", *(f"\t{r}" for r in table), ""]
            ),
            **(header or {}),
        }
        text = "".join(f":{key}:\n{value}\n" for key, value in entries.items() if value is not None)
        text = (text + ":SCANIT_END:\n\n\n").replace("\n", end)
        body = b"".join(struct.pack(f">{image.size}f", *image.ravel()) for image in images)
        path = tmp_path / name
        path.write_bytes(text.encode("latin-1") + b"\x1a\x04" + body)
        return path

    return write


@pytest.fixture(scope="session")
def made():
    """The writers of small files, packed byte by byte (tests/readers/made_files.py)."""
    spec = importlib.util.spec_from_file_location("made_files", Path(__file__).with_name("made_files.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
