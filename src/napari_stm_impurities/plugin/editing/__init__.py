"""Correcting points: marks, undo and redo, keys, snapping, autosave; for any points layer of napari."""

from .attach import attach, follow
from .history import PointsHistory, history_of
from .marking import accept, reject, shown_at, unreject
from .replace import merge_run, put_table

__all__ = [
    "PointsHistory",
    "accept",
    "attach",
    "follow",
    "history_of",
    "merge_run",
    "put_table",
    "reject",
    "shown_at",
    "unreject",
]
