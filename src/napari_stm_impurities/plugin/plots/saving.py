"""What the menu of a plot does: save the picture, save the data, copy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from napari.utils.notifications import show_error, show_info
from qtpy.QtGui import QAction, QGuiApplication, QImage
from qtpy.QtWidgets import QFileDialog, QMenu, QWidget

from ...core.errors import StmError
from ...core.files import written_whole
from ...plots.figures import save_figure
from ..widgets.job import one_line

PICTURE_KINDS = ("png", "svg", "pdf")
DATA_KIND = "csv"


def plot_menu(parent: QWidget, name: str, picture: Callable[[], Figure], table: Callable[[], pd.DataFrame]) -> QMenu:
    """A menu that saves and copies a plot.

    Parameters
    ----------
    parent
        The widget of the plot.
    name
        Of the file that is offered.
    picture, table
        Called when they are wanted; a StmError that they raise is shown in one line.
    """
    menu = QMenu(parent)

    def add(text: str, action: Callable[[], None]) -> None:
        entry = QAction(text, menu)
        entry.triggered.connect(lambda _checked=False: _attempt(action))
        menu.addAction(entry)

    def save(kind: str) -> None:
        path = ask_path(parent, name, kind)
        if path is None:
            return
        if kind == DATA_KIND:
            with written_whole(path) as temporary:
                table().to_csv(temporary, index=False)
        else:
            save_figure(picture(), path)
        show_info(f"saved as {path}")

    for kind in PICTURE_KINDS:
        add(f"Save as {kind.upper()} …", partial(save, kind))
    add(f"Save data as {DATA_KIND.upper()} …", partial(save, DATA_KIND))
    add("Copy", lambda: copy_image(image_of(picture())))
    return menu


def ask_path(parent: QWidget, name: str, kind: str) -> Path | None:
    """The path that the person chooses for a file of a kind, with its ending; None when they cancel.

    Raises
    ------
    StmError
        If the ending had to be added and such a file exists: the dialog has not asked whether to replace it.
    """
    chosen, _ = QFileDialog.getSaveFileName(parent, "Save the plot", f"{name}.{kind}", f"{kind.upper()} (*.{kind})")
    if not chosen:
        return None
    if chosen.lower().endswith(f".{kind}"):
        return Path(chosen)
    path = Path(f"{chosen}.{kind}")
    if path.exists():
        raise StmError(f"{path}: this file exists; choose it by its whole name to replace it")
    return path


def copy_image(image: QImage) -> None:
    """Put an image where other programs can paste it."""
    clipboard = QGuiApplication.clipboard()
    if clipboard is not None:
        clipboard.setImage(image)


def image_of(figure: Figure) -> QImage:
    """A figure as pixels."""
    canvas = cast(FigureCanvasAgg, figure.canvas)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())
    height, width = pixels.shape[:2]
    # a copy, since the pixels go with this function
    return QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()


def _attempt(action: Callable[[], None]) -> None:
    try:
        action()
    except (StmError, OSError) as error:  # a full disk is no StmError
        show_error(one_line(error))
