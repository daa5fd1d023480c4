"""The colours and the text size of the window, given to what matplotlib draws in it.

matplotlib's own styles are global, and reports are drawn in other threads at the same time; so the artists are changed.
"""

from __future__ import annotations

from collections.abc import Iterable

from matplotlib import rcParams
from matplotlib.artist import Artist
from matplotlib.colors import same_color
from matplotlib.figure import Figure
from matplotlib.text import Text
from qtpy.QtGui import QFontInfo, QPalette
from qtpy.QtWidgets import QWidget

#: Of the text of a plot to that of the window.
_TEXT_SHARE = 0.9
_POINTS_PER_INCH = 72


def apply_theme(drawn: Figure | Iterable[Artist], widget: QWidget) -> None:
    """Give a figure, or single artists, the background, the foreground and the text size of a widget.

    What was drawn in a colour of its own keeps it.
    """
    palette = widget.palette()
    background, foreground = (
        palette.color(role).name() for role in (QPalette.ColorRole.Window, QPalette.ColorRole.WindowText)
    )
    points = _TEXT_SHARE * QFontInfo(widget.font()).pixelSize() * _POINTS_PER_INCH / widget.logicalDpiY()
    if isinstance(drawn, Figure):
        drawn.set_facecolor(background)
        texts = []
        for axes in drawn.axes:
            axes.set_facecolor(background)
            axes.tick_params(colors=foreground, labelsize=points)
            for spine in axes.spines.values():
                spine.set_edgecolor(foreground)
            # not all that findobj finds: it would make each tick, to throw most of them away
            texts += [axes.title, *axes.texts]
            for axis in (axes.xaxis, axes.yaxis):
                texts += [axis.label, axis.get_offset_text()]
            legend = axes.get_legend()
            if legend is not None:
                texts += legend.get_texts()
    else:
        texts = [artist for artist in drawn if isinstance(artist, Text)]
    for text in texts:
        text.set_fontsize(points)
        if same_color(text.get_color(), rcParams["text.color"]):
            text.set_color(foreground)
