"""Points for ImageJ: a table of results with its scale, or a multi-point selection that lies on the map.

ImageJ counts from the upper left corner of the first pixel, this package from its centre: half a pixel is added, and
:func:`~napari_stm_impurities.data.points.load_points` takes it off again.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pandas as pd

from ..core.errors import StmError
from ..core.files import written_whole
from ..data.points import check_points, positions_nm
from .position_columns import IMAGEJ_CORNER_PX

_MULTI_POINT = 10
_VERSION = 227
_SUB_PIXEL = 128


def export_imagej(
    points: pd.DataFrame, path: str | os.PathLike[str], pixel_size_nm: float | tuple[float, float]
) -> Path:
    """Write points for ImageJ.

    Parameters
    ----------
    points
        A table of points.
    path
        ``.csv`` for a table (*File > Import > Results*, or *Analyze > Tools > Results to Overlay*), with the positions
        in nm as ImageJ measures them on a map of that scale; ``.roi`` for a selection (*File > Open* on the open map).
    pixel_size_nm
        The pixel size of the map, one number or (y, x).

    Raises
    ------
    StmError
        If it is no table of points, the suffix is another one, or the file cannot be written.

    References
    ----------
    The layout of a selection is that of ``ij.io.RoiEncoder`` in ImageJ 1.53.

    Examples
    --------
    >>> import tempfile
    >>> from napari_stm_impurities.data.points import make_points
    >>> points = make_points([[2, 4]], (0.5, 0.5), source="manual")
    >>> path = export_imagej(points, Path(tempfile.mkdtemp()) / "points.csv", 0.5)
    >>> path.read_text().splitlines()[1].split(",")[:3]
    ['1', '2.25', '1.25']
    """
    path = Path(path)
    check_points(points)
    size = np.broadcast_to(np.asarray(pixel_size_nm, dtype=np.float64), (2,))
    if not (np.isfinite(size).all() and (size > 0).all()):
        raise StmError(f"the pixel size must be positive, in nm, got {pixel_size_nm!r}")
    yx_px = positions_nm(points) / size + IMAGEJ_CORNER_PX
    suffix = path.suffix.lower()
    if suffix == ".csv":
        y_nm, x_nm = (yx_px * size).T
        table = pd.DataFrame({"X": x_nm, "Y": y_nm, "X_px": yx_px[:, 1], "Y_px": yx_px[:, 0], "Unit": "nm"})
        for name in ("score", "confidence"):
            table[name.capitalize()] = points[name].to_numpy(dtype=float)
        table.index = pd.RangeIndex(1, len(table) + 1, name=" ")
        with written_whole(path) as beside:
            table.to_csv(beside)
    elif suffix == ".roi":
        with written_whole(path) as beside:
            beside.write_bytes(_selection(yx_px))
    else:
        raise StmError(f"{path}: points for ImageJ are written as .csv (results) or .roi (a selection)")
    return path


def _selection(yx_px: np.ndarray) -> bytes:
    if len(yx_px) > 65535:
        raise StmError(f"a selection of ImageJ holds at most 65535 points, got {len(yx_px)}")
    top, left = np.floor(yx_px.min(axis=0)).astype(int) if len(yx_px) else (0, 0)
    bottom, right = np.ceil(yx_px.max(axis=0)).astype(int) if len(yx_px) else (0, 0)
    header = b"Iout" + struct.pack(">hBx4hH", _VERSION, _MULTI_POINT, top, left, bottom, right, len(yx_px))
    header = header.ljust(50, b"\0") + struct.pack(">h", _SUB_PIXEL)
    whole = np.round(yx_px - [top, left]).astype(">i2")
    exact = yx_px.astype(">f4")
    return header.ljust(64, b"\0") + b"".join(
        part.tobytes() for part in (whole[:, 1], whole[:, 0], exact[:, 1], exact[:, 0])
    )
