"""Points that are hidden are not drawn and cannot be clicked.

napari 0.9 looks at `shown` only where a slider cuts through the points. Ours lie in the plane of the image and hold for
every bias, so that no slider does, and all of them would be drawn.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
from napari.layers import Points
from napari.layers.points._slice import _PointSliceRequest, _PointSliceResponse


class _ShownOnly(_PointSliceRequest):
    """What napari asks for when it draws, answered with the points that are shown."""

    def __call__(self) -> _PointSliceResponse:
        answer = super().__call__()
        kept = np.asarray(self.shown, dtype=bool)[answer.indices]
        return replace(answer, indices=answer.indices[kept], size=answer.size[kept])


def respect_shown(layer: Points) -> None:
    """Let a points layer draw the points that are shown, and no others; a second time it does nothing."""
    state: Any = layer._slicing_state
    ask = state.make_slice_request_internal
    if getattr(ask, "__name__", "") == "ask_for_shown":
        return

    def ask_for_shown(*where: Any) -> _ShownOnly:
        request = ask(*where)
        return _ShownOnly(**{field.name: getattr(request, field.name) for field in fields(request)})

    state.make_slice_request_internal = ask_for_shown
    layer.refresh(extent=False)
