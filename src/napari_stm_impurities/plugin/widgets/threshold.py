"""The live threshold: which points of a layer are shown, by their confidence, and what that does to the figures."""

from __future__ import annotations

import weakref

import numpy as np
from magicgui.widgets import FloatSpinBox
from napari.layers import Points
from qtpy.QtCore import Qt, Slot
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from ...analysis.comparison import compare
from ...core.errors import StmError
from ...plots.confidence import confidence_table, mark_threshold, plot_confidence
from ..editing import shown_at
from ..layers.images import THRESHOLD_KEY
from ..layers.points import layer_points
from ..plots.canvas import PlotCanvas
from .follower import LayerFollower
from .forms import grid, result_label
from .panel import Panel

#: How many steps the slider has between 0 and 1.
STEPS = 1000
#: After so long without a further step or edit the histogram and the figures are brought up to date, in ms.
_SETTLE_AFTER_MS = 50
_HISTOGRAM_PX = 120


class Threshold(QWidget):
    """A slider from 0 to 1 that shows and hides the points of a layer at once, before a histogram of confidences.

    Manual and reference points, which have no confidence, are never hidden, nor are those that a person accepted;
    rejected ones never come back.

    Parameters
    ----------
    panel
        The panel that the widget stands in; it keeps the two boxes up to date.
    """

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self.points = panel.layer_box(
            Points, "Points", "Whose confidence the slider below shows and hides points by", prefer=_has_confidence
        )
        self.reference = panel.layer_box(
            Points, "Reference", "Known positions: recall, precision and F1 follow the slider", optional=True
        )
        self.value = 0.0
        self._layer: weakref.ref[Points] | None = None
        self._truth: weakref.ref[Points] | None = None
        self.histogram = PlotCanvas("confidence", height_px=_HISTOGRAM_PX, draw_mark=mark_threshold, movable=True)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, STEPS)
        self.slider.setPageStep(STEPS // 20)
        self.number = FloatSpinBox(min=0.0, max=1.0, step=0.01, value=0.0)
        self.number.native.setDecimals(3)
        self.number.native.setKeyboardTracking(False)
        self.number.native.setMinimumWidth(110)  # all decimals between the two buttons
        tip = "Points with less confidence are hidden: not saved, not compared. Nothing is lost; move it back"
        for part in (self.histogram, self.slider, self.number.native):
            part.setToolTip(tip)
        self.figures = result_label()
        self.figures.setVisible(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(grid([self.points]))
        self._inside = QWidget()
        column.addWidget(self._inside)
        inside = QVBoxLayout(self._inside)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.histogram)
        inside.addWidget(self.slider)
        row = QHBoxLayout()
        row.addWidget(QLabel("Confidence from"))
        row.addWidget(self.number.native)
        self.count = QLabel()
        row.addWidget(self.count, stretch=1)
        inside.addLayout(row)
        inside.addWidget(grid([self.reference]))
        inside.addWidget(self.figures)

        self._edits = LayerFollower(self, self._settle_edit, _SETTLE_AFTER_MS, at_once=self._count)
        self._steps = LayerFollower(self, self._settle, _SETTLE_AFTER_MS)
        self.histogram.moved.connect(self.set_value)
        self.slider.valueChanged.connect(self._slid)
        self.number.changed.connect(self.set_value)
        self.points.changed.connect(self._choose)
        self.reference.changed.connect(self._choose_reference)
        self._choose(self.points.value)

    @property
    def layer(self) -> Points | None:
        """The layer whose points are shown and hidden; None where there is none with a confidence."""
        return None if self._layer is None else self._layer()

    @Slot(float)
    def set_value(self, value: float) -> None:
        """Show the points from a confidence on, 0 to 1, at once."""
        self.value = float(np.clip(value, 0, 1))
        self._put_controls()
        layer = self.layer
        if layer is None:
            return
        layer.metadata[THRESHOLD_KEY] = self.value
        shown = shown_at(layer.features, self.value)
        # napari draws all points anew for each assignment, so one that changes nothing is left out
        if not np.array_equal(shown, layer.shown):
            layer.shown = shown
        self._count()
        self._steps.changed()

    def choose(self, layer: Points) -> None:
        """Turn to a layer, such as the newest result."""
        self.points.reset_choices()
        self.points.value = layer
        self._choose(layer)

    def follow(self) -> None:
        """Turn to the layers that the two boxes hold now; a box that was emptied does not tell by itself."""
        self._choose(self.points.value)
        self._compare()

    def _choose(self, layer: Points | None) -> None:
        self._listen(layer if layer is not None and _has_confidence(layer) else None, self.reference.value)
        chosen = self.layer
        self._inside.setVisible(chosen is not None)
        self.setVisible(any(_has_confidence(one) for one in self.points.choices))
        if chosen is None:
            return
        # a layer that was read from a file shows all its points until somebody moves the slider
        self.value = float(chosen.metadata.get(THRESHOLD_KEY, 0.0))
        self._put_controls()
        self._count()
        self._show_histogram()
        self._steps.changed()

    def _choose_reference(self, layer: Points | None) -> None:
        self._listen(self.layer, layer)
        self._edits.changed()

    def _listen(self, layer: Points | None, truth: Points | None) -> None:
        followed = {id(one): one for one in (layer, truth) if one is not None}.values()
        self._edits.follow(*(emitter for one in followed for emitter in (one.events.data, one.events.features)))
        self._layer = None if layer is None else weakref.ref(layer)
        self._truth = None if truth is None else weakref.ref(truth)

    def _slid(self, step: int) -> None:
        self.set_value(step / STEPS)

    def _put_controls(self) -> None:
        """Show the value everywhere, without hearing of it again: the slider rounds, the value does not."""
        blocked = self.slider.blockSignals(True)
        self.slider.setValue(round(STEPS * self.value))
        self.slider.blockSignals(blocked)
        with self.number.changed.blocked():
            self.number.value = self.value
        self.histogram.mark(self.value)

    def _count(self) -> None:
        layer = self.layer
        if layer is not None:
            self.count.setText(f"{int(np.count_nonzero(layer.shown))} of {len(layer.data)} points")

    @Slot()
    def _settle(self) -> None:
        self._count()  # a rejected point is hidden after its features have told that they changed
        self._compare()

    @Slot()
    def _settle_edit(self) -> None:
        """Follow an edit: other confidences, other points."""
        self._show_histogram()
        self._settle()

    def _show_histogram(self) -> None:
        layer = self.layer
        if layer is not None and _has_confidence(layer):
            confidence = layer.features["confidence"].to_numpy(dtype=float)
            self.histogram.show_plot(plot_confidence, confidence_table, confidence)

    def _compare(self) -> None:
        """Hold what is shown against the reference."""
        layer, truth = self.layer, None if self._truth is None else self._truth()
        self.figures.setVisible(layer is not None and truth is not None)
        if layer is None or truth is None:
            return
        if truth is layer:
            self.figures.setText("The points and the reference are the same layer; choose another reference.")
            return
        try:
            report = compare(layer_points(layer), layer_points(truth))
        except StmError as error:
            self.figures.setText(str(error))
            return
        self.figures.setText(
            f"recall {report.recall:.3f} · precision {report.precision:.3f} · F1 {report.f1:.3f}"
            f" (within {report.tolerance_nm:g} nm)"
        )


def _has_confidence(layer: Points) -> float:
    """Whether the points of a layer have a confidence, as 1 or 0."""
    return float("confidence" in layer.features and bool(layer.features["confidence"].notna().any()))
