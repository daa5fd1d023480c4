"""Where the points and shapes of other layers lie on an image: in the coordinates of the stack that it shows.

A stack that is made from a layer begins at (0, 0); the layer may have been moved, turned or cut out of a larger one,
and points lie where napari draws them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from napari.layers import Image, Layer, Points, Shapes

from ..comparison import Frame
from ..errors import StmError
from .layers import layer_pixel_size_nm, world_of
from .points_layers import layer_points


def points_on(image: Image, layer: Points) -> pd.DataFrame:
    """The points that a layer shows, in pixels and nm of the stack that `image` shows.

    Raises
    ------
    StmError
        If one of the two layers has no unit of length, and nobody told its pixel size.
    """
    table = layer_points(layer)
    size = _nm_per_pixel(image)
    world = table[["y_nm", "x_nm"]].to_numpy(dtype=np.float64) / size * np.abs(image.scale[-2:])
    pixels = _to_pixels(image, world)
    table[["y_px", "x_px"]] = pixels
    table[["y_nm", "x_nm"]] = pixels * size
    return table


def region_on(image: Image, layer: Shapes) -> Frame:
    """The box around the one shape of a layer, or around the selected one, (y from, y to, x from, x to) in nm.

    Raises
    ------
    StmError
        If there is no shape, or several and not one selected; or the image has no unit of length.
    """
    chosen = sorted(layer.selected_data) if len(layer.data) > 1 else range(len(layer.data))
    if len(chosen) != 1:
        asked = "select the one that is the region" if len(layer.data) else "draw a rectangle around the region"
        raise StmError(f"the layer {layer.name!r} has {len(layer.data)} shapes; {asked}, or choose no region")
    world = world_of(layer, np.asarray(layer.data[chosen[0]], dtype=np.float64))[:, -2:]
    own, theirs = layer_pixel_size_nm(layer), layer_pixel_size_nm(image)
    if own is not None and theirs is not None:
        # nm in a step of either world
        world = world * (np.asarray(own) / np.abs(layer.scale[-2:])) / (np.asarray(theirs) / np.abs(image.scale[-2:]))
    corners = _to_pixels(image, world) * _nm_per_pixel(image)
    (y_from, x_from), (y_to, x_to) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return y_from, y_to, x_from, x_to


def _nm_per_pixel(layer: Layer) -> np.ndarray:
    size = layer_pixel_size_nm(layer)
    if size is None:
        raise StmError(f"the layer {layer.name!r} has no unit of length; give its pixel size in nm")
    return np.asarray(size)


def _to_pixels(image: Image, world: np.ndarray) -> np.ndarray:
    """From positions (n, 2) on the canvas to rows and columns of an image."""
    steps = np.zeros((3, image.ndim))
    steps[1:, -2:] = np.eye(2)
    origin, *axes = world_of(image, steps)[:, -2:]
    return np.asarray((world - origin) @ np.linalg.inv(np.stack(axes) - origin))
