"""The Fourier transform of the map on the screen with the circle of radius 2k, and E(q) with the parabola."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from qtpy.QtWidgets import QHBoxLayout, QWidget

from ...physics.dispersion import Dispersion
from ...plots.ring import (
    energy_table,
    plot_energy,
    plot_transform,
    plot_transform_axes,
    ring_radius_per_nm,
    transform_table,
)
from ...qpi.fourier_maps import FourierMaps
from .canvas import Margins, PlotCanvas

#: Two of them stand side by side in a panel of 400 pixels, so that little room is left for numbers.
_HEIGHT_PX, _MARGINS = 196, Margins(left=54, right=16)


class RingPlot(QWidget):
    """Both plots side by side; the left one is that of the map on the screen, or of the few around it."""

    def __init__(self) -> None:
        super().__init__()
        self.picture: FourierMaps | None = None
        self.band: Dispersion | None = None
        self.bias_mv = 0.0
        self.transform = PlotCanvas(
            "fourier-transform", height_px=_HEIGHT_PX, margins=_MARGINS, draw_mark=self._draw_map
        )
        self.transform.setToolTip("The Fourier transform of the map on the screen; its ring has the radius 2k")
        self.energy = PlotCanvas("energy-q", height_px=_HEIGHT_PX, margins=_MARGINS)
        self.energy.setToolTip(
            "All biases over q, the mean over all directions; the ring's edge follows the parabola of the band"
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.transform)
        layout.addWidget(self.energy)

    def show_picture(self, picture: FourierMaps | None, band: Dispersion | None) -> None:
        """Show the transforms of a stack, and over them the band, where there is one."""
        self.picture, self.band = picture, band
        if picture is not None:
            self.transform.show_plot(plot_transform_axes, self._map_table, picture, band)
            self.energy.show_plot(plot_energy, energy_table, picture, band)

    def show_bias(self, bias_mv: float) -> None:
        """Show the transform at a bias, or at the one nearest to it."""
        self.bias_mv = bias_mv
        self.transform.mark(bias_mv)

    @property
    def circle_per_nm(self) -> float | None:
        """The radius 2k of the circle that is drawn, in rad/nm; None where there is none."""
        return None if self.picture is None else ring_radius_per_nm(self.picture, self.band, self.bias_mv)

    def _draw_map(self, axes: Axes, bias_mv: float) -> Sequence[Artist]:
        return [] if self.picture is None else plot_transform(axes, self.picture, self.band, bias_mv)

    def _map_table(self, picture: FourierMaps, band: Dispersion | None) -> pd.DataFrame:
        return transform_table(picture, band, self.bias_mv)
