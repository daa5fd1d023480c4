"""A small picture of curves, painted by Qt alone: the loss over the epochs, the drift over the maps."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QWidget

COLOURS = ("#56b4e9", "#e69f00")


class Curves(QWidget):
    """Up to two curves, each on its own scale, which stands at its side of the frame.

    Parameters
    ----------
    names
        What the curves are called, the left one first.
    counted
        What they run over.
    """

    def __init__(self, *names: str, counted: str) -> None:
        super().__init__()
        self.names = names
        self.counted = counted
        self.values: list[list[float]] = [[] for _ in names]
        self.setMinimumHeight(120)

    def clear(self) -> None:
        """Begin anew."""
        self.values = [[] for _ in self.names]
        self.update()

    def add(self, values: Sequence[float | None]) -> None:
        """Go one step on: one value a curve, None where there is none."""
        for curve, value in zip(self.values, values, strict=True):
            curve.append(math.nan if value is None else value)
        self.update()

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Paint the frame, the curves, and the two ends of each scale."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(2, 18, -2, -18)
        painter.setPen(QColor("#808080"))
        painter.drawRect(frame)
        sides = (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight)
        for name, curve, colour, side in zip(self.names, self.values, COLOURS, sides, strict=False):
            known = [value for value in curve if math.isfinite(value)]
            if not known:
                continue
            low, high = min(known), max(known)
            span = high - low or 1.0
            across = max(len(curve) - 1, 1)
            line = QPolygonF(
                QPointF(
                    frame.left() + frame.width() * i / across, frame.bottom() - frame.height() * (value - low) / span
                )
                for i, value in enumerate(curve)
                if math.isfinite(value)
            )
            painter.setPen(QPen(QColor(colour), 1.5))
            painter.drawPolyline(line)
            top, bottom = QRectF(self.rect()), QRectF(self.rect())
            top.setHeight(17)
            bottom.setTop(frame.bottom() + 1)
            painter.drawText(top, side, f"{name} {high:.4g}")
            painter.drawText(bottom, side, f"{low:.4g}")
        steps = max(len(curve) for curve in self.values)
        if steps:
            painter.setPen(QColor("#808080"))
            bottom = QRectF(self.rect())
            bottom.setTop(frame.bottom() + 1)
            painter.drawText(bottom, Qt.AlignmentFlag.AlignHCenter, f"{steps} {self.counted}")
        painter.end()
