"""A small histogram, painted by Qt alone, with a line that marks a value and that the mouse may move."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from qtpy.QtCore import QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QWidget

from .curves import COLOURS

#: Room for one line of text above and below the frame, in pixels.
_LINE_PX = 18
_GREY = QColor("#808080")


class Histogram(QWidget):
    """How many values lie where, and a vertical line at one value.

    Parameters
    ----------
    movable
        Whether the mouse moves the line; each move is told by the signal `moved`.

    Signals
    -------
    moved(float)
        The value that the mouse has put the line at, between the two ends of the axis.
    """

    moved = Signal(float)

    def __init__(self, movable: bool = False) -> None:
        super().__init__()
        self.movable = movable
        self.counts = np.zeros(0, dtype=np.intp)
        self.low, self.high = 0.0, 1.0
        self.unit_label = ""
        self.marked: float | None = None
        self.setMinimumHeight(90)
        if movable:
            self.setCursor(Qt.CursorShape.SizeHorCursor)

    def show_values(self, values: ArrayLike, low: float, high: float, n_bins: int, unit_label: str) -> None:
        """Show how `values` are spread.

        Parameters
        ----------
        values
            Any shape. What is no number, or lies outside `low` to `high`, is not counted.
        low, high
            The two ends of the axis.
        n_bins
            How many bars, equally wide.
        unit_label
            What stands below the axis, such as ``"distance (nm)"``.
        """
        every = np.asarray(values, dtype=np.float64).ravel()
        self.low, self.high = low, high
        self.counts, _ = np.histogram(every[np.isfinite(every)], bins=n_bins, range=(low, high))
        self.unit_label = unit_label
        self.update()

    def mark(self, value: float | None) -> None:
        """Put the line at a value; with None there is no line."""
        self.marked = value
        self.update()

    def frame(self) -> QRectF:
        """The rectangle of the bars."""
        return QRectF(self.rect()).adjusted(2, _LINE_PX, -2, -_LINE_PX)

    def x_of(self, value: float) -> float:
        """Where a value stands, in pixels from the widget's left edge."""
        frame = self.frame()
        return frame.left() + frame.width() * (value - self.low) / (self.high - self.low)

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Paint the bars, the frame with its ends, and the line."""
        painter = QPainter(self)
        frame = self.frame()
        most = int(self.counts.max(initial=0))
        if most:
            width = frame.width() / len(self.counts)
            for number, count in enumerate(self.counts):
                height = frame.height() * int(count) / most
                bar = QRectF(frame.left() + number * width, frame.bottom() - height, max(width - 1, 1), height)
                painter.fillRect(bar, QColor(COLOURS[0]))
        painter.setPen(_GREY)
        painter.drawRect(frame)
        below = QRectF(frame.left(), frame.bottom() + 1, frame.width(), _LINE_PX)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, f"{self.low:.3g}")
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, self.unit_label)
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, f"{self.high:.3g}")
        above = QRectF(frame.left(), 0, frame.width(), _LINE_PX)
        if most:
            painter.drawText(above, Qt.AlignmentFlag.AlignLeft, f"{most}")
        if self.marked is not None:
            x = min(max(self.x_of(self.marked), frame.left()), frame.right())
            painter.setPen(QPen(QColor(COLOURS[1]), 2))
            painter.drawLine(QPointF(x, frame.top()), QPointF(x, frame.bottom()))
            text = f"{self.marked:.3g}"
            half = painter.fontMetrics().horizontalAdvance(text) / 2 + 1
            middle = min(max(x, frame.left() + half), frame.right() - half)
            painter.drawText(QRectF(middle - half, 0, 2 * half, _LINE_PX), Qt.AlignmentFlag.AlignHCenter, text)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Put the line under the mouse."""
        self._move_to(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Let the line follow the mouse while a button is held."""
        self._move_to(event)

    def _move_to(self, event: QMouseEvent | None) -> None:
        if event is None or not self.movable or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        frame = self.frame()
        share = min(max((event.position().x() - frame.left()) / frame.width(), 0.0), 1.0)
        self.mark(self.low + share * (self.high - self.low))
        self.moved.emit(self.marked)
