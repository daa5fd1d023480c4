"""A small plot with both axes, painted by Qt alone: spectra, and what else runs over the bias."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QWidget

_GREY = QColor("#808080")
#: Room for the numbers of an axis beside and below the frame, and for the text above it, in pixels.
_SIDE_PX, _BELOW_PX, _LINE_PX = 46, 36, 18
#: Numbers outside these are written with a power of ten beside the axis's name.
_PLAIN = (0.01, 10_000)


@dataclass(frozen=True, eq=False)
class Line:
    """A curve of a plot.

    Attributes
    ----------
    name
        What stands in its colour above the frame.
    x, y
        Shape (n,); where `y` is no number the curve is broken.
    colour
        Of the curve.
    spread
        Shape (n,), or None: a band of `y` plus and minus this is painted behind it. Shape (2, n): how far it reaches
        below `y`, and above.
    right
        Whether its numbers stand at the right of the frame.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    colour: str
    spread: np.ndarray | None = None
    right: bool = False

    def span(self) -> tuple[float, float] | None:
        """The lowest and the highest value with the spread; None where there is no number."""
        below, above = np.broadcast_to(0.0 if self.spread is None else self.spread, (2, len(self.y)))
        every = np.concatenate([self.y - below, self.y + above])
        every = every[np.isfinite(every)]
        return (float(every.min()), float(every.max())) if every.size else None


class SpectrumPlot(QWidget):
    """Curves over one axis, which need not be evenly spaced, with a line at one place of it.

    Parameters
    ----------
    x_label
        What stands below the frame, such as ``"bias (mV)"``.
    """

    def __init__(self, x_label: str) -> None:
        super().__init__()
        self.x_label = x_label
        self.lines: tuple[Line, ...] = ()
        self.labels = (("", ""), ("", ""))
        self.marked: float | None = None
        self._between: tuple[float, float] | None = None
        self.setMinimumHeight(180)

    def show_lines(
        self,
        lines: Sequence[Line],
        left: tuple[str, str] = ("", ""),
        right: tuple[str, str] = ("", ""),
        between: tuple[float, float] | None = None,
    ) -> None:
        """Show other curves.

        Parameters
        ----------
        lines
            Those that have a number at all are painted.
        left, right
            The name and the unit of the two axes. The name is in the colour of the curve where there is one only.
        between
            The two ends of the axis below; those of the curves when not given.
        """
        self.lines = tuple(line for line in lines if line.span() is not None)
        self.labels = (left, right)
        self._between = between
        self.update()

    def mark(self, x: float | None) -> None:
        """Put a vertical line at a place of the axis; with None there is none."""
        self.marked = x
        self.update()

    def frame(self) -> QRectF:
        """The rectangle of the curves, with room at both sides, so that plots below each other are aligned."""
        return QRectF(self.rect()).adjusted(_SIDE_PX, _LINE_PX, -_SIDE_PX, -_BELOW_PX)

    def x_range(self) -> tuple[float, float]:
        """The two ends of the axis below."""
        if self._between is not None:
            return _widened(*self._between, 0.0)
        every = np.concatenate([line.x for line in self.lines]) if self.lines else np.array([0.0, 1.0])
        return _widened(float(every.min()), float(every.max()), 0.0)

    def x_of(self, value: float) -> float:
        """Where a value of the axis below stands, in pixels from the widget's left edge."""
        frame, (low, high) = self.frame(), self.x_range()
        return frame.left() + frame.width() * (value - low) / (high - low)

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Paint the frame, the axes, the curves and the mark."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = self.frame()
        painter.setPen(_GREY)
        painter.drawRect(frame)
        if self.lines:
            self._paint_x_axis(painter, frame)
            for right in (False, True):
                side = [line for line in self.lines if line.right is right]
                if side:
                    self._paint_side(painter, frame, side, right)
            self._paint_names(painter, frame)
            if self.marked is not None and self.x_range()[0] <= self.marked <= self.x_range()[1]:
                painter.setPen(QPen(_GREY, 1, Qt.PenStyle.DashLine))
                x = self.x_of(self.marked)
                painter.drawLine(QPointF(x, frame.top()), QPointF(x, frame.bottom()))
        painter.end()

    def _paint_x_axis(self, painter: QPainter, frame: QRectF) -> None:
        for tick in ticks(*self.x_range()):
            x = self.x_of(tick)
            painter.drawLine(QPointF(x, frame.bottom()), QPointF(x, frame.bottom() + 3))
            at = QRectF(x - 40, frame.bottom() + 3, 80, _LINE_PX)
            painter.drawText(at, Qt.AlignmentFlag.AlignHCenter, f"{tick:.6g}")
        below = QRectF(frame.left(), frame.bottom() + _LINE_PX, frame.width(), _LINE_PX)
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, self.x_label)

    def _paint_side(self, painter: QPainter, frame: QRectF, lines: list[Line], right: bool) -> None:
        spans = [span for line in lines if (span := line.span()) is not None]
        low, high = _widened(min(s[0] for s in spans), max(s[1] for s in spans), 0.05)
        power = _power_of(low, high)
        painter.setPen(QColor(lines[0].colour) if len(lines) == 1 else _GREY)
        for tick in ticks(low, high):
            y = frame.bottom() - frame.height() * (tick - low) / (high - low)
            edge, way = (frame.right(), 3) if right else (frame.left(), -3)
            painter.drawLine(QPointF(edge, y), QPointF(edge + way, y))
            left = edge + 5 if right else 0
            at = QRectF(left, y - _LINE_PX / 2, _SIDE_PX - 5, _LINE_PX)
            align = Qt.AlignmentFlag.AlignLeft if right else Qt.AlignmentFlag.AlignRight
            painter.drawText(at, align | Qt.AlignmentFlag.AlignVCenter, f"{tick / 10.0**power:.6g}")
        whole = QRectF(0, 0, self.width() - 1, _LINE_PX)
        label = axis_label(*self.labels[1 if right else 0], power)
        painter.drawText(whole, Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft, label)
        for line in lines:
            self._paint_line(painter, frame, line, low, high)

    def _paint_line(self, painter: QPainter, frame: QRectF, line: Line, low: float, high: float) -> None:
        def at(x: float, y: float) -> QPointF:
            return QPointF(self.x_of(x), frame.bottom() - frame.height() * (y - low) / (high - low))

        colour = QColor(line.colour)
        for part in _unbroken(line.y):
            x, y = line.x[part], line.y[part]
            if line.spread is not None:
                below, above = np.nan_to_num(np.broadcast_to(line.spread, (2, len(line.y)))[:, part])
                edge = [at(*p) for p in zip(x, y + above, strict=True)]
                edge += [at(*p) for p in zip(x[::-1], (y - below)[::-1], strict=True)]
                band = QColor(colour)
                band.setAlpha(70)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(band)
                painter.drawPolygon(QPolygonF(edge))
                painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colour, 1.5))
            points = [at(*p) for p in zip(x, y, strict=True)]
            painter.drawPolyline(QPolygonF(points))
            if len(line.x) <= 16:  # so few that each is a measurement to be seen
                painter.setBrush(colour)
                for point in points:
                    painter.drawEllipse(point, 2.5, 2.5)
                painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_names(self, painter: QPainter, frame: QRectF) -> None:
        right = frame.right() - 4
        for number, line in enumerate(self.lines):
            painter.setPen(QColor(line.colour))
            row = QRectF(frame.left() + 4, frame.top() + 2 + 15 * number, right - frame.left() - 4, _LINE_PX)
            painter.drawText(row, Qt.AlignmentFlag.AlignRight, line.name)


def ticks(low: float, high: float, at_most: int = 5) -> list[float]:
    """Round numbers between two ends, evenly spaced by 1, 2 or 5 times a power of ten.

    Examples
    --------
    >>> ticks(-230, 20), ticks(0.0, 1.0)
    ([-200.0, -150.0, -100.0, -50.0, 0.0], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    """
    least = (high - low) / at_most
    power = 10.0 ** math.floor(math.log10(least))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, 1 - math.floor(math.log10(step)))
    return [round(number * step, digits) + 0.0 for number in range(first, last + 1)]


def axis_label(name: str, unit: str, power: int = 0) -> str:
    """The name of an axis with its unit and the power of ten of its numbers.

    Examples
    --------
    >>> axis_label("dI/dV", "A", -12), axis_label("dI/dV", "nS"), axis_label("weight", "")
    ('dI/dV (10⁻¹² A)', 'dI/dV (nS)', 'weight')
    """
    tens = f"10{str(power).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}" if power else ""
    inside = " ".join(part for part in (tens, unit) if part)
    return f"{name} ({inside})" if inside else name


def _power_of(low: float, high: float) -> int:
    most = max(abs(low), abs(high))
    return 0 if most == 0 or _PLAIN[0] <= most < _PLAIN[1] else 3 * math.floor(math.log10(most) / 3)


def _widened(low: float, high: float, share: float) -> tuple[float, float]:
    """A range that is not empty, wider by a share at each end."""
    if not high > low:
        half = abs(low) / 2 or 0.5
        return low - half, high + half
    return low - share * (high - low), high + share * (high - low)


def _unbroken(values: np.ndarray) -> list[slice]:
    """The runs of finite values."""
    known = np.concatenate([[False], np.isfinite(values), [False]])
    edges = np.flatnonzero(known[1:] != known[:-1])
    return [slice(first, last) for first, last in zip(edges[::2], edges[1::2], strict=True)]
