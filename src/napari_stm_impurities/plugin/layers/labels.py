"""Labels layers as masks: which pixels of an image lie under a label."""

from __future__ import annotations

import numpy as np
from napari.layers import Image, Labels

from ...core.errors import StmError
from ...data.masks import excluded_pixels
from .images import values_of
from .transforms import Transform


def labelled_pixels(image: Image, layer: Labels) -> np.ndarray:
    """Which pixels of an image lie under a label, shape (y, x), bool.

    Each pixel of the image takes the label of the nearest pixel of the labels layer on the canvas. Of a labels layer
    with a bias axis a label at any bias counts.

    Parameters
    ----------
    image
        An image (y, x) or (bias, y, x).
    layer
        A labels layer with pixels of any size. One without a unit of length lies where napari draws it.

    Raises
    ------
    StmError
        If the layer lies elsewhere, has labels but none on a pixel of the image, or excludes every pixel.
    """
    height, width = values_of(image).shape[-2:]
    labels = np.asarray(values_of(layer)) != 0
    labels = labels.any(axis=tuple(range(labels.ndim - 2)))
    at = _pixels_of(layer, image, height, width)
    inside = ((at >= 0) & (at < labels.shape)).all(axis=1)
    excluded = np.zeros(height * width, dtype=bool)
    excluded[inside] = labels[at[inside, 0], at[inside, 1]]
    if not inside.any() or (labels.any() and not excluded.any()):
        raise StmError(
            f"the labels layer {layer.name!r} covers no pixel of the image {image.name!r}; paint on that image, or"
            " choose another labels layer"
        )
    return excluded_pixels(excluded.reshape(height, width), (height, width))


def _pixels_of(layer: Labels, image: Image, height: int, width: int) -> np.ndarray:
    """The pixels of a labels layer on which the pixels of an image lie, (n, 2); some may be outside of it."""
    here, there = Transform.of(image), Transform.of(layer)
    pixels = np.zeros((height * width, image.ndim))
    pixels[:, -2:] = np.indices((height, width)).reshape(2, -1).T
    if here.pixel_size_nm is None or there.pixel_size_nm is None:
        data = there.from_canvas(here.to_canvas(pixels)[:, -2:])
    else:
        data = there.from_nm(here.to_nm(pixels))
    return np.rint(data[:, -2:]).astype(np.intp)
