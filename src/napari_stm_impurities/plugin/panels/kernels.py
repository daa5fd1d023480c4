"""The widget *Kernels and kinds*: the pattern of one impurity, the kinds of impurity, and what each point explains."""

from __future__ import annotations

import time
from functools import partial
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from napari.components import ViewerModel
from napari.layers import Image, Points
from qtpy.QtWidgets import QPushButton
from scipy.spatial import cKDTree

from ...core.errors import StmError
from ...core.progress import Progress, ShouldStop
from ...kernels.config import KernelConfig
from ...kernels.fit import fit_kernels
from ...kernels.result import Kernels
from ...physics.dispersion import Dispersion
from ...plots.kernels import k_table, kind_colour, phases_table, plot_k, plot_phases
from ..editing import actions, attach
from ..editing.actions import Action, perform
from ..editing.kernel_points import DROP, TAKE, put_fit
from ..editing.keys import bind_actions
from ..editing.proposals import ACCEPT_PROPOSALS, proposals_for, show_proposals
from ..layers.images import FINDING_KEY, unwrap_proxy
from ..layers.kernels import show_kernels
from ..layers.points import points_on, visible_mask
from ..layers.results import same_place_nm
from ..plots.canvas import PlotCanvas
from ..preferences import preferences
from ..widgets.dispersion_picker import DispersionPicker
from ..widgets.forms import Form, Tabs, result_label, rows_html
from ..widgets.image_picker import ImagePicker, n_maps
from ..widgets.panel import Panel
from .review import caption

#: A fitted point that lies now at most so far (pixels) from where it was then is the same point.
_SAME_PX = 1e-6
#: The columns of the table of kinds: what stands above each, and how its numbers are written.
_KIND_COLUMNS = {
    "n": ("points", "{:.0f}"),
    "share": ("share", "{:.0%}"),
    "phase_rad": ("phase, rad", "{:.2f}"),
    "slope_rad_per_v": ("slope, rad/V", "{:.2f}"),
    "amplitude": ("amplitude", "{:.2f}"),
    "t_abs": ("|t|", "{:.2f}"),
}


class KernelsPanel(Panel):
    """Fit the pattern of one impurity, and show kinds, suspects and proposed points."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer, "Fit kernels")
        self.source = ImagePicker(self, "Image", "The maps around the impurities, one a bias", prefer=n_maps)
        self.points = self.layer_box(
            Points,
            "Points",
            "Where the impurities are: those that are shown are fitted",
            prefer=lambda layer: FINDING_KEY in layer.metadata,
        )
        self.add_fields([self.points])
        self.form = Form(KernelConfig, main=("n_kinds", "refine_positions"))
        self.surface = DispersionPicker(self.viewer)
        self.form.more.inside.addWidget(self.surface)
        self.body.addWidget(self.form)
        self.summary = result_label(rich=True)
        self.tabs = Tabs()
        self.k_plot = PlotCanvas("k")
        self.k_plot.setToolTip("k of the fit with its standard deviation, of the band through it, and of the ring")
        self.phase_plot = PlotCanvas("phase-of-t")
        self.phase_plot.setToolTip("The phase of t of each kind: the median, and a band that holds half of its points")
        self.kinds = result_label(rich=True)
        for page, title in ((self.k_plot, "k(V)"), (self.phase_plot, "Phase"), (self.kinds, "Kinds")):
            self.tabs.add(page, title)
        self.accept, self.drop, self.take, self.undo = (
            self._button(action) for action in (ACCEPT_PROPOSALS, DROP, TAKE, actions.UNDO)
        )
        self._results = (self.summary, self.tabs, self.accept, self.drop, self.take, self.undo)
        for widget in self._results:
            self.body.addWidget(widget)
            widget.setVisible(False)
        self.fit: Kernels | None = None
        self._fitted: Points | None = None
        self.source.box.changed.connect(self.surface.look_at)
        self.surface.look_at(self.source.box.value)

    def start(self) -> None:
        """Fit the kernels of the chosen image around the chosen points."""
        image, stack = self.source.layer, self.source.stack()
        if self.points.value is None:
            raise StmError("there are no points; find impurities first, or open a table")
        points: Points = unwrap_proxy(self.points.value)
        table = points_on(image, points)
        at = np.array(points.data)[visible_mask(points)]
        self.run(
            preferences().threaded(fit),
            stack,
            table,
            self.form.value(),
            self.surface.band(),
            done=partial(self._show, image, points, at, time.monotonic()),
        )

    def reset_choices(self, _event: Any = None) -> None:
        """Offer the layers that there are now; a box that was emptied emits no signal."""
        super().reset_choices(_event)
        if self.source.box.value is not self.surface.layer:
            self.surface.look_at(self.source.box.value)

    def closed(self) -> None:
        """Stop the work and the reading; called when the widget is taken out of the window."""
        super().closed()
        self.surface.stop()

    def _show(self, image: Image, points: Points, at: np.ndarray, since: float, found: Kernels) -> None:
        self.fit = found
        show_kernels(self.viewer, image, found)
        if points in self.viewer.layers:
            self._fitted = points
            attach(self.viewer, points)
            bind_actions(self.viewer, points, (DROP, TAKE))
            then, now = _still_there(points, at)
            put_fit(points, now, found.points.iloc[then].reset_index(drop=True), image)
            show_proposals(self.viewer, image, found.proposed, points, same_place_nm())
        # what the rows mean is in the documentation; their notes would leave no room for the values
        self.summary.setText(rows_html([row._replace(note="") for row in found.rows()]))
        self.k_plot.show_plot(plot_k, k_table, found)
        self.phase_plot.show_plot(plot_phases, phases_table, found)
        self.kinds.setText(kinds_html(found.kinds))
        for widget in self._results:
            widget.setVisible(True)
        counts = {
            "kind": len(found.kinds),
            "suspect": int(found.points["suspect"].sum()),
            "proposal": len(found.proposed),
        }
        text = ", ".join(f"{n} {noun}" if n == 1 else f"{n} {noun}s" for noun, n in counts.items())
        self.set_status(f"{text}, {time.monotonic() - since:.1f} s")

    def _button(self, action: Action) -> QPushButton:
        button = QPushButton(caption(action))
        button.setToolTip(action.tooltip)
        button.clicked.connect(lambda _checked=False: self.attempt(partial(self._do, action)))
        return button

    def _do(self, action: Action) -> None:
        points = self._fitted
        if points is None or points not in self.viewer.layers:
            raise StmError("the fitted points are gone; choose points and press Fit kernels")
        layer = proposals_for(self.viewer, points) if action is ACCEPT_PROPOSALS else points
        if layer is None:
            raise StmError("the layer of the proposals is gone; press Fit kernels again")
        self.set_status(perform(action, self.viewer, layer))


def fit(
    stack: xr.DataArray,
    points: pd.DataFrame,
    config: KernelConfig,
    dispersion: Dispersion | str | None,
    *,
    progress: Progress,
    should_stop: ShouldStop,
) -> Kernels:
    """The kernels of a stack, which may still lie on the disk; parameters as of :func:`.kernels.fit.fit_kernels`."""
    return fit_kernels(
        stack.compute(), points, config=config, dispersion=dispersion, progress=progress, should_stop=should_stop
    )


def kinds_html(kinds: pd.DataFrame) -> str:
    """The table of kinds in HTML, each with the colour of its points."""
    gap = "&nbsp;"
    head = "".join(f"<th align='right'>{gap}{escape(title)}</th>" for title, _ in _KIND_COLUMNS.values())
    rows = []
    for row in kinds.to_dict("records"):
        kind = int(row["kind"])
        cells = "".join(
            f"<td align='right'>{gap}{'' if pd.isna(row[name]) else form.format(row[name])}</td>"
            for name, (_, form) in _KIND_COLUMNS.items()
        )
        rows.append(f"<tr><td><span style='color:{kind_colour(kind)}'>■</span>&nbsp;{kind}</td>{cells}</tr>")
    return f"<table><tr><th>kind</th>{head}</tr>{''.join(rows)}</table>"


def _still_there(layer: Points, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which fitted points, at the data (n, ndim) of then, are still in a layer, and their rows now."""
    if not len(layer.data):
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    distance, row = cKDTree(np.asarray(layer.data)).query(at)
    kept = np.flatnonzero(distance <= _SAME_PX)
    _, first = np.unique(row[kept], return_index=True)
    return kept[first], row[kept[first]]
