"""Snapping the chosen points of a layer to the score map that lies under them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Points

from ...core.errors import StmError
from ...impurities.family import FAMILY
from ...impurities.snap import REACH_NM, reach_of, snap_to_peaks
from ..layers.images import FINDING_KEY, IMAGE_KEY, values_of
from ..layers.transforms import Transform, layer_pixel_size_nm
from .history import history_of, n_points_text
from .marking import mark_manual
from .state import emit_changed


def snap(viewer: ViewerModel, layer: Points, rows: Collection[int]) -> int:
    """Move points to the highest peak of the score map in reach, as one step, and say how many there was one for.

    Raises
    ------
    StmError
        If no score map lies on the image of these points.
    """
    at = np.asarray(sorted(rows), dtype=np.intp)
    scores = score_layer_of(viewer, layer)
    size = layer_pixel_size_nm(scores)
    if size is None:
        raise StmError(f"the score map {scores.name!r} has no unit of length; find impurities again")
    before = np.asarray(layer.data, dtype=np.float64)
    points, maps = Transform.of(layer), Transform.of(scores)
    canvas = points.to_canvas(before[at])
    pixels = maps.from_canvas(canvas[:, -2:])
    reach = _reach_nm(layer)
    snapped = snap_to_peaks(np.asarray(values_of(scores)), pixels, (reach / size[0], reach / size[1]))
    moved = (snapped != pixels).any(axis=1)
    if not moved.any():
        return 0
    canvas[:, -2:] = maps.to_canvas(snapped)
    after = before.copy()
    after[at[moved]] = points.from_canvas(canvas[moved])
    n = int(moved.sum())
    with history_of(layer).change(f"snap {n_points_text(n)}"):
        with layer.events.data.blocker(), layer.events.features.blocker():
            layer.data = after
            mark_manual(layer, at[moved])
        emit_changed(layer)
    return n


def score_layer_of(viewer: ViewerModel, layer: Points) -> Image:
    """The topmost score map on the image of a points layer; of any image, where the layer knows of none.

    Raises
    ------
    StmError
        If there is none.
    """
    own = image_of(layer)
    for other in reversed(viewer.layers):
        is_score = isinstance(other, Image) and other.ndim == 2 and FINDING_KEY in other.metadata
        if is_score and (own is None or image_of(other) is own):
            return other
    raise StmError("there is no score map under these points; run Find impurities on their image first")


def image_of(layer: Points | Image) -> Image | None:
    """The image on which a layer's points were found, None where it is gone or nobody knows."""
    image = layer.metadata.get(IMAGE_KEY, lambda: None)()
    return image if isinstance(image, Image) else None


def _reach_nm(layer: Points) -> float:
    finding = layer.metadata.get(FINDING_KEY)
    if finding is None or finding.kind != FAMILY.kind:
        return REACH_NM
    return reach_of(finding.dispersion, float(finding.attention["bias"].max()))
