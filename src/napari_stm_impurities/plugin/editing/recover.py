"""Points that were kept of an earlier session and never saved are offered back when their data are opened again."""

from __future__ import annotations

import weakref
from datetime import datetime
from functools import partial
from pathlib import Path

import pandas as pd
from napari.components import ViewerModel
from napari.layers import Layer, Points
from napari.utils.notifications import show_info, show_warning
from qtpy.QtCore import QTimer

from ...core.errors import StmError
from ...io.tables import load_points
from ..layers.images import FILES_KEY, IMAGE_KEY, LayerTuple
from .autosave import autosave_of, taken_paths
from .autosave_paths import is_parent, kept_at, places_of
from .history import n_points_text
from .snapshot_table import kept_layer


def offer_back(viewer: ViewerModel, layer: Layer) -> None:
    """Add what was kept for a layer that was just opened, if anything was, once all of its file is open."""
    if is_parent(layer) and waiting_for(layer):
        # the channel on top is added last, and the points shall lie on it
        QTimer.singleShot(0, partial(_offer, viewer, layer))


def waiting_for(layer: Layer) -> list[Path]:
    """The files with points for a layer that belong to no layer; of a table only those that are newer than it."""
    first, *others = places_of(layer)
    taken = taken_paths()
    found = [path for place in (first, *others) for path in kept_at(place) if path not in taken]
    if isinstance(layer, Points) and first.exists():
        return [path for path in found if path.stat().st_mtime > first.stat().st_mtime]
    return found


def _offer(viewer: ViewerModel, opened: Layer) -> None:
    place = places_of(opened)[0]
    same = [one for one in viewer.layers if is_parent(one) and places_of(one)[0] == place]
    if not same:  # it has been deleted meanwhile
        return
    parent = next((one for one in reversed(same) if one.visible), same[-1])
    for path in waiting_for(opened):
        try:
            table = load_points(path)
        except StmError as error:
            show_warning(str(error))
            continue
        kept = datetime.fromtimestamp(path.stat().st_mtime)
        # a viewer that offers points back is followed, so the layer is attached when it is inserted
        layer = Layer.create(*_layer_on(parent, table, f"recovered points ({parent.name})"))
        viewer.add_layer(layer)
        autosave_of(viewer, layer).take_over(path)
        show_info(
            f"{n_points_text(len(table))} of {kept:%d %b %H:%M} had not been saved and are back as {layer.name!r}; "
            "save that layer, or choose Discard under Correct points"
        )


def _layer_on(parent: Layer, table: pd.DataFrame, name: str) -> LayerTuple:
    """The points, belonging to what they belonged to."""
    data, keywords, kind = kept_layer(table, parent, name)
    belongs = (
        {FILES_KEY: parent.metadata[FILES_KEY]} if isinstance(parent, Points) else {IMAGE_KEY: weakref.ref(parent)}
    )
    return data, {**keywords, "metadata": {**keywords.get("metadata", {}), **belongs}}, kind
