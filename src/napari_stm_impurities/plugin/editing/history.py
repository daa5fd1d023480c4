"""Undo and redo of everything that a person does to the points of a layer."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Layer, Points
from napari.layers.base import ActionType
from napari.utils.events import EmitterGroup

from .marking import mark_manual
from .state import PointsState, put_state, take_state

#: How many steps can be undone.
DEPTH = 200

_BEGINS = {ActionType.ADDING: "add", ActionType.REMOVING: "delete", ActionType.CHANGING: "move"}
_ENDS = {ActionType.ADDED, ActionType.REMOVED, ActionType.CHANGED}


@dataclass(frozen=True)
class Step:
    """One thing that was done: its name, and the state of the layer on the other side of it."""

    what: str
    state: PointsState


class PointsHistory:
    """The steps that led to a layer's points; get it with :func:`history_of`.

    What a person does with napari's own mouse and keys is recorded by itself, and marked as theirs; a drag is one step.
    Code says what it is about to do, with :meth:`record` or around the change with :meth:`change`.

    Parameters
    ----------
    layer
        The layer; it is not kept alive.

    Attributes
    ----------
    events
        ``changed`` after each step, undone, redone or new.
    """

    def __init__(self, layer: Points) -> None:
        self._layer = weakref.ref(layer)
        self._done: deque[Step] = deque(maxlen=DEPTH)
        self._undone: list[Step] = []
        self._code_at_work = 0
        self.events = EmitterGroup(source=self, changed=None)
        layer.events.data.connect(self._on_data)

    @property
    def layer(self) -> Points:
        """The layer.

        Raises
        ------
        ReferenceError
            If it is gone.
        """
        layer = self._layer()
        if layer is None:
            raise ReferenceError("the layer of this history is gone")
        return layer

    @property
    def undo_name(self) -> str | None:
        """What an undo takes back, None where there is nothing."""
        return self._done[-1].what if self._done else None

    @property
    def redo_name(self) -> str | None:
        """What a redo does again, None where there is nothing."""
        return self._undone[-1].what if self._undone else None

    def __len__(self) -> int:
        return len(self._done)

    def record(self, what: str) -> None:
        """Record a step; called before the change.

        Parameters
        ----------
        what
            Its name, such as "find again".
        """
        before = self._done[-1].state if self._done else None
        self._done.append(Step(what, take_state(self.layer, before)))
        self._undone.clear()

    @contextmanager
    def change(self, what: str) -> Iterator[None]:
        """Record whatever code does inside as one step, without marking it as a person's; an error undoes it."""
        undone = list(self._undone)
        self.record(what)
        try:
            with self._alone():
                yield
        except BaseException:
            with self._alone():
                put_state(self.layer, self._done.pop().state)
            self._undone = undone
            raise
        self.events.changed()

    def undo(self) -> str | None:
        """Take the last step back, and give its name."""
        if not self._done:
            return None
        step = self._done.pop()
        self._undone.append(Step(step.what, take_state(self.layer, step.state)))
        return self._put(step)

    def redo(self) -> str | None:
        """Do the step that was undone last again, and give its name."""
        if not self._undone:
            return None
        step = self._undone.pop()
        self._done.append(Step(step.what, take_state(self.layer, step.state)))
        return self._put(step)

    def _put(self, step: Step) -> str:
        with self._alone():
            put_state(self.layer, step.state)
        self.events.changed()
        return step.what

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._code_at_work += 1
        try:
            yield
        finally:
            self._code_at_work -= 1

    def _on_data(self, event: Any) -> None:
        """Record what napari is about to do, and mark what it has done."""
        if self._code_at_work:
            return
        if event.action in _BEGINS:
            self.record(f"{_BEGINS[event.action]} {n_points_text(len(event.data_indices))}")
        elif event.action in _ENDS:
            with self._alone():
                self._mark(event)
            self.events.changed()

    def _mark(self, event: Any) -> None:
        layer = self.layer
        before = self._done[-1].state.data if self._done else np.empty((0, layer.ndim))
        rows = np.asarray(event.data_indices, dtype=np.intp) % max(len(layer.data), 1)
        if event.action == ActionType.ADDED:
            mark_manual(layer, rows)
        elif event.action == ActionType.CHANGED:
            # whoever sets all of a layer's data has not moved all of its points
            old = rows < len(before)
            old[old] = (before[rows[old]] == np.asarray(layer.data)[rows[old]]).all(axis=1)
            mark_manual(layer, rows[~old])


# keyed by the layer itself, which napari tells from others by identity
_histories: weakref.WeakKeyDictionary[Layer, PointsHistory] = weakref.WeakKeyDictionary()


def history_of(layer: Points) -> PointsHistory:
    """The history of a points layer; it begins when it is first asked for, and is gone with the layer."""
    if layer not in _histories:
        _histories[layer] = PointsHistory(layer)
    return _histories[layer]


def n_points_text(n: int) -> str:
    """A number of points, in words.

    Examples
    --------
    >>> n_points_text(1), n_points_text(3)
    ('1 point', '3 points')
    """
    return "1 point" if n == 1 else f"{n} points"
