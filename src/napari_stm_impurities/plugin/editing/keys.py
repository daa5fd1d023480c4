"""The keys with which points are corrected, bound on their layer, where they come before napari's own."""

from __future__ import annotations

import weakref
from collections.abc import Callable

from napari.components import ViewerModel
from napari.layers import Points

from .actions import BOUND, PASTE, Action, napari_paste, perform


def bind_keys(viewer: ViewerModel, layer: Points) -> None:
    """Bind the keys of all actions on a layer; the viewer is not kept alive.

    Two of them stand for something else on other points layers: *A* chooses what is in sight there (which *Shift-A*
    does here, too), and *Ctrl-A* also chooses what is hidden.
    """
    for action in BOUND:
        if action is PASTE and napari_paste() is None:
            continue  # napari's own key, whatever it does there, is left alone
        for key in action.keys:
            layer.bind_key(key, _pressed(action, weakref.ref(viewer)), overwrite=True)


def _pressed(action: Action, viewer: weakref.ref[ViewerModel]) -> Callable[[Points], None]:
    def press(layer: Points) -> None:
        window = viewer()
        if window is not None:
            perform(action, window, layer)

    press.__doc__ = action.tooltip  # napari lists it among its shortcuts
    return press
