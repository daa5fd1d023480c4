"""From one uncertain point to the next: those that a model was least sure of come first."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
from napari.components import ViewerModel
from napari.layers import Layer, Points

from ...analysis.merging import review_status_of
from ..layers.transforms import Transform

# how far each layer's points have been gone through: confidence and position of the last one
_last: WeakKeyDictionary[Layer, tuple[float, ...]] = WeakKeyDictionary()


def uncertain_points(layer: Points) -> np.ndarray:
    """The rows of the points that wait for a person's word, the least certain first.

    Those are the shown points with a confidence that were neither accepted nor rejected. The threshold hides all that
    lie below it, so that the least confident of them is the one nearest to the threshold.
    """
    if "confidence" not in layer.features:
        return np.zeros(0, np.intp)
    confidence = layer.features["confidence"].to_numpy(dtype=float)
    waits = (
        np.asarray(layer.shown) & np.isfinite(confidence) & (review_status_of(layer.features) == "unchecked").to_numpy()
    )
    rows = np.flatnonzero(waits)
    return rows[np.argsort(confidence[rows], kind="stable")]


def next_uncertain(layer: Points) -> int | None:
    """The row of the next uncertain point after the one given last, from the beginning at the end; None without any."""
    rows = uncertain_points(layer)
    if not len(rows):
        return None
    # rows change when points are deleted, so that the place in the order is told by the point itself
    keys = [(float(layer.features["confidence"].iloc[row]), *map(float, layer.data[row])) for row in rows]
    order = sorted(range(len(rows)), key=keys.__getitem__)
    last = _last.get(layer)
    later = [one for one in order if last is None or keys[one] > last]
    chosen = (later or order)[0]
    _last[layer] = keys[chosen]
    return int(rows[chosen])


def go_to(viewer: ViewerModel, layer: Points, row: int) -> None:
    """Choose a point, and bring it to the middle of the canvas; the zoom stays."""
    viewer.layers.selection.active = layer
    layer.mode = "select"
    layer.selected_data = {row}
    y, x = Transform.of(layer).to_canvas(np.asarray(layer.data)[[row]])[0, -2:]
    camera = viewer.scene.camera
    camera.center = (*camera.center[:-2], float(y), float(x))
