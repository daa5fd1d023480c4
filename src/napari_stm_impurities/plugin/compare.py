"""The widget *Compare*: two points layers, and who found whom."""

from __future__ import annotations

import inspect
import math
from functools import partial
from typing import Any

import numpy as np
from magicgui.widgets import FloatSpinBox
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from ..comparison import Comparison, compare
from ..errors import StmError
from .layers import BIAS_KEY, calibrate, layer_frame_nm, layer_pixel_size_nm, placement
from .panel import Panel
from .points_layers import layer_points

#: Border, face and symbol of each; the colours are told apart by a colour-blind eye too (Okabe and Ito).
LOOKS = {
    "matched": ("#009e73", "transparent", "disc"),
    "missed": ("#d55e00", "#d55e00", "cross"),
    "extra": ("#56b4e9", "transparent", "diamond"),
}


class ComparePanel(Panel):
    """Match two points layers one to one within a radius."""

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
            "Its area gives the chance level, its pixel the radius of the paper's ratio",
            optional=True,
            prefer=lambda layer: BIAS_KEY in layer.metadata,
        )
        self.tolerance = FloatSpinBox(
            value=inspect.signature(compare).parameters["tolerance_nm"].default,
            min=0.001,
            max=1000,
            label="Match within (nm)",
            tooltip="The largest distance between a point and its reference point, in nm",
        )
        self.tolerance.native.setDecimals(3)
        self.add_fields([self.points, self.reference, self.image, self.tolerance])
        self.figures = QLabel()
        self.figures.setTextFormat(Qt.TextFormat.RichText)
        self.figures.setWordWrap(True)
        self.figures.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.body.addWidget(self.figures)
        self._layers: list[Layer] = []
        self._choose_two()

    def reset_choices(self, _event: Any = None) -> None:
        """Offer the layers that there are now; two different ones where there are two."""
        super().reset_choices(_event)
        self._choose_two()

    def start(self) -> None:
        """Compare the chosen layers; it is a matter of milliseconds and needs no thread."""
        found, truth = self.points.value, self.reference.value
        if found is None or truth is None or len(self.points.choices) < 2:
            raise StmError("two points layers are needed; find impurities and a reference first, or open their tables")
        if found is truth:
            raise StmError("the points and the reference are the same layer; choose two")
        image = self.image.value
        size = None if image is None else layer_pixel_size_nm(image)
        for layer in (found, truth):
            if layer_pixel_size_nm(layer) is None and size is not None:
                calibrate(layer, pixel_size_nm=float(np.mean(size)))
        report = compare(
            layer_points(found),
            layer_points(truth),
            self.tolerance.value,
            pixel_size_nm=size,
            frame=None if image is None else layer_frame_nm(image),
        )
        self._show(report, found, truth)

    def _show(self, report: Comparison, found: Points, truth: Points) -> None:
        for layer in self._layers:
            if layer in self.viewer.layers:
                self.viewer.layers.remove(layer)
        parts = {
            "matched": (found, report.pairs["point"]),
            "missed": (truth, report.missed["reference"]),
            "extra": (found, report.extra["point"]),
        }
        self._layers = []
        for name, (layer, rows) in parts.items():
            data = np.asarray(layer.data)[np.asarray(layer.shown, dtype=bool)][rows.to_numpy(dtype=int), -2:]
            border, face, symbol = LOOKS[name]
            self._layers.append(
                Points(
                    data,
                    **placement(layer),
                    metadata=dict(layer.metadata),
                    name=name,
                    symbol=symbol,
                    size=1.3 * float(np.max(layer.size, initial=layer.current_size)),
                    face_color=face,
                    border_color=border,
                    border_width=0.2,
                )
            )
            self.viewer.add_layer(self._layers[-1])
        self.figures.setText(figures_html(report))
        self.say(f"{len(report.pairs)} matched, {len(report.missed)} missed, {len(report.extra)} extra")

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


def figures_html(report: Comparison) -> str:
    """The figures of a comparison as a small table, the chance level beside the paper's ratio."""
    distance = "—" if math.isnan(report.rms_distance_nm) else f"{report.rms_distance_nm:.3f} nm"
    chance = "—" if math.isnan(report.chance_ratio) else f"{report.chance_ratio:.3f}"
    rows = [
        ("Points / reference points", f"{report.n_points} / {report.n_reference}"),
        ("Recall", f"{report.recall:.3f}"),
        ("Precision", f"{report.precision:.3f}"),
        ("F1", f"{report.f1:.3f}"),
        ("Distance of the pairs (rms)", distance),
        (f"Paper's ratio (within {report.ratio_radius_nm:.3g} nm)", f"{report.reference_ratio:.3f}"),
        ("… by chance", chance),
    ]
    cells = "".join(f"<tr><td>{name}&nbsp;&nbsp;</td><td align='right'><b>{text}</b></td></tr>" for name, text in rows)
    area = "the image" if report.frame_source == "given" else "the box around all points; choose an image for its area"
    return f"<table>{cells}</table><p>Chance: as many random points in {area}.</p>"
