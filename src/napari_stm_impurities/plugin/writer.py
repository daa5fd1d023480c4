"""The writers of napari: points as CSV in nm or as a selection of ImageJ, stacks, movies and images as NetCDF."""

from __future__ import annotations

from typing import Any

from napari.layers import Image, Layer, Points

from ..core.errors import StmError
from ..io.imagej import export_imagej
from ..io.tables import save_points
from ..io.writers import save_image
from .editing import points_saved
from .layers.images import layer_image
from .layers.points import layer_points


def write_points(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write a points layer as CSV, in nm and in pixels, with score, confidence and source; its autosave goes."""
    layer = _points(data, attributes)
    written = save_points(layer_points(layer), path)
    points_saved(layer.name, layer.data)
    return [str(written)]


def write_selection(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write a points layer as a multi-point selection of ImageJ (``.roi``), in the pixels of its image."""
    layer = _points(data, attributes)
    table = layer_points(layer)
    # pixels count from the corner of the image, wherever on the canvas it lies
    table[["y_nm", "x_nm"]] = table[["y_px", "x_px"]]
    return [str(export_imagej(table, path, 1.0))]


def _points(data: Any, attributes: dict[str, Any]) -> Points:
    layer = Layer.create(data, attributes, "points")
    if not isinstance(layer, Points):
        raise StmError(f"expected a points layer, got {type(layer).__name__}")
    return layer


def write_image(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write an image layer as NetCDF: values, biases in mV or times in s, pixel size in nm, history.

    A layer (y, x) without a bias is written as a single image.
    """
    layer = Layer.create(data, attributes, "image")
    if not isinstance(layer, Image):
        raise StmError(f"expected an image layer, got {type(layer).__name__}")
    return [str(save_image(layer_image(layer), path))]
