"""Figures that need no display, and picture files. No global state of matplotlib is changed."""

from __future__ import annotations

import os
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..core.errors import StmError
from ..core.files import written_whole

#: The width of two columns of text, in inches, and a resolution for print.
_WIDTH_INCHES, _DPI = 6.0, 150
#: The height of a plot of curves, in inches.
HEIGHT_INCHES = 4.2


def empty_figure(height_inches: float = HEIGHT_INCHES) -> tuple[Figure, Axes]:
    """A figure 6 inches wide, and its empty axes; it needs no display."""
    figure = Figure(figsize=(_WIDTH_INCHES, height_inches), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure in the format of the suffix (complete or not at all) and return the path.

    Raises
    ------
    StmError
        If the kind of picture is not known, or it cannot be written there.
    """
    path = Path(path)
    kinds = figure.canvas.get_supported_filetypes()
    if path.suffix.lower().removeprefix(".") not in kinds:
        raise StmError(f"{path}: a picture ends in .png, .pdf or .svg; {path.suffix or 'no ending'} is not known")
    with written_whole(path) as temporary:
        figure.savefig(temporary)
    return path
