"""TIFF stacks, as ImageJ and other programs write them: one page a bias.

ImageJ keeps the pixel size with its unit, and a label for each page; labels such as ``-230 mV`` are the bias.
What the file does not tell has to be given.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from ...core.errors import ReadError
from ...core.units import comma_between_digits, unit_nm
from .bias_names import bias_in_name
from .formats import Format
from .plain import ARRAY, plain_recording
from .recording import Channel, Given, Recording, check_size, library_errors


def open_tiff(path: Path, given: Given) -> Recording:
    """Open a TIFF file with one map a page.

    Raises
    ------
    ReadError
        If its pages are no maps of one shape, or it does not tell its bias and pixel size.
    """
    with _opened(path) as tiff:
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
        axes = dict(zip(series.axes, shape, strict=True))
    # axes of length 1 carry nothing; an axis C are ImageJ's channels
    n_channels = axes.get("C", 1)
    long = [axis for axis, n in axes.items() if n > 1 and axis not in "CYX"]
    if len(long) > 1:
        sides = " x ".join(f"{axes[axis]} {axis}" for axis in long)
        raise ReadError(path, f"expected one axis besides the channels, y and x, found {sides}; save one of them alone")
    n_maps = axes[long[0]] if long else 1
    names = [f"channel {i + 1}" for i in range(n_channels)]
    channels = [Channel(name, "", "array", is_didv=True) for name in names] if n_channels > 1 else [ARRAY]

    def load(channel: Channel) -> np.ndarray:
        pages = _pages(path)
        if n_channels > 1:
            pages = np.take(pages, names.index(channel.name), axis=list(axes).index("C"))
        return pages.reshape(n_maps, *shape[-2:])

    return plain_recording(
        path,
        FORMAT.name,
        (n_maps, *shape[-2:]),
        load,
        bias_mv=_bias_mv(metadata, n_maps, n_channels),
        pixel_size_nm=pixel_size,
        given=given,
        channels=channels,
        default=channels[0],
        why="it is the first of the file's channels" if n_channels > 1 else "it is the only array in the file",
        metadata={key: value for key, value in metadata.items() if isinstance(value, str | int | float | list)},
    )


@contextmanager
def _opened(path: Path) -> Iterator[tifffile.TiffFile]:
    """The file, whose damage is told in one line of ours and not in many of the library's log."""
    log = logging.getLogger("tifffile")
    was, log.disabled = log.disabled, True
    try:
        with library_errors(path, "a TIFF file with one map a page"), tifffile.TiffFile(path) as tiff:
            yield tiff
    finally:
        log.disabled = was


def _pages(path: Path) -> np.ndarray:
    with _opened(path) as tiff:
        series = tiff.series[0]
        if series.dataoffset is None or series.dtype is None:
            return np.asarray(series.asarray())
        # in one piece and not compressed: left on the disk
        dtype = series.dtype.newbyteorder(tiff.byteorder)
        return np.memmap(path, dtype=dtype, mode="r", offset=series.dataoffset, shape=series.shape)


def _pixel_size_nm(tiff: tifffile.TiffFile, metadata: dict[str, Any]) -> tuple[float, float] | None:
    factor = unit_nm(str(metadata.get("unit", "")))
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


def _bias_mv(metadata: dict[str, Any], n_maps: int, n_channels: int) -> list[float] | None:
    # ImageJ counts the channels first
    labels = [str(label) for label in (metadata.get("Labels") or [])[::n_channels]]
    comma = comma_between_digits(labels)
    found = [bias_in_name(label, comma) for label in labels]
    told = [bias for bias in found if bias is not None]
    return told if len(told) == len(found) == n_maps else None


FORMAT = Format(
    "TIFF (.tif)",
    (".tif", ".tiff"),
    lambda head: head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    open_tiff,
)
