"""TIFF stacks, as ImageJ and other programs write them: one page a bias.

ImageJ keeps the pixel size with its unit, and a label for each page; labels such as ``-230 mV`` are the bias, and
tifffile keeps numbers under any name. The user provides what the file does not state.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from ...core.errors import ReadError
from ...core.units import unit_nm
from .channels import choose, recognise
from .entries import Entry, bias_among, pixel_among
from .formats import Format
from .plain import ARRAY
from .quantities import Quantity, measured_recording
from .recording import Channel, Recording, UserMetadata, check_size, library_errors
from .tiff_pages import laid_out

#: The escapes of ImageJ for letters that are not ASCII.
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")


def open_tiff(path: Path, user: UserMetadata) -> Recording:
    """The recording of a TIFF file with one map a page.

    Raises
    ------
    ReadError
        If its pages are no maps of one shape, or it does not state its bias and pixel size.
    """
    with _opened(path) as tiff:
        # the pages of other programs may have names of their own, which are only read with all that a page has
        tiff.pages.useframes = tiff.is_imagej or tiff.is_ome or tiff.is_shaped
        series = _series(path, tiff)
        shape = _shape(path, series)
        metadata = {str(key): value for key, value in (tiff.imagej_metadata or {}).items()}
        entries = _entries(metadata, tiff.shaped_metadata or ())
        stated = _pixel_size_nm(tiff, metadata)
        axes = dict(zip(_axes(series), shape[:-2], strict=True))
        labels = _labels(tiff, series, metadata, math.prod(shape[:-2]))
    n_y, n_x = shape[-2:]
    composite = metadata.get("mode") in ("composite", "color")
    n_user_biases = None if user.bias_mv is None else len(user.bias_mv)
    pages = laid_out(path, axes, labels, composite=composite, n_user_biases=n_user_biases)
    n_maps = pages.maps.shape[1]
    channels = [recognise(name, "") for name in pages.names]
    if not any(channel.what != "other" for channel in channels):
        channels = [Channel(name, "", "array", is_didv=False) for name in pages.names] or [ARRAY]
    default, why, warnings = choose(channels, None, fallback="current")

    def load(channel: Channel) -> np.ndarray:
        values = _values(path).reshape(-1, n_y, n_x)
        if not pages.names:
            return values
        chosen = pages.maps[pages.names.index(channel.name)]
        step = int(chosen[1] - chosen[0]) if n_maps > 1 else 1
        # in equal steps nothing is copied
        regular = step > 0 and np.array_equal(chosen, chosen[0] + step * np.arange(n_maps))
        return values[chosen[0] : chosen[-1] + 1 : step] if regular else values[chosen]

    recording = measured_recording(
        path,
        FORMAT.name,
        (n_maps, n_y, n_x),
        load,
        bias=bias_among(entries, n_maps) if pages.bias_mv is None else Quantity(pages.bias_mv),
        pixel=pixel_among(entries, (n_y, n_x)) if stated is None else Quantity(stated),
        user=user,
        channels=channels,
        default=default,
        why="it is the only array in the file",
        metadata={key: value for key, value in metadata.items() if isinstance(value, str | int | float | list)},
    )
    if default.what == "array" and pages.names:
        why = f"{default.name} is taken because it is the first of the file's channels."
    return replace(recording, why=why, warnings=(*warnings, *recording.warnings)) if pages.names else recording


def _series(path: Path, tiff: tifffile.TiffFile) -> list[tifffile.TiffPageSeries]:
    """The images of the file, without reduced copies."""
    images = [image for image in tiff.series if not image.keyframe.is_reduced] or list(tiff.series)
    if not images:
        raise ReadError(path, "the TIFF file holds no image")
    kinds = {(_sides(image), str(image.dtype)) for image in images}
    if len(kinds) > 1:
        held = ", ".join(sorted(f"{y} x {x} pixels of {dtype}" for (y, x), dtype in kinds))
        raise ReadError(path, f"holds images of several kinds ({held}); save those of one kind alone")
    return images


def _axes(series: list[tifffile.TiffPageSeries]) -> str:
    """The letters of the axes of the pages; pages that were written one by one are counted along I."""
    first = series[0]
    # three or four maps that tifffile took for the samples of a colour lie behind each other, as pages do
    return str(first.axes)[:-2] if len(series) == 1 else "I"


def _sides(image: tifffile.TiffPageSeries) -> tuple[int, int]:
    return int(image.shape[-2]), int(image.shape[-1])


def _shape(path: Path, series: list[tifffile.TiffPageSeries]) -> tuple[int, ...]:
    """The shape of all pages together, after a check that they are complete maps."""
    first = series[0]
    shape = tuple(int(n) for n in first.shape)
    if len(series) > 1:
        shape = (sum(math.prod(image.shape[:-2]) for image in series), *_sides(first))
    check_size(path, math.prod(shape), f"an image of shape {shape}")
    for image in series:
        if image.dtype is None or image.dtype.kind not in "fiu" or _is_coloured(image):
            raise ReadError(
                path, "expected maps of real numbers, found a colour, complex or binary image; save it as grey values"
            )
    n_bytes = sum(image.nbytes for image in series)
    if first.keyframe.compression == 1 and n_bytes > path.stat().st_size:
        raise ReadError(path, f"needs {n_bytes} bytes for its maps, found {path.stat().st_size}; the file is cut")
    return shape


def _is_coloured(image: tifffile.TiffPageSeries) -> bool:
    """Whether the samples are those of a colour; tifffile calls three or four maps of any numbers so too."""
    if "S" not in image.axes:
        return False
    return not image.axes.endswith("YX") or image.dtype is None or image.dtype.itemsize == 1


def _labels(
    tiff: tifffile.TiffFile, series: list[tifffile.TiffPageSeries], metadata: dict[str, Any], n_pages: int
) -> list[str]:
    """The label of each page: by ImageJ, by its own name or description; empty without labels."""
    imagej_labels = metadata.get("Labels")
    if imagej_labels:
        return [str(label) for label in ([imagej_labels] if isinstance(imagej_labels, str) else imagej_labels)]
    if tiff.is_imagej or tiff.is_ome or (tiff.is_shaped and len(series) == 1):
        return []
    pages = [page for image in series for page in image.pages if isinstance(page, tifffile.TiffPage)]
    names = ("PageName", "ImageDescription")
    labels = [" ".join(str(page.tags[name].value) for name in names if name in page.tags) for page in pages]
    return labels if len(labels) == n_pages and all(labels) else []


def _entries(metadata: dict[str, Any], shaped: Sequence[dict[str, Any]]) -> list[Entry]:
    """The numbers that were saved with the maps; those of pages that were written one by one are put together."""
    values_by_name = dict(metadata)
    for key in shaped[0] if shaped else ():
        page_values = [page_metadata.get(key) for page_metadata in shaped]
        values_by_name[key] = (
            page_values[0] if len(shaped) == 1 or all(value == page_values[0] for value in page_values) else page_values
        )
    entries = []
    for name, value in values_by_name.items():
        try:
            values = np.asarray(json.loads(value) if isinstance(value, str) else value, dtype=np.float64)
        except (TypeError, ValueError):
            continue
        entries.append(Entry(name, values.shape, partial(np.asarray, values)))
    return entries


@contextmanager
def _opened(path: Path) -> Iterator[tifffile.TiffFile]:
    """Yield an open file, with the log of the library disabled and its errors raised in one line."""
    log = logging.getLogger("tifffile")
    was_disabled, log.disabled = log.disabled, True
    try:
        with library_errors(path, "a TIFF file with one map a page"), tifffile.TiffFile(path) as tiff:
            yield tiff
    finally:
        log.disabled = was_disabled


def _values(path: Path) -> np.ndarray:
    with _opened(path) as tiff:
        series = _series(path, tiff)
        first = series[0]
        if len(series) > 1:
            return np.concatenate([np.asarray(image.asarray()).reshape(-1, *_sides(image)) for image in series])
        if first.dataoffset is None or first.dtype is None:
            return np.asarray(first.asarray())
        # in one piece and not compressed: left on the disk
        dtype = first.dtype.newbyteorder(tiff.byteorder)
        return np.memmap(path, dtype=dtype, mode="r", offset=first.dataoffset, shape=first.shape)


def _pixel_size_nm(tiff: tifffile.TiffFile, metadata: dict[str, Any]) -> tuple[float, float] | None:
    """The pixel size (y, x) by ImageJ, which may have another unit in y."""
    unit = str(metadata.get("unit", ""))
    tags = tiff.pages.first.tags
    sizes = []
    for name, axis_unit in (("YResolution", str(metadata.get("yunit", unit))), ("XResolution", unit)):
        factor = unit_nm(_ESCAPED.sub(lambda match: chr(int(match[1], 16)), axis_unit))
        if factor is None or name not in tags:
            return None
        pixels, length = tags[name].value
        if not (pixels > 0 and length > 0):
            return None
        sizes.append(length / pixels * factor)
    return sizes[0], sizes[1]


FORMAT = Format(
    "TIFF (.tif)",
    (".tif", ".tiff"),
    lambda head: head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    open_tiff,
)
