"""A clock that goes as long as something waits to be written, and the end of napari."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer, Slot
from qtpy.QtWidgets import QApplication

#: How often the clock asks, in ms.
TICK_MS = 200

_clocks: list[Clock] = []


class Clock(QObject):
    """Asks in the main thread, again and again, until nothing waits any more."""

    def __init__(self, ask: Callable[[], bool], at_end: Callable[[], None]) -> None:
        super().__init__()
        self._ask, self._at_end = ask, at_end
        self.timer = QTimer(self)
        self.timer.setInterval(TICK_MS)
        self.timer.timeout.connect(self._tick)

    @Slot()
    def _tick(self) -> None:
        if not self._ask():
            self.timer.stop()

    @Slot()
    def end(self) -> None:
        """Do what is left, when napari ends."""
        self.timer.stop()
        self._at_end()


def wake(ask: Callable[[], bool], at_end: Callable[[], None]) -> None:
    """Start the one clock, in the main thread; without Qt, as in a script, there is none.

    Parameters
    ----------
    ask
        Called with each tick; the clock stops when it says that nothing waits.
    at_end
        Called once, when napari ends.
    """
    app = QApplication.instance()
    if app is None:
        return
    if not _clocks:
        _clocks.append(Clock(ask, at_end))
        app.aboutToQuit.connect(_clocks[0].end)
    if not _clocks[0].timer.isActive():
        _clocks[0].timer.start()
