"""The points of a layer as they lie on an image: in the coordinates of its stack, whatever their own layer's are."""

from __future__ import annotations

import numpy as np
import pandas as pd
from napari.layers import Image, Points

from ...core.errors import StmError
from ..editing.marking import is_rejected
from .images import data_of, layer_pixel_size_nm, set_scale, world_of
from .points import layer_points, visible_mask


def points_on(image: Image, layer: Points, *, rejected: bool = False) -> pd.DataFrame:
    """The table of the points of a layer, in the coordinates of the stack that an image shows.

    Parameters
    ----------
    image
        The image; its pixel size is known.
    layer
        A points layer, ours or another plugin's. One without a unit of length is in pixels of the image's size.
    rejected
        Whether the points that a person rejected are in it too.

    Returns
    -------
    pandas.DataFrame
        Positions in nm from the centre of the image's first pixel, and in its pixels. Hidden points are left out.

    Raises
    ------
    StmError
        If the image's pixel size is not known.
    """
    size = layer_pixel_size_nm(image)
    if size is None:
        raise StmError(f"the layer {image.name!r} has no unit of length; give its pixel size in nm")
    if layer_pixel_size_nm(layer) is None:
        set_scale(layer, pixel_size_nm=float(np.mean(size)))
    keep = visible_mask(layer) | (is_rejected(layer) if rejected else False)
    table = layer_points(layer, hidden=True)[keep].reset_index(drop=True)
    world = np.tile(world_of(image, np.zeros((1, image.ndim))), (len(table), 1))
    world[:, -2:] = table[["y_nm", "x_nm"]].to_numpy(dtype=float) * np.abs(image.scale[-2:]) / size
    yx = data_of(image, world)[:, -2:]
    return table.assign(y_px=yx[:, 0], x_px=yx[:, 1], y_nm=yx[:, 0] * size[0], x_nm=yx[:, 1] * size[1])
