"""The keys with which points are corrected, bound on their layer, where they come before napari's own."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence

from napari.components import ViewerModel
from napari.layers import Points

from .actions import BOUND, PASTE, Action, napari_paste, perform


def bind_keys(viewer: ViewerModel, layer: Points) -> None:
    """Bind the keys of all actions on a layer; the viewer is not kept alive.

    Two of them stand for something else on other points layers: *A* chooses what is in sight there (which *Shift-A*
    does here, too), and *Ctrl-A* also chooses what is hidden.
    """
    # where napari has no such command, its own key is left alone, whatever it does there
    bind_actions(viewer, layer, [action for action in BOUND if action is not PASTE or napari_paste() is not None])


def bind_actions(viewer: ViewerModel, layer: Points, actions: Sequence[Action]) -> None:
    """Bind the keys of some actions on a layer; the viewer is not kept alive."""
    for action in actions:
        for key in action.keys:
            layer.bind_key(key, _pressed(action, weakref.ref(viewer)), overwrite=True)


def _pressed(action: Action, viewer: weakref.ref[ViewerModel]) -> Callable[[Points], None]:
    def press(layer: Points) -> None:
        window = viewer()
        if window is not None:
            perform(action, window, layer)

    press.__doc__ = action.tooltip  # napari lists it among its shortcuts
    return press
