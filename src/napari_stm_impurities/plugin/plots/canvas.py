"""The widget in which every plot of the plugin is drawn: matplotlib on Qt, in the colours of the window.

Nothing is drawn before the widget is in sight. What moves with a slider is drawn over a picture of the rest, so that a
step of the slider does not draw axes and curves again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure
from qtpy.QtCore import QEvent, QSize, Qt, Signal
from qtpy.QtGui import QContextMenuEvent, QMouseEvent, QPaintEvent, QPalette, QResizeEvent, QWheelEvent
from qtpy.QtWidgets import QToolButton

from ...core.errors import StmError
from ...plots.elements import legend_above
from ...plots.figures import empty_figure
from .saving import plot_menu
from .theme import apply_theme

Draw = Callable[..., None]
Table = Callable[..., pd.DataFrame]
#: Draws what moves, at a value of the axis below, and returns all of it.
DrawMark = Callable[[Axes, float], Sequence[Artist]]

#: Room for the button in the corner, and for one line of a legend above the axes, in pixels.
_BUTTON_PX = 20


class Margins(NamedTuple):
    """Room around the axes in pixels; plots below each other with the same sides are aligned."""

    left: int = 58
    right: int = 26
    top: int = 22
    bottom: int = 38


#: With room for a second axis at the right.
TWO_SIDED = Margins(right=58)


class PlotCanvas(FigureCanvasQTAgg):
    """A plot that can be saved and copied, from its button and its context menu.

    Parameters
    ----------
    name
        Of the file that is offered when the plot is saved.
    height_px
        Of the widget.
    margins
        Around the axes.
    draw_mark
        Draws what :meth:`mark` moves.
    movable
        Whether the mouse moves the mark; each move is announced by the signal `moved`.

    Signals
    -------
    moved(float)
        The value under the mouse, between the two ends of the axis.
    """

    moved = Signal(float)

    def __init__(
        self,
        name: str,
        *,
        height_px: int = 180,
        margins: Margins = Margins(),  # noqa: B008  # it cannot change
        draw_mark: DrawMark | None = None,
        movable: bool = False,
    ) -> None:
        super().__init__(Figure())
        self.marked: float | None = None
        self._height_px, self._margins, self._movable = height_px, margins, movable
        self._draw_mark = draw_mark
        self._content: tuple[Draw, Table, tuple[Any, ...]] | None = None
        self._axes: Axes | None = None
        self._drawn = self._mark_drawn = False
        self._without_mark: Any = None
        self.figure.set_dpi(self.logicalDpiY())
        self.setPalette(QPalette())  # that of the window, in place of matplotlib's white one
        self.setMinimumHeight(height_px)
        if movable:
            self.setCursor(Qt.CursorShape.SizeHorCursor)
        self.menu = plot_menu(self, name, self.picture, self.data_table)
        self.menu_button = QToolButton(self)
        self.menu_button.setText("⋮")
        self.menu_button.setAutoRaise(True)
        self.menu_button.setToolTip("Save this plot as PNG, SVG or PDF, save its data as CSV, or copy it")
        self.menu_button.setAccessibleName(f"Save or copy: {name}")
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu_button.setMenu(self.menu)
        self.menu_button.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        self.menu_button.resize(_BUTTON_PX, _BUTTON_PX)

    def show_plot(self, draw: Draw, table: Table, *values: Any) -> None:
        """Show another plot.

        Parameters
        ----------
        draw
            Called with axes and `values` when the widget is in sight, and again when the plot is saved.
        table
            Called with `values` when the data are saved.
        values
            What is plotted; it must not change afterwards.
        """
        self._content = (draw, table, values)
        self._axes = None
        self.draw_idle()

    def mark(self, value: float | None) -> None:
        """Move the mark to a value; with None there is none."""
        self.marked = value
        self._mark_drawn = False
        self.update()

    @property
    def axes(self) -> Axes:
        """The axes with the plot, drawn now where the widget has not yet been in sight."""
        if self._axes is None:
            for axes in self.figure.axes:  # clear() would first empty them, which takes as long as to fill them
                self.figure.delaxes(axes)
            self._axes = self.figure.add_subplot()
            self._plot_on(self._axes)
            self._set_margins()
            apply_theme(self.figure, self)
        return self._axes

    def data_table(self) -> pd.DataFrame:
        """The data of the plot, with units in the column names.

        Raises
        ------
        StmError
            If nothing is plotted yet.
        """
        _, table, values = self._plotted()
        return table(*values)

    def picture(self) -> Figure:
        """The plot with its mark as a figure of its own, black on white, for paper.

        Raises
        ------
        StmError
            If nothing is plotted yet.
        """
        self._plotted()
        figure, axes = empty_figure()
        self._plot_on(axes)
        if self._mark_on(axes):
            legend_above(axes)
        return figure

    def x_of(self, value: float) -> float:
        """Where a value of the axis below stands, in pixels from the widget's left edge."""
        return float(self.axes.transData.transform((value, 0.0))[0]) / self.device_pixel_ratio

    def _plotted(self) -> tuple[Draw, Table, tuple[Any, ...]]:
        if self._content is None:
            raise StmError("nothing is plotted yet")
        return self._content

    # --- drawing ----------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Draw everything."""
        axes = self.axes
        super().draw()
        self._without_mark = self.copy_from_bbox(self.figure.bbox)
        self._drawn = True
        self._mark_over(axes)

    def draw_idle(self) -> None:
        """Draw everything when the widget is painted next."""
        self._drawn = False
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what has changed since, and show it."""
        if not self._drawn:
            self.draw()
        elif not self._mark_drawn:
            self.restore_region(self._without_mark)
            self._mark_over(self.axes)
        super().paintEvent(event)

    def _plot_on(self, axes: Axes) -> None:
        if self._content is not None:
            draw, _, values = self._content
            draw(axes, *values)

    def _mark_on(self, axes: Axes) -> Sequence[Artist]:
        if self._draw_mark is None or self.marked is None or self._content is None:
            return []
        return self._draw_mark(axes, self.marked)

    def _mark_over(self, axes: Axes) -> None:
        """Draw the mark over the picture of the rest; it does not stay part of the figure."""
        drawn = self._mark_on(axes)
        if drawn:
            apply_theme(drawn, self)
        for artist in drawn:
            axes.draw_artist(artist)
            artist.remove()
        self._mark_drawn = True

    def _set_margins(self) -> None:
        margins, width, height = self._margins, max(self.width(), 1), max(self.height(), 1)
        left, right = margins.left / width, 1 - margins.right / width
        bottom, top = margins.bottom / height, 1 - margins.top / height
        if left < right and bottom < top:  # a widget that was never laid out has no room
            self.figure.subplots_adjust(left, bottom, right, top)

    # --- events of Qt -----------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """As wide as the panel, and as high as asked for."""
        return QSize(self.minimumWidth(), self._height_px)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the margins, and the button in the corner."""
        super().resizeEvent(event)
        self.menu_button.move(self.width() - _BUTTON_PX - 1, 1)
        self._set_margins()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the colours of the window."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self._axes = None
            self.draw_idle()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer to save and copy."""
        self.menu.popup(event.globalPos())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the panel, which scrolls."""
        event.ignore()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Put the mark under the mouse."""
        self._move_mark(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Let the mark follow the mouse while a button is held."""
        self._move_mark(event)

    def _move_mark(self, event: QMouseEvent) -> None:
        if not self._movable or not event.buttons() & Qt.MouseButton.LeftButton:
            event.ignore()
            return
        low, high = self.axes.get_xlim()
        x = event.position().x() * self.device_pixel_ratio
        value = float(self.axes.transData.inverted().transform((x, 0.0))[0])
        self.mark(min(max(value, low), high))
        self.moved.emit(self.marked)
