"""The bias of the map on the screen, in mV, written on the canvas.

napari's slider counts the maps. This text tells the bias, read from the layer's metadata, so that it is
right for an uneven axis too, and for the single map whose bias the slider does not know.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Layer

from .images import BIAS_KEY, layer_bias_mv, unwrap_proxy

#: A bias nearer to zero than this, in mV, is zero: no instrument sets it so finely, and sums of steps are off by less.
LEAST_MV = 1e-6

_shown_in: WeakSet[Any] = WeakSet()


def show_bias(viewer: ViewerModel | None) -> None:
    """Keep the bias on the canvas of `viewer` from now on; asked a second time it does nothing."""
    # napari hands widgets a proxy; what is remembered must be the viewer itself
    viewer = unwrap_proxy(viewer)
    if viewer is None or viewer in _shown_in:
        return
    _shown_in.add(viewer)

    def update(_event: Any = None) -> None:
        text = bias_text(viewer)
        overlay = viewer.canvas.overlays.text
        overlay.text = text
        overlay.visible = bool(text)

    def follow(event: Any) -> None:
        event.value.events.visible.connect(update)
        update()

    overlay = viewer.canvas.overlays.text
    overlay.position = "top_left"
    overlay.font_size = 12
    viewer.dims.events.current_step.connect(update)
    viewer.layers.events.inserted.connect(follow)
    viewer.layers.events.removed.connect(update)
    viewer.layers.events.reordered.connect(update)
    for layer in viewer.layers:
        layer.events.visible.connect(update)
    update()


def bias_text(viewer: ViewerModel) -> str:
    """What the canvas says: the bias of the topmost visible map, empty where no layer tells one.

    Examples
    --------
    >>> bias_text(ViewerModel())
    ''
    """
    for layer in reversed(viewer.layers):
        if layer.visible and isinstance(layer, Image) and BIAS_KEY in layer.metadata:
            bias = layer_bias_mv(layer)
            if bias is not None:
                return f"Bias {in_mv(bias[shown_map(layer, viewer, len(bias))])}"
    return ""


def in_mv(bias_mv: float) -> str:
    """A bias as it is written for a person: with its sign, which zero has not.

    Examples
    --------
    >>> in_mv(30), in_mv(-2.5), in_mv(-1e-14)
    ('+30 mV', '-2.5 mV', '0 mV')
    """
    near_zero = abs(bias_mv) < LEAST_MV
    return "0 mV" if near_zero else f"{bias_mv:+.4g} mV"


def shown_map(layer: Layer, viewer: ViewerModel, maps: int) -> int:
    """The number of the map of `layer`, one of `maps`, that the slider of `viewer` shows."""
    if maps == 1 or viewer.dims.ndim < layer.ndim:  # the latter while the last layer is being removed
        return 0
    world = viewer.dims.point[-layer.ndim]
    number = round((world - layer.translate[0]) / layer.scale[0])
    return int(np.clip(number, 0, maps - 1))
