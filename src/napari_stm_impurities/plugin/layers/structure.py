"""The map of structure that is no impurity as a labels layer, which a person corrects with napari's brush.

What a person has painted or erased in it stays when the image is searched again; all other pixels follow the new run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer

from .images import placement_of_map

#: The key under which the layer's metadata carries a :class:`StructureRecord`.
RECORD_KEY = "structure"
#: A pixel is structure from this probability on: more likely than not.
STRUCTURE_FROM = 0.5


@dataclass(frozen=True, eq=False)
class StructureRecord:
    """What distinguishes a person's pixels from those of the runs.

    Attributes
    ----------
    shown
        Dimensions (y, x), coordinates in nm: the labels as the last run left them.
    corrected
        Shape (y, x), bool: the pixels that a person had painted or erased before the last run.
    """

    shown: xr.DataArray
    corrected: np.ndarray


def show_structure(
    viewer: ViewerModel, image: Image, structure: xr.DataArray | None, layer: Labels | None, origin: dict[str, Any]
) -> None:
    """Show where a run sees structure: label 1 from a probability of one half on.

    Parameters
    ----------
    viewer
        The viewer to which the layer is added.
    image
        The image that was searched.
    structure
        Probability, dimensions (y, x), coordinates in nm; None where the model does not know structure. A layer of an
        earlier run is removed then, unless a person has painted in it.
    layer
        The layer of an earlier run on the same image, which is updated; None without one.
    origin
        What the layer's metadata says of the run.
    """
    if structure is None:
        if layer is not None and not corrected_pixels(layer).any():
            viewer.layers.remove(layer)
        return
    labels = (structure >= STRUCTURE_FROM).astype(np.uint8)
    place = placement_of_map(structure, image)
    if layer is None:
        record = StructureRecord(labels.copy(), np.zeros(labels.shape, dtype=bool))
        metadata = {**origin, RECORD_KEY: record}
        name, visible = f"structure ({image.name})", bool(labels.any())
        keywords = {**place, "name": name, "metadata": metadata, "visible": visible}
        viewer.add_layer(Layer.create(labels.values, keywords, "labels"))
        return
    before = layer.metadata[RECORD_KEY].shown
    # a new run may have pixels of another size
    corrected = _nearest(before.copy(data=corrected_pixels(layer)), labels).astype(bool)
    merged = labels.copy(data=np.where(corrected, _nearest(before.copy(data=layer.data), labels), labels))
    was_empty, is_empty = not np.any(layer.data), not merged.any()
    layer.data = merged.values.copy()
    layer.scale, layer.translate = place["scale"], place["translate"]
    layer.metadata.update({**origin, RECORD_KEY: StructureRecord(merged, corrected)})
    if was_empty or is_empty:
        layer.visible = not is_empty


def corrected_pixels(layer: Labels) -> np.ndarray:
    """Which pixels of the layer of a run a person has painted or erased, shape (y, x), bool."""
    record: StructureRecord = layer.metadata[RECORD_KEY]
    return np.asarray(record.corrected | (np.asarray(layer.data) != record.shown.values))


def _nearest(values: xr.DataArray, on: xr.DataArray) -> np.ndarray:
    """Values (y, x) at the pixels of another map, those of the nearest pixel; 0 outside."""
    out = np.asarray(values)
    for axis, name in enumerate(("y", "x")):
        own, other = values[name].values, on[name].values
        step = own[1] - own[0] if len(own) > 1 else np.inf
        at = np.rint((other - own[0]) / step).astype(np.intp)
        taken = np.take(out, at.clip(0, len(own) - 1), axis=axis)
        inside = (at >= 0) & (at < len(own))
        out = np.where(inside[:, None] if axis == 0 else inside, taken, 0)
    return out
