"""Corrected points are kept on the disk while they are edited, and offered back after a crash.

All points are written, whole, :data:`EVERY_S` after the first edit, in a thread: a person who drags points never waits
for the disk, and a crash costs no more than that. Saving the points in the usual way removes the file; nothing else
does, but :meth:`Autosave.forget`. Each file belongs to one layer, and no other layer writes to it.
"""

from __future__ import annotations

import time
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from napari.components import ViewerModel
from napari.layers import Layer, Points
from napari.utils.events import EmitterGroup
from numpy.typing import ArrayLike

from ...core.errors import StmError
from ..preferences import preferences
from .autosave_paths import free_at, parent_image, place_of_file, places_of
from .autosave_timer import wake
from .history import history_of
from .snapshot_table import kept_table, write_table

#: The time between an edit and its being written, in seconds; further edits meanwhile are written with it.
EVERY_S = 2.0

# one thread for all: two writes never meet, and Python waits for it when it ends
_pen = ThreadPoolExecutor(max_workers=1, thread_name_prefix="stm-autosave")


class Autosave:
    """Keeps the points of one layer; get it with :func:`autosave_of`.

    Parameters
    ----------
    viewer, layer
        The layer and where it is; neither is kept alive.

    Attributes
    ----------
    path
        Where the points are kept; None before the first time, and after they were saved.
    recovered
        Whether they were kept in an earlier session and have not been saved since.
    events
        ``changed`` when :attr:`state` has.
    """

    def __init__(self, viewer: ViewerModel, layer: Points) -> None:
        self._viewer = weakref.ref(viewer)
        self._layer = weakref.ref(layer)
        self.path: Path | None = None
        self.recovered = False
        self._written: datetime | None = None
        self._problem = ""
        self._due: float | None = None
        self._writing: Future[Path] | None = None
        self.events = EmitterGroup(source=self, changed=None)
        history_of(layer).events.changed.connect(self._edited)

    @property
    def state(self) -> str:
        """One line on what is kept where."""
        if not preferences().autosave:
            return "off (Preferences > STM impurities)"
        if self._problem:
            return f"not kept: {self._problem}"
        if self.path is not None and self._written is not None:
            home = Path.home()
            path = Path("~", self.path.relative_to(home)) if self.path.is_relative_to(home) else self.path
            return f"kept {self._written:%H:%M:%S} in {path}"
        return "about to be kept" if self.waits else "nothing to keep"

    @property
    def waits(self) -> bool:
        """Whether something is about to be written."""
        return self._due is not None or self._writing is not None

    def take_over(self, path: Path) -> None:
        """Go on with a file whose points the layer has, under a name that no other process writes to."""
        new = free_at(place_of_file(path), taken_paths())
        try:
            path.replace(new)
        except OSError:  # a folder that can only be read
            new = path
        self.path, self._written, self.recovered = new, datetime.now(), True
        self.events.changed()

    def flush(self) -> None:
        """Write what is waiting to be written, and wait until it is."""
        if self._writing is not None:
            self._settle(self._writing)
        if self._due is not None:
            self._begin()
        if self._writing is not None:
            self._settle(self._writing)

    def forget(self) -> None:
        """Remove what is kept: the points have been saved, or nobody wants them."""
        self._due = None
        self.flush()
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        self.path = self._written = None
        self._problem, self.recovered = "", False
        self.events.changed()

    def release(self) -> None:
        """Write what waits to be written and leave the file: the layer has been taken out of its viewer."""
        self.flush()
        self.path = self._written = None

    def look(self) -> None:
        """Begin to write when it is time, and see how far it is; called every now and then in the main thread."""
        if self._writing is not None:
            if self._writing.done():
                self._settle(self._writing)
        elif self._due is not None and time.monotonic() >= self._due:
            self._begin()

    def _edited(self, _event: object = None) -> None:
        if preferences().autosave and self._due is None:
            self._due = time.monotonic() + EVERY_S
            wake(look_at_all, flush_all)
            self.events.changed()

    def _begin(self) -> None:
        self._due = None
        layer, viewer = self._layer(), self._viewer()
        if layer is None or viewer is None:
            return
        parent = parent_image(viewer, layer)
        if self.path is not None:
            paths = [self.path]
        elif parent is not None:
            taken = taken_paths()
            paths = [free_at(place, taken) for place in places_of(parent)]
        else:
            self._problem = "there is no image to which these points belong"
            self.events.changed()
            return
        self._writing = _pen.submit(write_first, kept_table(layer, parent), paths)

    def _settle(self, writing: Future[Path]) -> None:
        self._writing = None
        try:
            self.path = writing.result()
        except StmError as error:
            self._problem = str(error)
        else:
            self._written, self._problem = datetime.now(), ""
        self.events.changed()


def write_first(table: pd.DataFrame, paths: list[Path]) -> Path:
    """Write a table at the first of several paths that can be written to.

    Raises
    ------
    StmError
        If none can.
    """
    for path in paths[:-1]:
        try:
            return write_table(table, path)
        except (StmError, OSError):
            continue
    try:
        return write_table(table, paths[-1])
    except OSError as error:
        raise StmError(f"{paths[-1]}: cannot be written ({error.strerror})") from error


_autosaves: weakref.WeakKeyDictionary[Layer, Autosave] = weakref.WeakKeyDictionary()


def autosave_of(viewer: ViewerModel, layer: Points) -> Autosave:
    """What keeps the points of a layer; it begins when it is first asked for."""
    if layer not in _autosaves:
        _autosaves[layer] = Autosave(viewer, layer)
    return _autosaves[layer]


def taken_paths() -> set[Path]:
    """The files that belong to the layers that there are."""
    return {one.path for one in _autosaves.values() if one.path is not None}


def points_saved(name: str, data: ArrayLike) -> None:
    """Forget what is kept of a layer that a person has saved, told by its name and its points."""
    for layer, autosave in list(_autosaves.items()):
        if layer.name == name and np.array_equal(layer.data, np.asarray(data)):
            autosave.forget()


def look_at_all() -> bool:
    """Let each layer write when it is time, and say whether any of them still waits."""
    for autosave in list(_autosaves.values()):
        autosave.look()
    return any(autosave.waits for autosave in _autosaves.values())


def flush_all() -> None:
    """Write everything that waits; called when napari ends."""
    for autosave in list(_autosaves.values()):
        autosave.flush()
