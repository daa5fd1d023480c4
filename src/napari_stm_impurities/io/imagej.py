"""Points for ImageJ and from it: a table of results with its scale, or a selection that lies on the map.

The results count from the upper left corner of the first pixel, this package from its centre: half a pixel is added,
and :func:`~napari_stm_impurities.io.tables.load_points` takes it off again. A selection of points counts from the
centre as well (``Roi.useLineSubpixelConvention`` of ImageJ 1.53 and later).
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import roifile

from ..core.arguments import path_of, pixel_sizes
from ..core.errors import ReadError, StmError
from ..core.files import written_whole
from ..data.points import check_points, make_points, positions_nm
from .position_columns import IMAGEJ_CORNER_PX

#: A selection, and several of them as the ROI Manager saves them.
SELECTIONS = (".roi", ".zip")
#: The most bytes that are read of a selection, enough for a million points.
_MAX_BYTES = 2**24


def export_imagej(
    points: pd.DataFrame, path: str | os.PathLike[str], pixel_size_nm: float | tuple[float, float]
) -> Path:
    """Write points for ImageJ and return the path.

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
        If it is no table of points, or has none for a selection, the suffix is another one, or the file cannot be
        written.

    Examples
    --------
    >>> import tempfile
    >>> from napari_stm_impurities.data.points import make_points
    >>> points = make_points([[2, 4]], (0.5, 0.5), source="manual")
    >>> path = export_imagej(points, Path(tempfile.mkdtemp()) / "points.csv", 0.5)
    >>> path.read_text().splitlines()[1].split(",")[:3]
    ['1', '2.25', '1.25']
    """
    path = path_of(path, "a file for ImageJ")
    check_points(points)
    size = np.array(pixel_sizes(pixel_size_nm))
    yx_px = positions_nm(points) / size + IMAGEJ_CORNER_PX
    suffix = path.suffix.lower()
    if suffix == ".csv":
        y_nm, x_nm = (yx_px * size).T
        table = pd.DataFrame({"X": x_nm, "Y": y_nm, "X_px": yx_px[:, 1], "Y_px": yx_px[:, 0], "Unit": "nm"})
        for name in ("score", "confidence"):
            table[name.capitalize()] = points[name].to_numpy(dtype=float)
        table.index = pd.RangeIndex(1, len(table) + 1, name=" ")
        with written_whole(path) as temporary:
            table.to_csv(temporary)
    elif suffix == ".roi":
        with written_whole(path) as temporary:
            temporary.write_bytes(_selection(positions_nm(points) / size).tobytes())
    else:
        raise StmError(f"{path}: points for ImageJ are written as .csv (results) or .roi (a selection)")
    return path


def _selection(yx_px: np.ndarray) -> roifile.ImagejRoi:
    if not len(yx_px):
        raise StmError("there are no points, and a selection of ImageJ needs one at least")
    selection = roifile.ImagejRoi.frompoints(yx_px[:, ::-1], name="points")
    # the library sets another type, an outline
    selection.roitype = roifile.ROI_TYPE.POINT
    selection.options = roifile.ROI_OPTIONS.SUB_PIXEL_RESOLUTION
    return selection


def import_imagej_roi(path: str | os.PathLike[str], pixel_size_nm: float | tuple[float, float]) -> pd.DataFrame:
    """The points of a selection of ImageJ as a table of points, source ``reference``.

    Parameters
    ----------
    path
        ``.roi``, or ``.zip`` with the selections of the ROI Manager: all of their points, in their order.
    pixel_size_nm
        The pixel size of the map, one number or (y, x); a selection counts pixels.

    Raises
    ------
    ReadError
        If there is no such file, it is damaged, or a selection is no selection of points.

    Examples
    --------
    >>> import tempfile
    >>> points = make_points([[2, 4]], (0.5, 0.5), source="manual")
    >>> path = export_imagej(points, Path(tempfile.mkdtemp()) / "points.roi", 0.5)
    >>> import_imagej_roi(path, 0.5)[["y_nm", "x_nm"]].values.tolist()
    [[1.0, 2.0]]
    """
    # the readers load every library of a format
    from .readers.recording import library_errors

    path = path_of(path, "a selection of ImageJ")
    height, width = pixel_sizes(pixel_size_nm)
    with library_errors(path, "a selection of ImageJ (.roi, or .zip)"):
        places = [_points_of(path, roifile.ImagejRoi.frombytes(data)) for data in _selections_in(path)]
    if not places:
        raise ReadError(path, "holds no selection of ImageJ (.roi)")
    return make_points(np.concatenate(places)[:, ::-1], (height, width), source="reference")


def is_selection(path: Path) -> bool:
    """Whether a file is a selection of ImageJ, or an archive that holds one."""
    if path.suffix.lower() == ".zip":
        try:
            with zipfile.ZipFile(path) as archive:
                return bool(_names_in(archive))
        except (OSError, zipfile.BadZipFile):
            return False
    return path.suffix.lower() in SELECTIONS


def _selections_in(path: Path) -> list[bytes]:
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            return [archive.open(name).read(_MAX_BYTES) for name in _names_in(archive)]
    with path.open("rb") as file:
        return [file.read(_MAX_BYTES)]


def _names_in(archive: zipfile.ZipFile) -> list[str]:
    names = [name for name in archive.namelist() if name.lower().endswith(".roi")]
    # macOS adds files of its own with the same endings
    return [name for name in names if not name.startswith("__MACOSX/")]


def _points_of(path: Path, selection: roifile.ImagejRoi) -> np.ndarray:
    if selection.roitype != roifile.ROI_TYPE.POINT:
        kind = selection.roitype.name.lower()
        raise ReadError(
            path, f"expected points, but the selection {selection.name!r} is of the kind {kind}; mark points in ImageJ"
        )
    return np.asarray(selection.coordinates(), dtype=np.float64).reshape(-1, 2)
