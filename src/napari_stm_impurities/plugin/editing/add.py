"""Adding points layers that can be corrected."""

from __future__ import annotations

from napari.components import ViewerModel
from napari.layers import Layer, Points

from ..layers.images import LayerTuple
from .attach import attach


def add_points(viewer: ViewerModel, made: LayerTuple) -> Points:
    """The points layer that was added to a viewer, with undo, keys and autosave.

    Parameters
    ----------
    viewer
        The viewer that gets the layer.
    made
        The layer tuple of :func:`~napari_stm_impurities.plugin.layers.points.points_layer`.
    """
    data, keywords, kind = made
    layer: Points = Layer.create(data, keywords, kind)
    viewer.add_layer(layer)  # its return value may be a proxy of the layer
    attach(viewer, layer)
    return layer
