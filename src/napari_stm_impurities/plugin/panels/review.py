"""The widget *Correct points*: add, move, delete, accept and reject, with undo, and what is kept of it."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from napari.components import ViewerModel
from napari.layers import Image, Points
from qtpy.QtCore import Slot
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from ...analysis.merging import review_status_of
from ...core.errors import StmError
from ...data.points import make_points
from ..editing import actions, add_points, attach, autosave_of, history_of
from ..editing.actions import Action, perform
from ..editing.autosave import Autosave
from ..editing.autosave_paths import is_parent
from ..editing.history import PointsHistory
from ..layers.images import unwrap_proxy
from ..layers.points import points_layer
from ..widgets.connections import listen
from ..widgets.follower import LayerFollower
from ..widgets.panel import Panel

#: After so long without a further change the numbers are counted, in ms.
_COUNT_AFTER_MS = 50

#: The buttons, in two columns.
_BUTTONS = (actions.ADD, actions.SELECT, actions.ACCEPT, actions.REJECT, actions.DELETE, actions.SNAP)


class CorrectPanel(Panel):
    """Correct the points of any points layer; the keys do the same while the mouse is over the map."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        self._history: PointsHistory | None = None
        self._autosave: Autosave | None = None
        self._layer: Points | None = None
        super().__init__(unwrap_proxy(napari_viewer), caption(actions.NEXT))
        self.button.setToolTip(actions.NEXT.tooltip)
        self.points = self.layer_box(
            Points, "Points", "The points to correct; those of the layer that is chosen in the list"
        )
        self.add_fields([self.points])
        self.buttons = {action.name: self._button(action) for action in _BUTTONS}
        self.undo, self.redo = self._button(actions.UNDO), self._button(actions.REDO)
        self.unreject = self._button(actions.UNREJECT)
        self.new = QPushButton("New empty layer of points")
        self.new.setToolTip("For an image whose points you want to mark yourself")
        self.new.clicked.connect(partial(self.attempt, self.add_layer))
        self.discard = QPushButton("Discard")
        self.discard.setToolTip(
            "Remove these recovered points for good: the layer, and the file in which they were kept"
        )
        self.discard.clicked.connect(self._discard)
        self.counts, self.kept = QLabel(), QLabel()
        self._lay_out()

        self._steps = LayerFollower(self, self._count, _COUNT_AFTER_MS, at_once=self._show_steps)
        self._edits = LayerFollower(self, self._count, _COUNT_AFTER_MS)
        self.points.changed.connect(self._follow)
        listen(self, self.viewer.layers.selection.events.active, self._active_changed)
        self._active_changed()
        self._follow(self.points.value)

    @property
    def layer(self) -> Points:
        """The layer that is corrected.

        Raises
        ------
        StmError
            If there is none.
        """
        if self.points.value is None:
            raise StmError("there are no points yet; find impurities, open a table, or begin with a new empty layer")
        return unwrap_proxy(self.points.value)

    def start(self) -> None:
        """Go to the next uncertain point."""
        self._do(actions.NEXT)

    def add_layer(self) -> None:
        """Add an empty layer over the topmost image that is shown."""
        images = [one for one in reversed(self.viewer.layers) if isinstance(one, Image) and is_parent(one)]
        image = next((one for one in images if one.visible), None)
        if image is None:
            raise StmError("there is no image on which points could lie; open a file first")
        none = make_points(np.empty((0, 2)), (1.0, 1.0), source="manual")
        layer = add_points(self.viewer, points_layer(none, image, kind="manual", name=f"points ({image.name})"))
        self.reset_choices()
        self.points.value = layer
        self._do(actions.ADD)

    def reset_choices(self, _event: Any = None) -> None:
        """Offer the layers that there are now; a layer that is gone is let go."""
        super().reset_choices(_event)
        if unwrap_proxy(self.points.value) is not self._layer:
            self._follow(self.points.value)

    @Slot()
    def _count(self) -> None:
        layer = self._layer
        self.counts.setText("" if layer is None else counts_text(layer))
        self.unreject.setEnabled(layer is not None and bool((review_status_of(layer.features) == "rejected").any()))

    def _show_steps(self) -> None:
        history = self._history
        for button in (*self.buttons.values(), self.button):
            button.setEnabled(history is not None)
        undo, redo = (None, None) if history is None else (history.undo_name, history.redo_name)
        for button, action, name in ((self.undo, actions.UNDO, undo), (self.redo, actions.REDO, redo)):
            button.setText(caption(action, name))
            button.setEnabled(name is not None)
        # a long path may be broken after each of its parts, which a line of text is not by itself
        state = "" if self._autosave is None else f"Autosave: {self._autosave.state}"
        self.kept.setText(re.sub(r"([/\\_.-])", "\\1\u200b", state))
        self.discard.setVisible(self._autosave is not None and self._autosave.recovered)

    def _do(self, action: Action) -> None:
        layer = self.layer
        # keys go to the layer that is chosen in the list
        self.viewer.layers.selection.active = layer
        self.set_status(perform(action, self.viewer, layer))

    def _discard(self) -> None:
        layer, autosave = self._layer, self._autosave
        if layer is None or autosave is None:
            return
        autosave.forget()
        self.viewer.layers.remove(layer)
        self.set_status("the recovered points are gone")

    def _active_changed(self, _event: Any = None) -> None:
        active = self.viewer.layers.selection.active
        if isinstance(active, Points):
            self.reset_choices()
            if active in self.points.choices:
                self.points.value = active

    def _follow(self, layer: Points | None) -> None:
        self._steps.release()
        self._edits.release()
        self._layer = self._history = self._autosave = None
        if layer is not None:
            self._layer = layer = unwrap_proxy(layer)
            attach(self.viewer, layer)
            self._history, self._autosave = history_of(layer), autosave_of(self.viewer, layer)
            self._steps.follow(self._history.events.changed, self._autosave.events.changed)
            # whoever shows or hides points, such as the threshold's slider, emits nothing; but they are drawn anew
            self._edits.follow(layer.events.features, layer.events.set_data)
        self._show_steps()
        self._count()

    def _button(self, action: Action) -> QPushButton:
        button = QPushButton(caption(action))
        button.setToolTip(action.tooltip)
        button.clicked.connect(lambda _checked=False: self.attempt(partial(self._do, action)))
        return button

    def _lay_out(self) -> None:
        box = QWidget()
        rows = QGridLayout(box)
        rows.setContentsMargins(0, 0, 0, 0)
        for number, button in enumerate(self.buttons.values()):
            button.setMinimumHeight(34)
            rows.addWidget(button, number // 2, number % 2)
        for number, button in enumerate((self.undo, self.redo), start=len(self.buttons) // 2):
            rows.addWidget(button, number, 0, 1, 2)
        self.body.addWidget(box)
        for label in (self.counts, self.kept):
            label.setWordWrap(True)
            self.body.addWidget(label)
        self.body.addWidget(self.discard)
        self.body.addWidget(self.unreject)
        self.body.addWidget(self.new)


def caption(action: Action, step: str | None = None) -> str:
    """What stands on the button of an action: its name, the step that it is about, and its key.

    Examples
    --------
    >>> caption(actions.ACCEPT), caption(actions.UNREJECT)
    ('Accept (A)', 'Bring rejected points back')
    """
    name = action.name if step is None else f"{action.name}: {step}"
    if not action.keys:
        return name
    portable = action.keys[0].replace("Control", "Ctrl").replace("-", "+").replace("Delete", "Del")
    return f"{name} ({QKeySequence(portable).toString(QKeySequence.SequenceFormat.NativeText)})"


def counts_text(layer: Points) -> str:
    """How many points of each kind a layer has.

    Examples
    --------
    >>> layer = Points([[1, 1], [2, 2]], features={"source": ["model", "manual"], "confidence": [0.4, float("nan")]})
    >>> layer.shown = [False, True]
    >>> counts_text(layer)
    '1 shown: 0 by the model, 1 manual. 1 hidden. 0 accepted, 0 rejected.'
    """
    shown = np.asarray(layer.shown, dtype=bool)
    checked = review_status_of(layer.features)
    source = layer.features.get("source", pd.Series("manual", index=layer.features.index))[shown]
    kinds = [f"{int((source == 'model').sum())} by the model", f"{int((source == 'manual').sum())} manual"]
    reference = int((source == "reference").sum())
    if reference:
        kinds.append(f"{reference} reference")
    rejected = checked == "rejected"
    return (
        f"{int(shown.sum())} shown: {', '.join(kinds)}. {int((~shown & ~rejected.to_numpy()).sum())} hidden. "
        f"{int((checked == 'accepted').sum())} accepted, {int(rejected.sum())} rejected."
    )
