"""Points that are hidden are not drawn and cannot be clicked.

napari 0.9 looks at `shown` only where a slider cuts through the points. Ours lie in the plane of the image and hold for
every bias, so that no slider does, and all of them would be drawn. What napari draws is answered by private classes of
it; where a version of napari has them no more, hidden points get the size 0 instead.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any
from weakref import WeakSet

import numpy as np
from napari.layers import Points

_respecting: WeakSet[Points] = WeakSet()


def respect_shown(layer: Points) -> None:
    """Let a points layer draw the points that are shown, and no others; a second time it does nothing."""
    if layer in _respecting:
        return
    _respecting.add(layer)
    try:
        _answer_with_shown(layer)
    except (ImportError, AttributeError):
        _shrink_hidden(layer)
    layer.refresh(extent=False)


def _answer_with_shown(layer: Points) -> None:
    """Replace what napari asks for when it draws the layer by the same without the hidden points."""
    from napari.layers.points._slice import _PointSliceRequest, _PointSliceResponse

    if not {"indices", "size"} <= {field.name for field in fields(_PointSliceResponse)}:
        raise AttributeError("napari answers with something else")

    class ShownOnly(_PointSliceRequest):
        def __call__(self) -> _PointSliceResponse:
            answer = super().__call__()
            kept = np.asarray(self.shown, dtype=bool)[answer.indices]
            return replace(answer, indices=answer.indices[kept], size=answer.size[kept])

    state: Any = layer._slicing_state
    ask = state.make_slice_request_internal

    def ask_for_shown(*where: Any) -> ShownOnly:
        request = ask(*where)
        return ShownOnly(**{field.name: getattr(request, field.name) for field in fields(request)})

    state.make_slice_request_internal = ask_for_shown


def _shrink_hidden(layer: Points) -> None:
    """Give hidden points the size 0, and those that appear again the size that the layer's points have now."""
    full = float(np.max(layer.size, initial=layer.current_size))
    # napari draws every point with at least 2 pixels of the screen
    layer.canvas_size_limits = (0, layer.canvas_size_limits[1])

    def shrink() -> None:
        size = np.asarray(layer.size, dtype=float)
        wanted = np.where(layer.shown, np.where(size > 0, size, full), 0)
        if not np.array_equal(size, wanted):
            layer.size = wanted

    # napari says nothing of a change of what is shown, but that the points are drawn anew
    layer.events.set_data.connect(lambda event: shrink())
    shrink()
