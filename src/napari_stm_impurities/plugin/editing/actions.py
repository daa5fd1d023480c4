"""What a person can do to the points of a layer: each with its keys, for the canvas and for the widget alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from napari.components import ViewerModel
from napari.layers import Points
from napari.utils.notifications import show_warning

from ...core.errors import StmError
from .history import history_of, n_points_text
from .marking import accept, is_rejected, mark_manual, reject, unreject
from .snapping import snap
from .state import emit_changed
from .uncertain import go_to, next_uncertain, uncertain_points


@dataclass(frozen=True)
class Action:
    """Something that can be done to points.

    Attributes
    ----------
    name
        What stands on its button.
    keys
        Bound on the layer, as napari writes them; the first stands on the button. None where napari binds them.
    tooltip
        What it does.
    do
        Called with the viewer and the layer; gives one line on what was done.
    """

    name: str
    keys: tuple[str, ...]
    tooltip: str
    do: Callable[[ViewerModel, Points], str]


def perform(action: Action, viewer: ViewerModel, layer: Points) -> str:
    """Do it, and tell in napari's status bar what was done; what cannot be done is a warning of one line."""
    try:
        said = action.do(viewer, layer)
    except StmError as error:
        show_warning(str(error))
        said = str(error)
    viewer.status = said
    return said


def chosen_rows(layer: Points) -> list[int]:
    """The rows of the chosen points that are shown; what nobody sees is not edited.

    Raises
    ------
    StmError
        If there is none.
    """
    rows = sorted(int(row) for row in layer.selected_data if layer.shown[row])
    if not rows:
        raise StmError("no point is chosen; press 3 and click on one, or draw a box around several")
    return rows


def _add(viewer: ViewerModel, layer: Points) -> str:
    viewer.layers.selection.active = layer
    layer.mode = "add"
    return "click on the map to add a point"


def _select(viewer: ViewerModel, layer: Points) -> str:
    viewer.layers.selection.active = layer
    layer.mode = "select"
    return "click on a point or draw a box to choose; drag what is chosen to move it"


def _accept(_viewer: ViewerModel, layer: Points) -> str:
    rows = chosen_rows(layer)
    with history_of(layer).change(f"accept {n_points_text(len(rows))}"):
        accept(layer, rows)
    return f"{n_points_text(len(rows))} accepted"


def _reject(_viewer: ViewerModel, layer: Points) -> str:
    rows = chosen_rows(layer)
    with history_of(layer).change(f"reject {n_points_text(len(rows))}"):
        reject(layer, rows)
    return f"{n_points_text(len(rows))} rejected"


def _unreject(_viewer: ViewerModel, layer: Points) -> str:
    n = int(is_rejected(layer).sum())
    if not n:
        raise StmError("no point of this layer was rejected")
    with history_of(layer).change(f"bring {n_points_text(n)} back"):
        unreject(layer)
    return f"{n_points_text(n)} brought back"


def _delete(_viewer: ViewerModel, layer: Points) -> str:
    rows = chosen_rows(layer)
    layer.remove(rows)
    return f"{n_points_text(len(rows))} deleted"


def _snap(viewer: ViewerModel, layer: Points) -> str:
    rows = chosen_rows(layer)
    n = snap(viewer, layer, rows)
    if n == len(rows):
        return f"{n_points_text(n)} snapped to the score map"
    return f"{n_points_text(n)} of {len(rows)} snapped; the others have no other peak of the score map in reach"


def _next(viewer: ViewerModel, layer: Points) -> str:
    row = next_uncertain(layer)
    if row is None:
        return "no uncertain point is left"
    go_to(viewer, layer, row)
    confidence = layer.features["confidence"].iloc[row]
    return f"confidence {confidence:.2f}; {len(uncertain_points(layer))} not yet accepted or rejected"


def _undo(_viewer: ViewerModel, layer: Points) -> str:
    what = history_of(layer).undo()
    return "nothing to undo" if what is None else f"undone: {what}"


def _redo(_viewer: ViewerModel, layer: Points) -> str:
    what = history_of(layer).redo()
    return "nothing to redo" if what is None else f"done again: {what}"


def _select_shown(_viewer: ViewerModel, layer: Points) -> str:
    layer.selected_data = set(np.flatnonzero(layer.shown).tolist())
    return f"{n_points_text(len(layer.selected_data))} chosen"


def napari_paste() -> Callable[[Points], None] | None:
    """The command by which napari itself pastes points; None if this version has none of that name."""
    return next((do for do in Points.class_keymap.values() if getattr(do, "__name__", "") == "paste"), None)


def _paste(_viewer: ViewerModel, layer: Points) -> str:
    # napari emits no event when it pastes
    before = len(layer.data)
    paste = napari_paste()
    if paste is None:
        raise StmError("this version of napari has no command that pastes points")
    with history_of(layer).change("paste points"):
        paste(layer)
        mark_manual(layer, range(before, len(layer.data)))
        emit_changed(layer)
    return f"{n_points_text(len(layer.data) - before)} pasted"


ADD = Action("Add", ("2",), "Then a click on the map adds a point; it is marked manual", _add)
SELECT = Action(
    "Select and move",
    ("3",),
    "Then a click or a box chooses points, and dragging moves them; a moved point is marked manual",
    _select,
)
ACCEPT = Action("Accept", ("A",), "Say that the chosen points are right: a new run leaves them where they are", _accept)
REJECT = Action(
    "Reject",
    ("R",),
    "Say that the chosen points are wrong: they are hidden, left out of tables, and a new run does not bring them back",
    _reject,
)
DELETE = Action(
    "Delete", ("Delete", "Backspace", "1"), "Remove the chosen points; a new run may find them again", _delete
)
SNAP = Action(
    "Snap",
    ("M",),
    "Move the chosen points to the highest peak of the score map within half a ripple's length (1 nm where it is not "
    "known); they are marked manual",
    _snap,
)
NEXT = Action(
    "Next uncertain point",
    ("N",),
    "Go to the shown point that is least certain and was neither accepted nor rejected yet; the zoom stays",
    _next,
)
UNDO = Action("Undo", ("Control-Z", "U"), "Take back the last thing that was done to these points", _undo)
REDO = Action("Redo", ("Control-Shift-Z", "Shift-U"), "Do again what was taken back", _redo)
UNREJECT = Action(
    "Bring rejected points back", (), "Show all rejected points again, as points that nobody has decided on", _unreject
)

PASTE = Action("Paste", ("Control-V",), "Paste points that were copied", _paste)

#: What is bound on the layer; the modes are napari's own keys already.
BOUND = (
    ACCEPT,
    REJECT,
    DELETE,
    SNAP,
    NEXT,
    UNDO,
    REDO,
    Action("Select all", ("Control-A",), "Choose all points that are shown", _select_shown),
    PASTE,
)
