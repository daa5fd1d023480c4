"""Proposed points as a layer of hollow rings: a key or a button adds the chosen ones to the points.

A proposal is hidden while a point lies at its place, so that one that was accepted comes back by undo. The keys of undo
and redo on this layer are those of the points.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pandas as pd
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points
from scipy.spatial import cKDTree

from ...core.errors import StmError
from ..layers.images import DRAWN_KEY, IMAGE_KEY
from ..layers.points import points_layer, visible_mask
from ..layers.points_visibility import respect_shown
from ..layers.transforms import Transform
from .actions import Action, chosen_rows
from .history import history_of
from .keys import bind_actions
from .marking import accept
from .state import emit_changed

SOURCE = "kernel residual"
#: The key under which the metadata of proposals carries the layer of points that they are proposed for.
TARGET_KEY = "proposed_for"


def show_proposals(
    viewer: ViewerModel, image: Image, proposed: pd.DataFrame, target: Points, radius_nm: float
) -> Points:
    """Show proposed points in place of the last ones for the same points.

    Parameters
    ----------
    viewer
        The viewer to which the layer is added.
    image
        The image that was fitted.
    proposed
        A table of points in map nm of the image.
    target
        The points that accepted proposals are added to.
    radius_nm
        A proposal is hidden while a point is so near.

    Returns
    -------
    napari.layers.Points
        The layer of the proposals.
    """
    active = viewer.layers.selection.active
    old = proposals_for(viewer, target)
    if old is not None:
        viewer.layers.remove(old)
    data, keywords, kind = points_layer(proposed, image, kind=SOURCE, name=f"proposals ({image.name})")
    mine = {DRAWN_KEY: True, IMAGE_KEY: weakref.ref(image), TARGET_KEY: weakref.ref(target)}
    keywords["metadata"] = {**keywords.get("metadata", {}), **mine}
    layer: Points = Layer.create(data, keywords, kind)
    viewer.add_layer(layer)
    respect_shown(layer)
    bind_actions(viewer, layer, (ACCEPT_PROPOSALS, UNDO, REDO))
    _follow(layer, target, radius_nm)
    viewer.layers.selection.active = active
    return layer


def proposals_for(viewer: ViewerModel, target: Points) -> Points | None:
    """The layer of the proposals for a layer of points, None where there is none."""
    for layer in viewer.layers:
        if isinstance(layer, Points) and TARGET_KEY in layer.metadata and layer.metadata[TARGET_KEY]() is target:
            return layer
    return None


def _follow(layer: Points, target: Points, radius_nm: float) -> None:
    """Hide the proposals at whose place a point lies, after each step in the history of the points."""
    own, points = weakref.ref(layer), weakref.ref(target)
    changed = history_of(target).events.changed

    def update(_event: Any = None) -> None:
        proposals, others = own(), points()
        if proposals is None or others is None:
            changed.disconnect(update)
            return
        taken = Transform.of(others).to_nm(np.asarray(others.data)[visible_mask(others)])
        at = Transform.of(proposals).to_nm(np.asarray(proposals.data))
        free = cKDTree(taken).query(at)[0] > radius_nm if len(taken) and len(at) else np.ones(len(at), dtype=bool)
        proposals.selected_data = {row for row in proposals.selected_data if free[row]}
        proposals.shown = free

    changed.connect(update)
    update()


def _target_of(viewer: ViewerModel, layer: Points) -> Points:
    target: Points | None = layer.metadata[TARGET_KEY]()
    if target is None or target not in viewer.layers:
        raise StmError("the points that these were proposed for are gone; fit kernels again")
    return target


def _accept(viewer: ViewerModel, layer: Points) -> str:
    rows = chosen_rows(layer)
    target = _target_of(viewer, layer)
    at = Transform.of(target).from_nm(Transform.of(layer).to_nm(np.asarray(layer.data)[rows]))
    counted = "1 proposal" if len(rows) == 1 else f"{len(rows)} proposals"
    with history_of(target).change(f"accept {counted}"):
        first = len(target.data)
        with target.events.data.blocker(), target.events.features.blocker():
            target.add(at)
            new = list(range(first, len(target.data)))
            features = target.features.copy()
            for name in set(features) & set(layer.features):
                values = features[name].astype(object).to_numpy(copy=True)
                values[new] = layer.features[name].iloc[rows].to_numpy(dtype=object)
                features[name] = pd.Series(values).astype(features[name].dtype)
            target.features = features
            accept(target, new)
            target.selected_data = set()
        emit_changed(target)
    return f"{counted} accepted"


def _undo(viewer: ViewerModel, layer: Points) -> str:
    what = history_of(_target_of(viewer, layer)).undo()
    return "nothing to undo" if what is None else f"undone: {what}"


def _redo(viewer: ViewerModel, layer: Points) -> str:
    what = history_of(_target_of(viewer, layer)).redo()
    return "nothing to redo" if what is None else f"done again: {what}"


ACCEPT_PROPOSALS = Action(
    "Accept proposals",
    ("A",),
    "Add the chosen proposals (rings) to the points; they are marked accepted, and keep their source",
    _accept,
)
UNDO = Action("Undo", ("Control-Z", "U"), "Take back the last thing that was done to the points", _undo)
REDO = Action("Redo", ("Control-Shift-Z", "Shift-U"), "Do again what was taken back", _redo)
