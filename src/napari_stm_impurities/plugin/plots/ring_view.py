"""The Fourier transform with the circle of radius 2k over it, and beside it E(q) with the parabola, painted by Qt."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QWidget

from ...physics.dispersion import Dispersion
from ...qpi.fourier_maps import RingPicture
from ..layers.bias_overlay import in_mv
from .curves import COLOURS

#: The picture reaches this many times as far as the largest ring, so that what is no ring is seen beyond it.
_REACH = 1.6
#: Room for one line of text, in pixels.
_LINE_PX = 16
_CURVE = QPen(QColor(COLOURS[1]), 2)


class RingView(QWidget):
    """Both pictures side by side; the left one is that of the map on the screen, or of the few around it."""

    def __init__(self) -> None:
        super().__init__()
        self.picture: RingPicture | None = None
        self.band: Dispersion | None = None
        self.bias_mv = 0.0
        self.setMinimumHeight(172)
        self.setToolTip(
            "Left: the Fourier transform of the map on the screen; its ring has the radius 2k. "
            "Right: all biases over q, the mean over all directions; the ring's edge follows the parabola of the band."
        )

    def show_picture(self, picture: RingPicture | None, band: Dispersion | None) -> None:
        """Show the transforms of a stack, and over them the band, where there is one."""
        self.picture, self.band = picture, band
        self.update()

    def show_bias(self, bias_mv: float) -> None:
        """Show the transform at a bias, or at the one nearest to it."""
        self.bias_mv = bias_mv
        self.update()

    @property
    def reach_per_nm(self) -> float:
        """How far both pictures reach in q, in rad/nm."""
        if self.picture is None:
            return 1.0
        farthest = float(min(self.picture.q_y_per_nm.max(), self.picture.q_x_per_nm.max()))
        if self.band is None:
            return farthest
        largest = 2 * float(self.band.k_per_nm(self.picture.bias_mv).max())
        return min(farthest, _REACH * largest) if largest > 0 else farthest

    @property
    def circle_per_nm(self) -> float | None:
        """The radius 2k of the circle that is drawn, in rad/nm; None where there is none."""
        if self.picture is None or self.band is None:
            return None
        radius = 2 * float(self.band.k_per_nm(self.picture.bias_mv[self._nearest()]))
        return radius if radius > 0 else None

    def frames(self) -> tuple[QRectF, QRectF]:
        """Where the two pictures lie."""
        gap = 8.0
        side = min((self.width() - gap) / 2, self.height() - 2 * _LINE_PX)
        left = QRectF((self.width() - gap) / 2 - side, _LINE_PX, side, side)
        return left, left.translated(side + gap, 0)

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Paint both pictures, their curves, and a word on each axis."""
        picture = self.picture
        if picture is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left, right = self.frames()
        self._paint_transform(painter, left, picture)
        self._paint_parabola(painter, right, picture)
        painter.setPen(QColor("#808080"))
        for frame in (left, right):
            painter.drawRect(frame)
        above, below = (left.translated(0, -_LINE_PX), left.translated(0, left.height() + 1))
        above.setHeight(_LINE_PX)
        below.setHeight(_LINE_PX)
        painter.setPen(self.palette().text().color())
        middle = Qt.AlignmentFlag.AlignHCenter
        painter.drawText(above, middle, f"at {in_mv(float(picture.bias_mv[self._nearest()]))}")
        painter.drawText(below, middle, f"± {self.reach_per_nm:.2g} nm⁻¹")
        above.moveLeft(right.left())
        below.moveLeft(right.left())
        low, high = (in_mv(float(picture.bias_mv[at])) for at in (0, -1))
        painter.drawText(above, middle, low if len(picture.bias_mv) == 1 else f"{low} … {high}")
        painter.drawText(below, middle, f"q from 0 to {self.reach_per_nm:.2g} nm⁻¹")
        painter.end()

    def _nearest(self) -> int:
        assert self.picture is not None
        return int(np.abs(self.picture.bias_mv - self.bias_mv).argmin())

    def _paint_transform(self, painter: QPainter, frame: QRectF, picture: RingPicture) -> None:
        reach = self.reach_per_nm
        rows, columns = (np.flatnonzero(np.abs(q) <= reach) for q in (picture.q_y_per_nm, picture.q_x_per_nm))
        shown = picture.log_power[self._nearest()][np.ix_(rows, columns)]
        # each pixel covers its own step in q, so the outermost ones stand half a step beyond
        half_y, half_x = ((q[1] - q[0]) / 2 if len(q) > 1 else reach for q in (picture.q_y_per_nm, picture.q_x_per_nm))
        scale = frame.width() / (2 * reach)
        top = picture.q_y_per_nm[rows[0]] - half_y
        first = picture.q_x_per_nm[columns[0]] - half_x
        place = QRectF(
            frame.center().x() + scale * first,
            frame.center().y() + scale * top,
            scale * (picture.q_x_per_nm[columns[-1]] + half_x - first),
            scale * (picture.q_y_per_nm[rows[-1]] + half_y - top),
        )
        self._paint_grey(painter, frame, place, shown)
        radius = self.circle_per_nm
        if radius is not None:
            painter.setPen(_CURVE)
            painter.drawEllipse(frame.center(), radius * scale, radius * scale)

    def _paint_parabola(self, painter: QPainter, frame: QRectF, picture: RingPicture) -> None:
        """E upwards, q to the right; each bias on a scale of its own, since the power falls from map to map."""
        reach = self.reach_per_nm
        bias = picture.bias_mv
        steps = np.linspace(bias[-1], bias[0], max(2 * len(bias), 2))
        rows = picture.radial - np.median(picture.radial, axis=1, keepdims=True)
        grid = rows[np.abs(steps[:, None] - bias[None]).argmin(1)][:, picture.q_per_nm <= reach]
        step = picture.q_per_nm[0]
        place = QRectF(
            frame.left() + frame.width() * step / 2 / reach,
            frame.top(),
            frame.width() * step * grid.shape[1] / reach,
            frame.height(),
        )
        self._paint_grey(painter, frame, place, grid)
        if self.band is None:
            return
        low, high = float(bias[0]), float(bias[-1])
        energies = np.linspace(low, high, 60)
        q = 2 * self.band.k_per_nm(energies)
        span = high - low or 1.0
        line = QPolygonF(
            QPointF(frame.left() + frame.width() * float(at) / reach, frame.bottom() - frame.height() * share)
            for at, share in zip(q, (energies - low) / span if high > low else np.linspace(0, 1, 60), strict=True)
            if 0 < at <= reach
        )
        painter.setPen(_CURVE)
        painter.drawPolyline(line)

    def _paint_grey(self, painter: QPainter, frame: QRectF, place: QRectF, values: np.ndarray) -> None:
        """Values as a grey picture, the extreme ones at either end alike, cut off at the frame."""
        known = np.nan_to_num(values, nan=float(np.nanmin(values)) if np.isfinite(values).any() else 0.0)
        low, high = np.quantile(known, (0.3, 0.998))
        share = np.clip((known - low) / (high - low if high > low else 1.0), 0, 1)
        pixels = np.ascontiguousarray(255 * share, dtype=np.uint8)
        height, width = pixels.shape
        # QImage does not own the bytes; `pixels` lives until it is drawn
        image = QImage(pixels.tobytes(), width, height, width, QImage.Format.Format_Grayscale8).copy()
        painter.save()
        painter.setClipRect(frame)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(place, image)
        painter.restore()
