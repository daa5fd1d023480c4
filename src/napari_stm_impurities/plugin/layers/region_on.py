"""The region that a person has drawn on an image, in the coordinates of its stack."""

from __future__ import annotations

import numpy as np
from napari.layers import Image, Shapes

from ...core.errors import StmError
from ...data.geometry import Rectangle
from .images import data_of, layer_pixel_size_nm, world_of


def region_on(image: Image, layer: Shapes) -> Rectangle:
    """The box around the one shape of a layer, or around the selected one, where it lies on an image.

    Parameters
    ----------
    image
        The image; its pixel size is known.
    layer
        A shapes layer. One without a unit of length lies where napari draws it.

    Returns
    -------
    tuple of float
        (y from, y to, x from, x to) in nm from the centre of the image's first pixel.

    Raises
    ------
    StmError
        If there is no shape, or several and not one selected; or the image's pixel size is not known.
    """
    size = layer_pixel_size_nm(image)
    if size is None:
        raise StmError(f"the layer {image.name!r} has no unit of length; give its pixel size in nm")
    chosen = sorted(layer.selected_data) if len(layer.data) > 1 else range(len(layer.data))
    if len(chosen) != 1:
        asked = "select the one that is the region" if len(layer.data) else "draw a rectangle around the region"
        raise StmError(f"the layer {layer.name!r} has {len(layer.data)} shapes; {asked}, or choose no region")
    drawn = world_of(layer, np.asarray(layer.data[chosen[0]], dtype=np.float64))[:, -2:]
    own = layer_pixel_size_nm(layer)
    if own is not None:
        # from the steps of the one layer's world to those of the other's, by way of nm
        drawn = drawn * own / np.abs(layer.scale[-2:]) * np.abs(image.scale[-2:]) / size
    world = np.tile(world_of(image, np.zeros((1, image.ndim))), (len(drawn), 1))
    world[:, -2:] = drawn
    corners = data_of(image, world)[:, -2:] * size
    (y_from, x_from), (y_to, x_to) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return y_from, y_to, x_from, x_to
