"""Progress reports and cancellation of long work: two callables, without a GUI.

Every long function of this package takes ``progress`` and ``should_stop``. The command line gives
a progress bar and Ctrl-C, a widget its progress bar and Cancel button; a script may pass neither.
"""

from __future__ import annotations

from collections.abc import Callable

#: Progress callback, called with the share done (0 to 1) and the name of the current step.
Progress = Callable[[float, str], None]

#: Cancellation check, called between steps; when it returns True the work raises :class:`Stopped`.
ShouldStop = Callable[[], bool]


class Stopped(Exception):
    """The work was cancelled by the user; no incomplete file is left."""


def silent(_share: float, _step: str) -> None:
    """Ignore the progress (default callback)."""


def never() -> bool:
    """Return False: never cancel (default check)."""
    return False
