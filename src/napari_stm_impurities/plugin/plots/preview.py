"""Two maps side by side: as it is, and as it would become."""

from __future__ import annotations

import xarray as xr
from matplotlib.axes import Axes
from qtpy.QtWidgets import QHBoxLayout, QWidget

from ...plots.maps import map_table, plot_map
from .canvas import Margins, PlotCanvas

_HEIGHT_PX, _MARGINS = 196, Margins(left=48, right=16)


class Preview(QWidget):
    """A map before and after; each has a contrast of its own. It is hidden until there is something to see."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = (
            PlotCanvas(name, height_px=_HEIGHT_PX, margins=_MARGINS) for name in ("before", "after")
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for plot, name in ((self.before, "Before"), (self.after, "After")):
            plot.setToolTip(name)
            layout.addWidget(plot)
        self.setVisible(False)

    def show_maps(self, before: xr.DataArray, after: xr.DataArray) -> None:
        """Show two maps (y, x), whose pixels and sizes may differ."""
        for plot, shown in ((self.before, before), (self.after, after)):
            plot.show_plot(_plot, map_table, shown)
        self.setVisible(True)


def _plot(axes: Axes, shown: xr.DataArray) -> None:
    plot_map(axes, shown)
