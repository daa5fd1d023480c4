"""Where the points of a layer are kept while they are edited: beside the data, or in the person's own folder."""

from __future__ import annotations

import os
import re
import zlib
from pathlib import Path

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points
from platformdirs import user_data_path

from ...core.files import AUTOSAVE_SUFFIX
from ..layers.images import DRAWN_KEY, FILES_KEY, FINDING_KEY, IMAGE_KEY, values_of

#: An image that came from no file is told by so many of its pixels along each axis.
_PROBE = 64


def parent_image(viewer: ViewerModel, layer: Points) -> Layer | None:
    """What the points of a layer belong to: their image, else the table they came from, else the topmost image."""
    image = layer.metadata.get(IMAGE_KEY, lambda: None)()
    if isinstance(image, Layer):
        return image
    if FILES_KEY in layer.metadata:
        return layer
    images = [one for one in reversed(viewer.layers) if is_parent(one) and isinstance(one, Image)]
    return next((one for one in images if one.visible), images[0] if images else None)


def is_parent(layer: Layer) -> bool:
    """Whether points can belong to a layer: a measured image, or a table that was read from a file."""
    if FINDING_KEY in layer.metadata or DRAWN_KEY in layer.metadata:
        return False
    if isinstance(layer, Image):
        return layer.ndim in (2, 3) and not layer.rgb
    return isinstance(layer, Points) and FILES_KEY in layer.metadata


def places_of(parent: Layer) -> list[Path]:
    """Where points that belong to a layer may be kept, without suffix: beside its file first, then in one's own folder.

    An image that came from no file is known again by its values.
    """
    files = parent.metadata.get(FILES_KEY)
    own = user_data_path("napari-stm-impurities", appauthor=False) / "autosave"
    if files:
        first = Path(files[0]).absolute()
        return [first, own / f"{first.name}-{zlib.crc32(os.fsencode(first)):08x}"]
    return [own / f"image-{_fingerprint(parent):08x}"]


def kept_at(place: Path) -> list[Path]:
    """The files that are kept at a place, the oldest first."""
    pattern = re.compile(re.escape(place.name) + r"(\.\d+)?" + re.escape(AUTOSAVE_SUFFIX))
    try:
        found = [one for one in place.parent.iterdir() if pattern.fullmatch(one.name)]
        return sorted(found, key=lambda one: one.stat().st_mtime)
    except OSError:
        return []


def place_of_file(path: Path) -> Path:
    """The place at which a file is kept: what :func:`free_at` made the path of."""
    return path.with_name(re.sub(r"(\.\d+)?" + re.escape(AUTOSAVE_SUFFIX) + "$", "", path.name))


def free_at(place: Path, taken: set[Path]) -> Path:
    """The first name at a place that no file has and nobody else will write to."""
    number = 1
    while True:
        tail = "" if number == 1 else f".{number}"
        path = place.with_name(f"{place.name}{tail}{AUTOSAVE_SUFFIX}")
        if path not in taken and not path.exists():
            return path
        number += 1


def _fingerprint(image: Layer) -> int:
    """A number that tells the values of an image from those of another one."""
    values = values_of(image)
    one = values[len(values) // 2] if values.ndim == 3 else values
    probe = np.asarray(one[:: max(1, one.shape[0] // _PROBE), :: max(1, one.shape[1] // _PROBE)], dtype=np.float32)
    return zlib.crc32(probe.tobytes(), zlib.crc32(repr(values.shape).encode()))
