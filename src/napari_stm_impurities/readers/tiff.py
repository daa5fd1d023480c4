"""TIFF stacks, as ImageJ and other programs write them: one page a bias.

ImageJ keeps the pixel size with its unit, and a label for each page; labels such as ``-230 mV`` are the bias.
What the file does not tell has to be given.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from ..errors import ReadError
from .formats import Format
from .plain import plain_recording
from .recording import Given, Recording, check_size, library_errors

_NM = {"nm": 1.0, "nanometer": 1.0, "um": 1e3, "µm": 1e3, "\\u00B5m": 1e3, "micron": 1e3, "microns": 1e3, "m": 1e9}
_BIAS = re.compile(r"([-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)\s*(mV|V)\b")


def open_tiff(path: Path, given: Given) -> Recording:
    """Open a TIFF file with one map a page.

    Raises
    ------
    ReadError
        If its pages are no maps of one shape, or it does not tell its bias and pixel size.
    """
    with library_errors(path, "a TIFF file with one map a page"), tifffile.TiffFile(path) as tiff:
        if not tiff.series:
            raise ReadError(path, "the TIFF file holds no image")
        series = tiff.series[0]
        shape = [int(n) for n in series.shape]
        check_size(path, math.prod(shape), f"an image of shape {tuple(shape)}")
        if series.dtype is None or series.dtype.kind not in "fiu" or "S" in series.axes:
            raise ReadError(
                path, "expected maps of real numbers, found a colour or complex image; save it as grey values"
            )
        if series.keyframe.compression == 1 and series.nbytes > path.stat().st_size:
            raise ReadError(
                path, f"needs {series.nbytes} bytes for its maps, found {path.stat().st_size}; the file is cut"
            )
        metadata = {str(key): value for key, value in (tiff.imagej_metadata or {}).items()}
        pixel_size = _pixel_size_nm(tiff, metadata)
    # single axes of length 1, such as ImageJ's channel, carry nothing
    while len(shape) > 3 and 1 in shape[:-2]:
        shape.remove(1)
    n_maps = shape[0] if len(shape) == 3 else 1
    return plain_recording(
        path,
        FORMAT.name,
        shape,
        lambda _: _pages(path),
        bias_mv=_bias_mv(metadata, n_maps),
        pixel_size_nm=pixel_size,
        given=given,
        metadata={key: value for key, value in metadata.items() if isinstance(value, str | int | float | list)},
    )


def _pages(path: Path) -> np.ndarray:
    with library_errors(path, "a TIFF file with one map a page"), tifffile.TiffFile(path) as tiff:
        return np.asarray(tiff.series[0].asarray())


def _pixel_size_nm(tiff: tifffile.TiffFile, metadata: dict[str, Any]) -> tuple[float, float] | None:
    factor = _NM.get(str(metadata.get("unit", "")))
    tags = tiff.pages.first.tags
    if factor is None or "XResolution" not in tags or "YResolution" not in tags:
        return None
    sizes = []
    for name in ("YResolution", "XResolution"):
        pixels, length = tags[name].value
        if not (pixels > 0 and length > 0):
            return None
        sizes.append(length / pixels * factor)
    return sizes[0], sizes[1]


def _bias_mv(metadata: dict[str, Any], n_maps: int) -> list[float] | None:
    labels = metadata.get("Labels") or []
    found = [_BIAS.search(str(label)) for label in labels]
    if len(found) != n_maps or not all(found):
        return None
    return [float(match.group(1)) * (1000.0 if match.group(2) == "V" else 1.0) for match in found if match]


FORMAT = Format(
    "TIFF (.tif)",
    (".tif", ".tiff"),
    lambda head: head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    open_tiff,
)
