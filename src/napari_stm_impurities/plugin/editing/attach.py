"""Making points layers of a viewer ones that can be corrected."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

from napari.components import ViewerModel
from napari.layers import Layer, Points

from .history import history_of

_followed: WeakSet[Any] = WeakSet()


def attach(viewer: ViewerModel, layer: Points) -> None:
    """Give a points layer of a viewer its history; asked a second time it does nothing."""
    history_of(layer)


def follow(viewer: ViewerModel | None) -> None:
    """Attach to each of our points layers that a viewer has, and that it gets from now on, wherever it comes from."""
    # napari hands widgets a proxy; what is remembered must be the viewer itself
    viewer = getattr(viewer, "__wrapped__", viewer)
    if viewer is None or viewer in _followed:
        return
    _followed.add(viewer)

    def greet(layer: Layer) -> None:
        if isinstance(layer, Points) and "source" in layer.features:
            attach(viewer, layer)

    viewer.layers.events.inserted.connect(lambda event: greet(event.value))
    for layer in viewer.layers:
        greet(layer)
