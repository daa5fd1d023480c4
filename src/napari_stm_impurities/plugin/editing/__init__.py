"""Correcting points: marks, undo and redo, keys, snapping, autosave; for any points layer of napari."""

from .add import add_points
from .attach import attach, follow
from .autosave import autosave_of, points_saved
from .history import PointsHistory, history_of
from .marking import accept, reject, shown_at, unreject
from .replace import merge_run, put_table

__all__ = [
    "PointsHistory",
    "accept",
    "add_points",
    "attach",
    "autosave_of",
    "follow",
    "history_of",
    "merge_run",
    "points_saved",
    "put_table",
    "reject",
    "shown_at",
    "unreject",
]
