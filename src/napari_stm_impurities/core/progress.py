"""How long work talks to whoever started it: two callables, and no GUI.

Every long function of this package takes ``progress`` and ``should_stop``. The command line gives
a bar and Ctrl-C, a widget gives its own bar and its Cancel button, and a script gives nothing.
"""

from __future__ import annotations

from collections.abc import Callable

#: Called with the share done (0 to 1) and a few words on what is being done.
Progress = Callable[[float, str], None]

#: Asked between steps; once it answers True the work stops at the next safe place.
ShouldStop = Callable[[], bool]


class Stopped(Exception):
    """The work was stopped by the person who started it; nothing half-done is left behind."""


def silent(_share: float, _what: str) -> None:
    """Report to nobody."""


def never() -> bool:
    """Never ask to stop."""
    return False
