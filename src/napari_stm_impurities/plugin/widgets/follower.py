"""Following what changes in napari from a Qt widget: at once, and again once it has come to rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from napari.layers import Points
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QWidget

#: What of a points layer can change what follows from its points. Hidden points have no event of their own in napari,
#: but `set_data` comes.
POINT_EDITS = ("data", "features", "set_data", "scale", "translate", "rotate", "shear", "affine", "units")


def edits_of(*layers: Points) -> Iterator[Any]:
    """The emitters of each kind of edit of points layers."""
    for layer in layers:
        for name in POINT_EDITS:
            yield getattr(layer.events, name)


class LayerFollower:
    """Follows emitters of napari until others are chosen, it is released, or Qt has deleted the widget.

    Python may keep a widget's object longer than Qt does; nothing is called then any more.

    Parameters
    ----------
    widget
        On whose behalf something is followed.
    at_rest
        Called without arguments, so long after the last of several changes.
    after_ms
        How long, in ms.
    at_once
        Called without arguments at each change.
    while_changing
        Whether `at_rest` is called during a long series of changes too, such as a drag, each time after `after_ms`.
    """

    def __init__(
        self,
        widget: QWidget,
        at_rest: Callable[[], None],
        after_ms: int,
        *,
        at_once: Callable[[], None] | None = None,
        while_changing: bool = False,
    ) -> None:
        self._at_once = at_once
        self._while_changing = while_changing
        self._emitters: list[Any] = []
        self._timer = QTimer(widget)
        self._timer.setSingleShot(True)
        self._timer.setInterval(after_ms)
        self._timer.timeout.connect(at_rest)
        # not a method of the widget: Qt calls no slot of what it is destroying
        widget.destroyed.connect(lambda _gone=None: self.release())

    @property
    def following(self) -> bool:
        """Whether anything is followed."""
        return bool(self._emitters)

    @property
    def waiting(self) -> bool:
        """Whether a change has not come to rest yet."""
        return bool(self._timer.isActive())

    def follow(self, *emitters: Any) -> None:
        """Follow these emitters from now on, and no others."""
        self.release()
        self._emitters = list(emitters)
        for emitter in self._emitters:
            emitter.connect(self.changed)

    def release(self) -> None:
        """Follow nothing any more."""
        for emitter in self._emitters:
            emitter.disconnect(self.changed)
        self._emitters = []
        self.drop_change()

    def drop_change(self) -> None:
        """Forget a change that has not come to rest yet, and follow the next one."""
        self._timer.stop()

    def changed(self, _event: Any = None) -> None:
        """Act as after a change of what is followed."""
        if self._at_once is not None:
            self._at_once()
        if not (self._while_changing and self._timer.isActive()):
            self._timer.start()
