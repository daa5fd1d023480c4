"""The widget *Compare*: two points layers, who found whom, and what each edit changes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from magicgui.widgets import FloatSpinBox
from napari.components import ViewerModel
from napari.layers import Image, Points
from qtpy.QtWidgets import QFileDialog, QPushButton, QVBoxLayout, QWidget

from ...analysis.comparison import PAPER_PIXEL_NM, Comparison, compare
from ...core.errors import StmError
from ...core.files import written_whole
from ...data.observation_window import ObservationWindow
from ...plots.distances import pair_distances_table, plot_pair_distances
from ..layers.comparison import ComparisonLayers
from ..layers.images import BIAS_KEY, layer_window
from ..layers.points import layer_points, points_on, visible_mask
from ..layers.transforms import Transform, layer_pixel_size_nm
from ..plots.canvas import PlotCanvas
from ..widgets.comparison_table import ComparisonTable
from ..widgets.follower import LayerFollower, edits_of
from ..widgets.forms import result_label, rows_html
from ..widgets.image_picker import left_out_box, mask_on
from ..widgets.job import one_line
from ..widgets.panel import Panel

#: An edit is followed after so many milliseconds, and while a point is dragged no more often than that.
FOLLOW_AFTER_MS = 100
_HISTOGRAM_PX = 120
SAVE_FILTERS = "Figures and rows (*.json);;Table of the rows (*.csv)"


@dataclass(frozen=True)
class Pairing:
    """What was compared when the button was pressed, and is followed from then on."""

    judged: Points
    reference: Points
    image: Image | None
    """Its map nm are the coordinates of the comparison; canvas nm without one."""
    window: ObservationWindow | None
    """The measured pixels of the image that are not left out."""

    def points(self, layer: Points) -> pd.DataFrame:
        """The points of one of the two layers."""
        return layer_points(layer) if self.image is None else points_on(self.image, layer)

    @property
    def frame(self) -> Transform | None:
        """The transform of the image."""
        return None if self.image is None else Transform.of(self.image)


class ComparePanel(Panel):
    """Match two points layers one to one within a radius, and follow each edit of both."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer, "Compare")
        self.points = self.layer_box(
            Points,
            "Points",
            "The points to judge, such as those that the model found",
            prefer=partial(_share_of, "model"),
        )
        self.reference = self.layer_box(
            Points, "Reference", "What they are held against", prefer=partial(_share_of, "reference")
        )
        self.image = self.layer_box(
            Image,
            "Image",
            "Its measured pixels give the chance level, their size the radius of the paper's ratio",
            optional=True,
            prefer=lambda layer: BIAS_KEY in layer.metadata,
        )
        self.left_out = left_out_box(self, "Pixels of the image painted in this labels layer are no part of its area")
        self.tolerance = FloatSpinBox(
            value=PAPER_PIXEL_NM,
            min=0.001,
            max=1000,
            label="Match within (nm)",
            tooltip="The largest distance between a point and its reference point, in nm",
        )
        self.tolerance.native.setDecimals(3)
        self.add_fields([self.points, self.reference, self.image, self.left_out, self.tolerance])
        self.results = QWidget()
        self.body.addWidget(self.results, stretch=1)
        self._lay_out_results()
        self._pairing: Pairing | None = None
        self._compared: tuple[pd.DataFrame, pd.DataFrame, float] | None = None
        self.report: Comparison | None = None
        self._drawn = ComparisonLayers(napari_viewer)
        self._follower = LayerFollower(self, self._follow, FOLLOW_AFTER_MS, while_changing=True)
        self.tolerance.changed.connect(self._follower.changed)
        self._choose_two()

    def _lay_out_results(self) -> None:
        self.figures = result_label(rich=True)
        self.distances = PlotCanvas("pair-distances", height_px=_HISTOGRAM_PX)
        self.distances.setToolTip("How far the two of a pair lie apart; the line is the largest distance of a pair")
        self.table = ComparisonTable()
        self.table.chosen.connect(self._go_to)
        self.save_button = QPushButton("Save figures …")
        self.save_button.setToolTip("The figures and all rows as JSON, or the rows as a table (CSV)")
        self.save_button.clicked.connect(partial(self.attempt, self._save))
        layout = QVBoxLayout(self.results)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget, stretch in ((self.figures, 0), (self.distances, 0), (self.table, 1), (self.save_button, 0)):
            layout.addWidget(widget, stretch=stretch)
        self.results.setVisible(False)

    def reset_choices(self, _event: Any = None) -> None:
        """Offer the layers that there are now; two different ones where there are two."""
        super().reset_choices(_event)
        self._choose_two()

    def start(self) -> None:
        """Compare the chosen layers, and follow their edits; it is a matter of milliseconds and needs no thread."""
        judged, reference = self.points.value, self.reference.value
        if judged is None or reference is None or len(self.points.choices) < 2:
            raise StmError("two points layers are needed; find impurities and a reference first, or open their tables")
        if judged is reference:
            raise StmError("the points and the reference are the same layer; choose two")
        image = self.image.value
        if image is not None and layer_pixel_size_nm(image) is None:
            image = None
        window = None if image is None else layer_window(image, mask_on(image, self.left_out))
        pairing = Pairing(judged, reference, image, window)
        report = self._compare(pairing)
        self._let_go()
        self._pairing, self.report = pairing, report
        self._drawn.draw(report, judged, pairing.frame)
        self._show()
        self._follower.follow(*edits_of(judged, reference), self.viewer.layers.events.removed)

    def closed(self) -> None:
        """Take what was drawn off the canvas, and follow nothing any more."""
        super().closed()
        self._let_go()
        self._drawn.remove()

    # --- following --------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        pairing = self._pairing
        if pairing is None:
            return
        if not {pairing.judged, pairing.reference} <= set(self.viewer.layers):
            self._let_go()
            self._drawn.remove()
            self.results.setVisible(False)
            self.set_status("a compared layer was deleted; choose two layers and press Compare")
            return
        before = self._compared
        try:
            report = self._compare(pairing)
        except StmError as error:
            self._compared = None
            self.set_status(one_line(error))  # each edit would open one message more
            return
        if before is None or not _equal(before, self._compared):
            self.report = report
            self._drawn.move(report, pairing.judged, pairing.frame)
            self._show()

    def _compare(self, pairing: Pairing) -> Comparison:
        points, reference = pairing.points(pairing.judged), pairing.points(pairing.reference)
        tolerance_nm = float(self.tolerance.value)
        size = None if pairing.image is None else layer_pixel_size_nm(pairing.image)
        report = compare(points, reference, tolerance_nm, pixel_size_nm=size, frame=pairing.window)
        self._compared = (points, reference, tolerance_nm)
        return report

    def _let_go(self) -> None:
        self._follower.release()
        self._pairing = None

    # --- what is shown ----------------------------------------------------------------------------------------

    def _show(self) -> None:
        report = self.report
        assert report is not None
        self.figures.setText(figures_html(report))
        distances_nm = report.pairs["distance_nm"].to_numpy(dtype=float)
        self.distances.show_plot(plot_pair_distances, pair_distances_table, distances_nm, report.tolerance_nm)
        self.table.show_rows(self.rows())
        self.results.setVisible(True)
        self.set_status(f"{len(report.pairs)} matched, {len(report.missed)} missed, {len(report.extra)} extra")

    def rows(self) -> pd.DataFrame:
        """The rows of the comparison, with the confidence of each point."""
        assert self.report is not None
        assert self._compared is not None
        rows = self.report.rows()
        confidence = self._compared[0]["confidence"]
        known = rows["point"].notna()
        rows.insert(4, "confidence", np.nan)
        rows.loc[known, "confidence"] = confidence.to_numpy()[rows.loc[known, "point"].to_numpy(dtype=int)]
        return rows

    def _go_to(self, row: pd.Series[Any]) -> None:
        """Centre the canvas on a row's point, and select it in its layer."""
        if self._pairing is None:
            return
        goal: np.ndarray | None = None
        for layer, number in ((self._pairing.reference, row["reference"]), (self._pairing.judged, row["point"])):
            shown = np.flatnonzero(visible_mask(layer))
            if pd.isna(number) or int(number) >= len(shown):
                continue
            index = int(shown[int(number)])
            layer.selected_data = {index}
            self.viewer.layers.selection.active = layer
            goal = Transform.of(layer).to_canvas(layer.data[[index]])[0, -2:]
        if goal is not None:
            self.viewer.scene.camera.center = (0.0, float(goal[0]), float(goal[1]))

    def _save(self) -> None:
        assert self.report is not None
        name, _ = QFileDialog.getSaveFileName(self, "Save the comparison", "comparison.json", SAVE_FILTERS)
        if not name:
            return
        path = Path(name)
        if path.suffix.lower() == ".csv":
            with written_whole(path) as temporary:
                self.rows().to_csv(temporary, index=False)
        else:
            path = self.report.to_json(path if path.suffix else path.with_suffix(".json"))
        self.set_status(f"saved as {path}")

    def _choose_two(self) -> None:
        choices = self.points.choices
        if len(choices) > 1 and self.points.value is self.reference.value:
            by_hand = self.reference in self._chosen
            self.reference.value = next(layer for layer in choices if layer is not self.points.value)
            if not by_hand:  # so that a reference that is found later is chosen
                self._chosen.discard(self.reference)


def _share_of(source: str, layer: Points) -> float:
    """The share of a layer's points that come from a source."""
    return float((layer.features["source"] == source).mean()) if len(layer.features.get("source", ())) else 0.0


def _equal(one: tuple[Any, ...], other: tuple[Any, ...] | None) -> bool:
    return other is not None and one[0].equals(other[0]) and one[1].equals(other[1]) and one[2] == other[2]


def figures_html(report: Comparison) -> str:
    """The figures of a comparison as a small table, the chance level beside the paper's ratio."""
    given = report.frame_source == "given"
    area = "the measured area of the image" if given else "the box around all points; choose an image for its area"
    return f"{rows_html(report.summary_rows())}<p>Chance: as many random points in {area}.</p>"
