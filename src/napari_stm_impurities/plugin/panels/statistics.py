"""The widget *Surface statistics*: what the points say of the surface, beside random placement, and after each edit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from napari.components import ViewerModel
from napari.layers import Image, Points
from qtpy.QtCore import Slot

from ...analysis.spatial_statistics import SurfaceStatistics, surface_statistics
from ...core.errors import StmError
from ...core.progress import Progress, ShouldStop
from ...data.masks import exclude
from ...data.observation_window import ObservationWindow
from ...plots.distances import (
    nearest_neighbours_table,
    pair_correlation_table,
    plot_nearest_neighbours,
    plot_pair_correlation,
)
from ..layers.images import FINDING_KEY
from ..layers.points import points_on
from ..plots.canvas import PlotCanvas
from ..widgets.follower import LayerFollower, edits_of
from ..widgets.forms import result_label, rows_html
from ..widgets.image_picker import ImagePicker, n_maps
from ..widgets.job import Job, one_line
from ..widgets.panel import Panel

#: After so long without a further edit the statistics are worked out anew, in ms.
FOLLOW_AFTER_MS = 250


@dataclass(frozen=True, eq=False)
class StatisticsResult:
    """What came of one working out.

    Attributes
    ----------
    number
        Which one it was; an older one that is late is not shown any more.
    area
        The measured area; it stays the same while points are edited.
    statistics
        What the points say.
    """

    number: int
    area: ObservationWindow
    statistics: SurfaceStatistics


class StatisticsPanel(Panel):
    """Tell density, nearest neighbours and pair correlation of a points layer, and follow its edits."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer, "Compute statistics")
        self.source = ImagePicker(
            self,
            "Image",
            "In which the points were looked for: its measured pixels are the area",
            prefer=n_maps,
            left_out="Pixels painted in this labels layer are no part of the area, and points on them do not count",
        )
        self.points = self.layer_box(
            Points,
            "Points",
            "Those that are shown count; each edit is followed",
            prefer=lambda layer: FINDING_KEY in layer.metadata,
        )
        self.add_fields([self.points])
        self.summary = result_label(rich=True)
        self.pairs = PlotCanvas("pair-correlation")
        self.pairs.setToolTip(
            "Pair correlation: how many pairs lie r apart, over what random placement would give; grey: where 95 % of"
            " random placements lie, at each distance. 1 distance in 20 is outside by chance"
        )
        self.nearest = PlotCanvas("nearest-neighbours")
        self.nearest.setToolTip(
            "How many points have their nearest neighbour so far away; grey: 95 % of random placements; dashed: both"
            " means"
        )
        for widget in (self.summary, self.pairs, self.nearest):
            self.body.addWidget(widget)
            widget.setVisible(False)
        self.statistics: SurfaceStatistics | None = None
        self._followed: tuple[Image, Points] | None = None
        self._area: ObservationWindow | None = None
        self._number = 0
        self._quiet: Job | None = None
        self._follower = LayerFollower(self, self._follow, FOLLOW_AFTER_MS)

    def start(self) -> None:
        """Work out the statistics of the chosen layer, and follow its edits from now on."""
        layer, stack, mask = self.source.layer, self.source.stack(), self.source.mask()
        points = self.points.value
        if points is None:
            raise StmError("there are no points; find impurities first, or open a table")
        table = points_on(layer, points)
        self._let_go()
        self._followed, self._area = (layer, points), None
        self._follower.follow(*edits_of(points), self.viewer.layers.events.removed)
        self._number += 1
        self.run(compute_statistics, self._number, stack, table, mask, done=self._show)

    def closed(self) -> None:
        """Stop the work, and follow nothing any more."""
        super().closed()
        self._let_go()

    @Slot()
    def _follow(self) -> None:
        if self._followed is None or self._area is None:
            if self.running:
                self._follower.changed()  # an edit during the first run is followed after it
            return
        image, points = self._followed
        if points not in self.viewer.layers or image not in self.viewer.layers:
            self._let_go()
            self.set_status("a layer was deleted; choose another and press the button")
            return
        try:
            table = points_on(image, points)
        except StmError as error:
            self.set_status(one_line(error))
            return
        if self._quiet is not None:
            self._quiet.stop()
        self._number += 1
        self._quiet = Job()
        self._quiet.returned.connect(self._show)
        self._quiet.failed.connect(self._say_failed)
        self.destroyed.connect(self._quiet.stop)
        self._quiet.start(compute_statistics, self._number, self._area, table)

    @Slot(object)
    def _show(self, result: StatisticsResult) -> None:
        if result.number != self._number:
            return
        self._area, self.statistics = result.area, result.statistics
        statistics = result.statistics
        rows = rows_html(statistics.summary_rows())
        self.summary.setText(rows)
        self.summary.setVisible(True)
        enough = not statistics.pair_correlation.empty
        if enough:
            self.pairs.show_plot(plot_pair_correlation, pair_correlation_table, statistics)
            self.nearest.show_plot(plot_nearest_neighbours, nearest_neighbours_table, statistics)
        self.pairs.setVisible(enough)
        self.nearest.setVisible(enough)
        self.set_status(f"{statistics.n_points} points; edits are followed")

    @Slot(str, object)
    def _say_failed(self, line: str, _error: Exception) -> None:
        self.set_status(line)

    def _let_go(self) -> None:
        self._follower.release()
        if self._quiet is not None:
            self._quiet.stop()
            self._quiet = None
        self._followed = None


def compute_statistics(
    number: int,
    area: ObservationWindow | xr.DataArray,
    points: pd.DataFrame,
    mask: np.ndarray | None = None,
    *,
    progress: Progress,
    should_stop: ShouldStop,
) -> StatisticsResult:
    """Compute the statistics of points in an area, or in the measured pixels of a stack that no mask excludes."""
    if isinstance(area, ObservationWindow):
        measured = area
    else:
        measured = ObservationWindow.of(area if mask is None else exclude(area, mask))
    statistics = surface_statistics(points, measured, progress=progress, should_stop=should_stop)
    return StatisticsResult(number, measured, statistics)
