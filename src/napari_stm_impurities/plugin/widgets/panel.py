"""What every widget of the plugin has: a body that scrolls, and below it a button, a bar, Cancel and one line.

The main button is outside the part that scrolls, so that it is in sight at any size of the window.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from magicgui.widgets import ComboBox
from napari.components import ViewerModel
from napari.layers import Image, Layer
from napari.utils.notifications import ErrorNotification, notification_manager, show_error
from qtpy.QtCore import QEvent, Qt, Slot
from qtpy.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton, QScrollArea, QVBoxLayout, QWidget

from ...core.errors import StmError
from ..layers.bias_overlay import show_bias
from ..layers.images import DRAWN_KEY, FINDING_KEY, unwrap_proxy
from .forms import grid, result_label
from .job import Job, one_line


class Panel(QWidget):
    """A widget with a body, one main button, and the work that it starts.

    Parameters
    ----------
    viewer
        The viewer whose layers are offered, and to which results are added.
    action
        What stands on the main button.
    """

    def __init__(self, viewer: ViewerModel, action: str) -> None:
        super().__init__()
        # napari hands widgets a proxy, and through it proxies of layers, which are not the layers themselves
        self.viewer: ViewerModel = unwrap_proxy(viewer)
        self._boxes: dict[ComboBox, Callable[[Any], float] | None] = {}
        self._chosen: set[ComboBox] = set()
        self._job: Job | None = None
        self._done: Callable[[Any], None] | None = None
        self._on_report: Callable[[Any], None] | None = None

        inner = QWidget()
        self.body = QVBoxLayout(inner)
        self.body.setContentsMargins(6, 6, 6, 6)
        self.body.setAlignment(Qt.AlignmentFlag.AlignTop)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)

        self.button = QPushButton(action)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setVisible(False)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setVisible(False)
        self.message = result_label()
        self.button.clicked.connect(self._clicked)
        self.cancel_button.clicked.connect(self.cancel)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 6)
        layout.addWidget(scroll, stretch=1)
        row = QHBoxLayout()
        row.setContentsMargins(6, 0, 6, 0)
        row.addWidget(self.button, stretch=1)
        row.addWidget(self.cancel_button)
        layout.addLayout(row)
        for widget in (self.bar, self.message):
            line = QHBoxLayout()
            line.setContentsMargins(6, 0, 6, 0)
            line.addWidget(widget)
            layout.addLayout(line)
        self.setMinimumWidth(400)  # the longest title of a widget fits
        show_bias(viewer)

    def start(self) -> None:
        """What the main button does; raises StmError for what the person can mend."""
        raise NotImplementedError

    # --- the layers -------------------------------------------------------------------------------------------

    def layer_box(
        self,
        kind: type[Layer],
        label: str,
        tooltip: str,
        *,
        optional: bool = False,
        prefer: Callable[[Any], float] | None = None,
    ) -> ComboBox:
        """A box with the viewer's layers of one kind, the topmost first.

        Parameters
        ----------
        kind
            The class of the layers.
        label, tooltip
            Of the box.
        optional
            Whether it may stay empty.
        prefer
            The layer with the highest value is chosen, the topmost of several, until the person chooses. Without it the
            topmost is chosen, or none where the box may stay empty.
        """

        def choices(_box: Any) -> list[Any]:
            return [
                layer
                for layer in reversed(self.viewer.layers)
                if isinstance(layer, kind) and DRAWN_KEY not in layer.metadata and not _is_score(layer)
            ]

        box = ComboBox(choices=choices, label=label, tooltip=tooltip, nullable=optional, annotation=kind)
        box.null_string = "none"
        self._boxes[box] = prefer
        box.changed.connect(lambda _layer: self._chosen.add(box))
        self._offer(box)
        return box

    def reset_choices(self, _event: Any = None) -> None:
        """Offer the layers that there are now; napari calls this when the list of layers changes."""
        for box in self._boxes:
            self._offer(box)

    def _offer(self, box: ComboBox) -> None:
        by_hand = box in self._chosen
        box.reset_choices()
        layers = [layer for layer in box.choices if layer is not None]
        prefer = self._boxes[box]
        if layers and prefer and not by_hand:
            box.value = max(layers, key=prefer)
        if not by_hand or box.value is None:
            self._chosen.discard(box)

    def add_fields(self, fields: Sequence[Any]) -> QWidget:
        """Put magicgui fields with their labels into the body."""
        box = grid(fields)
        self.body.addWidget(box)
        return box

    # --- the work ---------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether the work that the button started is under way."""
        return self._job is not None

    def run(
        self,
        function: Callable[..., Any],
        *args: Any,
        done: Callable[[Any], None],
        reports: tuple[str, Callable[[Any], None]] | None = None,
        **keywords: Any,
    ) -> Job:
        """Run a long function in a thread, and hand its result to `done` in the main thread.

        Parameters
        ----------
        function
            Called with `args`, `keywords`, ``progress`` and ``should_stop``.
        done
            Called with the result; errors that it raises are shown like those of the function.
        reports
            The name of a callback that the function takes besides, such as ``on_epoch``, and what is called in the main
            thread with each of its values.
        """
        if self._job is not None:
            raise StmError("the last run is still under way; wait for it or cancel it")
        job = Job()
        self._job, self._done, self._on_report = job, done, None
        if reports is not None:
            name, self._on_report = reports
            keywords[name] = job.report
        job.progressed.connect(self._progressed)
        job.reported.connect(self._reported)
        job.returned.connect(self._returned)
        job.failed.connect(self._failed)
        job.stopped.connect(self._stopped)
        self.destroyed.connect(job.stop)
        self._show_running(True)
        job.start(function, *args, **keywords)
        return job

    @Slot()
    def cancel(self) -> None:
        """Ask the running work to stop."""
        if self._job is not None:
            self._job.stop()
            self.cancel_button.setEnabled(False)
            self.set_status("stopping …")

    def set_status(self, text: str) -> None:
        """Show one line below the button."""
        self.message.setText(text)

    def closed(self) -> None:
        """Stop the work; called when the widget is taken out of the window."""
        if self._job is not None:
            self._job.stop()

    def event(self, event: QEvent | None) -> bool:
        """Hear that the widget is taken out of the window."""
        if event is not None and event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.closed()
        return bool(super().event(event))

    def attempt(self, action: Callable[[], None]) -> None:
        """Do what a button asks for, and show it in one line when it cannot be done."""
        try:
            action()
        except StmError as error:
            self._show_error(error)

    @Slot()
    def _clicked(self) -> None:
        self.attempt(self.start)

    @Slot(float, str)
    def _progressed(self, share: float, what: str) -> None:
        if self._job is not None and not self._job.should_stop():
            self.bar.setRange(0, 1000)
            self.bar.setValue(round(1000 * min(max(share, 0.0), 1.0)))
            self.set_status(what)

    @Slot(object)
    def _reported(self, value: object) -> None:
        if self._on_report is not None:
            self._on_report(value)

    @Slot(object)
    def _returned(self, result: object) -> None:
        done = self._done
        self._end()
        if done is not None:
            self.attempt(partial(done, result))

    @Slot(str, object)
    def _failed(self, _line: str, error: Exception) -> None:
        self._end()
        self._show_error(error)

    @Slot()
    def _stopped(self) -> None:
        self._end()
        self.set_status("stopped")

    def _end(self) -> None:
        self._job, self._done = None, None
        self._show_running(False)
        self.set_status("")

    def _show_running(self, running: bool) -> None:
        self.button.setEnabled(not running)
        self.cancel_button.setVisible(running)
        self.cancel_button.setEnabled(running)
        self.bar.setVisible(running)
        self.bar.setRange(0, 0)  # busy, until the first report comes

    def _show_error(self, error: Exception) -> None:
        self.set_status(one_line(error))
        if isinstance(error, StmError):
            show_error(one_line(error))
        else:
            notification_manager.dispatch(ErrorNotification(error))


def _is_score(layer: Layer) -> bool:
    """Whether a layer is the score map of a run: no measurement, so it is offered nowhere as an image."""
    return isinstance(layer, Image) and FINDING_KEY in layer.metadata
