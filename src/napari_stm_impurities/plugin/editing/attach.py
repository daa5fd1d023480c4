"""Making points layers of a viewer ones that can be corrected."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

import numpy as np
from napari.components import ViewerModel
from napari.layers import Layer, Points

from ..layers.images import DRAWN_KEY, unwrap_proxy
from ..layers.points_visibility import respect_shown
from .autosave import autosave_of
from .history import history_of
from .keys import bind_keys
from .recover import offer_back

_followed: WeakSet[Any] = WeakSet()
_attached: WeakSet[Layer] = WeakSet()


def attach(viewer: ViewerModel, layer: Points) -> None:
    """Give a points layer of a viewer its history, its keys and its autosave; a second time it does nothing."""
    follow(viewer)
    layer = unwrap_proxy(layer)
    if layer not in _attached:
        _attached.add(layer)
        if not layer.data.flags.writeable:  # napari writes into it when a point is dragged
            layer.data = np.array(layer.data)
        respect_shown(layer)
        history_of(layer)
        bind_keys(unwrap_proxy(viewer), layer)
        autosave_of(unwrap_proxy(viewer), layer)


def follow(viewer: ViewerModel | None) -> None:
    """Attach to each of our points layers that a viewer has, and that it gets from now on, wherever it comes from.

    Points that were kept of an earlier session are offered back when their data are opened.
    """
    viewer = unwrap_proxy(viewer)
    if viewer is None or viewer in _followed:
        return
    _followed.add(viewer)

    def greet(layer: Layer) -> None:
        if isinstance(layer, Points) and "source" in layer.features and DRAWN_KEY not in layer.metadata:
            attach(viewer, layer)
        offer_back(viewer, layer)

    def part(event: Any) -> None:
        if event.value in _attached:
            autosave_of(viewer, event.value).release()

    viewer.layers.events.inserted.connect(lambda event: greet(event.value))
    viewer.layers.events.removed.connect(part)
    for layer in viewer.layers:
        greet(layer)
