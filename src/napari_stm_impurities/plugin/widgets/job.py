"""Long work in a thread, told of in the main thread: progress, result, error, cancel.

The functions of the core take ``progress`` and ``should_stop`` and know no Qt. A :class:`Job` runs one of
them in a worker of napari, hands ``progress`` on as a signal, and answers ``should_stop`` with what the
Cancel button, or napari at closing, has asked for. Its signals arrive in the main thread, where alone the viewer may
be touched.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QObject, Signal, Slot

from ...core.errors import StmError
from ...core.progress import Stopped

#: A progress report more often than this (in seconds) would only keep the window busy.
REPORT_EVERY_S = 0.05

#: While work is under way, Python looks through all of its objects this many times more rarely.
COLLECTED_MORE_RARELY = 100

# jobs are kept until their end has reached the main thread, also when their widget is gone: a Qt object must
# not be deleted by the thread that happens to drop it last
_running: set[Job] = set()


class Job(QObject):
    """One run of a long function in a thread.

    Signals
    -------
    progressed(float, str)
        The share done, 0 to 1, and what is being done.
    returned(object), failed(str, object), stopped()
        One of the three comes at the end: the result, one line and the error, or that it was stopped.
    """

    progressed = Signal(float, str)
    reported = Signal(object)
    returned = Signal(object)
    failed = Signal(str, object)
    stopped = Signal()

    def __init__(self) -> None:
        super().__init__()
        for end in (self.returned, self.failed, self.stopped):
            end.connect(self._ended)
        self._asked_to_stop = threading.Event()
        self._last_report = 0.0
        self._worker: Any = None

    def start(self, function: Callable[..., Any], *args: Any, **keywords: Any) -> None:
        """Call ``function(*args, **keywords, progress=..., should_stop=...)`` in a thread."""

        def run() -> None:
            # every outcome is told by a signal of our own: napari's worker drops a RuntimeError, which
            # torch raises when the memory is full, and tells no result once it was asked to quit
            try:
                with few_full_collections():
                    result = function(*args, **keywords, progress=self._progress, should_stop=self.should_stop)
            except Stopped:
                self.stopped.emit()
            except Exception as error:
                self.failed.emit(one_line(error), error)
            else:
                self.returned.emit(result)

        _running.add(self)
        self._worker = create_worker(run, _start_thread=False)
        self._worker.start()

    @Slot()
    def _ended(self) -> None:
        _running.discard(self)

    @Slot()
    def stop(self) -> None:
        """Ask the work to stop at its next safe place; it goes on until it gets there."""
        self._asked_to_stop.set()

    def should_stop(self) -> bool:
        """Whether anybody, the person or napari at closing, has asked to stop."""
        return self._asked_to_stop.is_set() or (self._worker is not None and self._worker.abort_requested)

    def report(self, value: object) -> None:
        """Hand anything else from the thread to the main thread, as the signal ``reported``."""
        self.reported.emit(value)

    def _progress(self, share: float, what: str) -> None:
        now = time.monotonic()
        if share >= 1 or now - self._last_report >= REPORT_EVERY_S:
            self._last_report = now
            self.progressed.emit(float(share), what)


@contextmanager
def few_full_collections() -> Iterator[None]:
    """Put off Python's full garbage collections while work is under way in a thread.

    With napari and torch loaded, each looks through half a million objects and stops all threads for 0.3 s, the
    window's too; the first training alone loads so many modules that one is due. Young objects are collected as ever.
    """
    with _collecting:
        _before.append(gc.get_threshold())
        young, middle, old = _before[0]
        gc.set_threshold(young, middle, old * COLLECTED_MORE_RARELY)
    try:
        yield
    finally:
        with _collecting:
            # work may go on in several threads; the last one puts back what the first one found
            found = _before[0]
            _before.pop()
            if not _before:
                gc.set_threshold(*found)


_collecting = threading.Lock()
_before: list[tuple[int, int, int]] = []


def one_line(error: Exception) -> str:
    """An error as one line for a person; one that we did not foresee is named by its kind."""
    text = " ".join(str(error).split())
    return text if isinstance(error, StmError) else f"{type(error).__name__}: {text or 'no further word'}"
