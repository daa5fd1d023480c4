"""Listening to napari from a Qt widget for as long as the widget lives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import QWidget


def listen(widget: QWidget, emitter: Any, callback: Callable[..., Any]) -> None:
    """Connect an emitter of napari to a callback of a widget, until Qt has deleted the widget.

    Python may keep the widget's object longer than Qt does, and a call to it would then fail in the middle of what a
    person does in the window.
    """
    emitter.connect(callback)

    def let_go(_gone: object = None) -> None:
        emitter.disconnect(callback)

    widget.destroyed.connect(let_go)
