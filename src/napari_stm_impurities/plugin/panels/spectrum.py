"""The widget *Spectrum and attention*: what was measured at a place, and what the network made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from napari.components import ViewerModel
from napari.layers import Image, Points
from qtpy.QtGui import QHideEvent, QShowEvent

from ...core.errors import StmError
from ...impurities.detect import Finding
from ...plots.attention import attention_table, plot_attention
from ...plots.elements import mark_bias
from ...plots.spectra import Spectrum, plot_spectra, spectra_table
from ..layers.bias_overlay import in_mv, shown_map
from ..layers.images import (
    FINDING_KEY,
    IMAGE_KEY,
    layer_bias_mv,
    unwrap_proxy,
    values_of,
)
from ..layers.points import layer_points, visible_mask
from ..layers.transforms import Transform, layer_pixel_size_nm
from ..plots.canvas import TWO_SIDED, PlotCanvas
from ..preferences import preferences
from ..widgets.explain_job import ClickedPosition, ExplainRequest, ExplainResult, explain_at
from ..widgets.fields import tick_box
from ..widgets.follower import LayerFollower
from ..widgets.forms import result_label
from ..widgets.image_picker import ImagePicker, n_maps
from ..widgets.panel import Panel

#: A press and a release this far apart, in pixels of the canvas, are a drag and no click.
DRAG_PX = 5
#: In these modes of the active layer a click does nothing else that the person means.
IDLE_MODES = ("pan_zoom", "select")


@dataclass(frozen=True, eq=False)
class Request:
    """A place on the canvas, and the nearest point.

    Attributes
    ----------
    place
        In the stack's coordinates.
    y_nm, x_nm
        In those of the canvas, which the tables of points have.
    nearest
        The nearest point, a row of its table, with its `distance_nm`; None without points.
    """

    place: ClickedPosition
    y_nm: float
    x_nm: float
    nearest: pd.Series[Any] | None


class LookPanel(Panel):
    """Show the spectrum and the network's reasons where the person clicks, or at the selected point."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer, "Look at the selected point")
        self.source = ImagePicker(self, "Image", "The maps whose spectra are shown, one a bias", prefer=n_maps)
        self.points = self.layer_box(
            Points,
            "Points",
            "The surface is taken away from these; a layer that a run made brings its model with it",
            optional=True,
            prefer=lambda layer: FINDING_KEY in layer.metadata,
        )
        self.by_click = tick_box(
            True, "Look where I click", "A click on the canvas looks there, while no points are being added or drawn"
        )
        self.add_fields([self.points, self.by_click])
        self.summary = result_label("Click on the image, or select a point.", rich=True)
        self.spectrum = PlotCanvas("spectrum", margins=TWO_SIDED, draw_mark=mark_bias)
        self.spectrum.setToolTip(
            "dI/dV at the place, over a disc of one pixel's radius; blue: the mean over the half of the image that lies"
            " farthest from all points, and the standard deviation there"
        )
        self.attention = PlotCanvas("attention", margins=TWO_SIDED, draw_mark=mark_bias)
        self.attention.setToolTip(
            "How much the network asks each map at this place (the weights of Eq. 1, which sum to 1), and by how much"
            " the score falls when that map is left out; neighbouring maps are averaged first"
        )
        for widget in (self.summary, self.spectrum, self.attention):
            self.body.addWidget(widget)
        for plot in (self.spectrum, self.attention):
            plot.setVisible(False)
        self.look: ExplainResult | None = None
        self._request: Request | None = None
        self._next: Request | None = None
        self._subject: ExplainRequest | None = None
        self._key: tuple[Any, ...] = ()
        self._followed: Points | None = None
        # a selection also changes in the middle of an edit
        self._follower = LayerFollower(self, self._look_at_selected, 0)
        self.points.changed.connect(self._follow)

    # --- where to look ----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Look at the selected point."""
        layer = self.points.value
        if layer is None or len(layer.selected_data) != 1:
            raise StmError("select one point in the layer under Points, or click on the image")
        self._look_at_point(layer, next(iter(layer.selected_data)))

    def _look_at_selected(self) -> None:
        layer = self._followed
        if (
            layer is not None
            and self.by_click.value
            and len(layer.selected_data) == 1
            and self.source.box.value is not None
        ):
            self.attempt(self.start)

    def _clicked_on_canvas(self, _viewer: Any, event: Any) -> Iterator[None]:
        """Look where the mouse was pressed and released; napari resumes this at each move and at the release."""
        active = self.viewer.layers.selection.active
        idle = str(getattr(active, "mode", IDLE_MODES[0])) in IDLE_MODES
        if not (self.by_click.value and idle and event.button == 1 and not event.modifiers):
            return
        pressed = np.array(event.pos)
        yield
        while event.type == "mouse_move":
            yield
        near = np.linalg.norm(np.array(event.pos) - pressed) < DRAG_PX
        if near and self.source.box.value is not None and self.viewer.dims.ndisplay == 2:
            self.attempt(lambda: self._look_on_canvas(np.array(event.position[-2:])))

    def _look_on_canvas(self, canvas: np.ndarray) -> None:
        image = self.source.layer
        pixel = Transform.of(image).from_canvas(canvas[None])[0, -2:]
        if not np.all((pixel >= -0.5) & (pixel <= np.array(values_of(image).shape[-2:]) - 0.5)):
            return
        layer = self.points.value
        if layer is not None:
            # where a symbol is, the point is meant
            data = np.asarray(layer.data, dtype=float)
            away = np.linalg.norm(Transform.of(layer).to_canvas(data)[:, -2:] - canvas, axis=1)
            away[~visible_mask(layer)] = np.inf
            reach = np.asarray(layer.size) / 2 * float(np.abs(layer.scale[-2:]).mean())
            if np.any(away <= reach):
                self._look_at_point(layer, int(np.argmin(np.where(away <= reach, away, np.inf))))
                return
        self._look(canvas, np.nan)

    def _look_at_point(self, layer: Points, index: int) -> None:
        canvas = Transform.of(layer).to_canvas(layer.data[[index]])[0, -2:]
        scores = layer.features.get("score")
        self._look(canvas, np.nan if scores is None else float(scores.iloc[index]))

    def _look(self, canvas: np.ndarray, score: float) -> None:
        """Look at a place on the canvas, where a point of this score stands."""
        image = self.source.layer
        subject = self._subject_of(image)
        maps = Transform.of(image)
        here = canvas * maps.nm_per_canvas
        points_nm, nearest = np.zeros((0, 2)), None
        if self.points.value is not None:
            table = layer_points(self.points.value)
            every = table[["y_nm", "x_nm"]].to_numpy(dtype=float)
            points_nm = maps.to_map_nm(maps.from_nm(every))
            away = np.linalg.norm(every - here, axis=1)
            if len(away):
                nearest = table.iloc[int(away.argmin())].copy()
                nearest["distance_nm"] = float(away.min())
        y_nm, x_nm = maps.to_map_nm(maps.from_canvas(canvas[None]))[0].tolist()
        request = Request(ClickedPosition(y_nm, x_nm, points_nm, score), float(here[0]), float(here[1]), nearest)
        if self.running:
            self._next = request
        else:
            self._begin(subject, request)

    def _subject_of(self, image: Image) -> ExplainRequest:
        """The stack and the model; read anew only when the layer, or the run on it, is another one."""
        finding = _finding_on(image, self.points.value)
        size, bias = layer_pixel_size_nm(image), layer_bias_mv(image)
        key = (image, image.data, finding, size, None if bias is None else tuple(bias))
        same = [a is b or (isinstance(a, tuple) and a == b) for a, b in zip(key, self._key, strict=False)]
        if self._subject is None or len(same) < len(key) or not all(same):
            self._subject = ExplainRequest(self.source.stack(), finding, preferences().device_name)
            size, bias = layer_pixel_size_nm(image), layer_bias_mv(image)  # a person may have been asked just now
            self._key = (image, image.data, finding, size, None if bias is None else tuple(bias))
        return self._subject

    def _begin(self, subject: ExplainRequest, request: Request) -> None:
        self._request, self._next = request, None
        self.run(preferences().threaded(explain_at), subject, request.place, done=self._show)

    # --- what is shown ----------------------------------------------------------------------------------------

    def _show(self, look: ExplainResult) -> None:
        self.look = look
        unit = str(look.spectrum.attrs.get("units", ""))
        bias = look.spectrum.bias.values
        surface = look.surface
        spectra = [
            Spectrum("here", look.spectrum.values),
            Spectrum("surface", surface.mean.values, surface.std.values),
        ]
        quantity = "dI/dV" if self._subject is None else str(self._subject.stack.name)
        self.spectrum.show_plot(plot_spectra, spectra_table, bias, spectra, quantity, unit)
        self.spectrum.setVisible(True)
        self.attention.setVisible(look.reasons is not None)
        if look.reasons is not None:
            weight, fall = look.reasons.weight, look.reasons.leave_one_out_drop
            range_mv = (float(bias[0]), float(bias[-1]))
            values = (weight.bias.values, weight.values, fall.values, range_mv)
            self.attention.show_plot(plot_attention, attention_table, *values)
        self._tell()
        if look.problem:
            self.set_status(look.problem)
        if self._next is not None and self._subject is not None:
            self._begin(self._subject, self._next)

    def _tell(self, _event: Any = None) -> None:
        """Write the figures of the place, at the bias on the slider."""
        look, request, image = self.look, self._request, self.source.box.value
        if look is None or request is None or image is None:
            return
        rows = [("Place", f"y {request.y_nm:.3f} nm, x {request.x_nm:.3f} nm")]
        if look.reasons is not None:
            rows.append(("Score, confidence", f"{look.reasons.score:.3f}, {look.reasons.confidence:.2f}"))
        if request.nearest is not None:
            confidence = request.nearest["confidence"]
            what = request.nearest["source"] if np.isnan(confidence) else f"confidence {confidence:.2f}"
            rows.append(("Nearest point", f"{request.nearest['distance_nm']:.3f} nm off, {what}"))
        unit = look.spectrum.attrs.get("units", "")
        number = shown_map(image, self.viewer, look.spectrum.sizes["bias"])
        bias = float(look.spectrum.bias.values[number])
        here, mean, std = (float(v[number]) for v in (look.spectrum, look.surface.mean, look.surface.std))
        rows.append((f"Here at {in_mv(bias)}", f"{here:.4g} {unit}"))
        rows.append(("Surface there", f"{mean:.4g} ± {std:.2g} {unit}"))
        if self._subject is not None and self._subject.explainer is not None:
            run = "of the run" if self._subject.finding is not None else "not yet run on this image"
            rows.append(("Model", f"{self._subject.explainer.model.config.name}, {run}"))
        cells = "".join(f"<tr><td>{name}&nbsp;&nbsp;</td><td><b>{text}</b></td></tr>" for name, text in rows)
        self.summary.setText(f"<table>{cells}</table>")
        for plot in (self.spectrum, self.attention):
            plot.mark(bias)

    # --- following --------------------------------------------------------------------------------------------

    def reset_choices(self, _event: Any = None) -> None:
        """Offer the layers that there are now; a box that was emptied does not tell by itself."""
        super().reset_choices(_event)
        if self.isVisible():
            self._follow()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Hear the mouse, the slider and the selection as long as the widget is in sight."""
        super().showEvent(event)
        callbacks = self._canvas_callbacks()
        if self._clicked_on_canvas not in callbacks:
            callbacks.append(self._clicked_on_canvas)
            self.viewer.dims.events.current_step.connect(self._tell)
        self._follow()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Hear nothing while it is not."""
        super().hideEvent(event)
        callbacks = self._canvas_callbacks()
        if self._clicked_on_canvas in callbacks:
            callbacks.remove(self._clicked_on_canvas)
            self.viewer.dims.events.current_step.disconnect(self._tell)
        self._follow_layer(None)

    def _canvas_callbacks(self) -> list[Any]:
        # napari hands widgets a proxy of the viewer; the list is the viewer's own
        callbacks: list[Any] = unwrap_proxy(self.viewer).mouse_drag_callbacks
        return callbacks

    def _follow(self, _layer: Any = None) -> None:
        if self.isVisible():
            self._follow_layer(self.points.value)

    def _follow_layer(self, layer: Points | None) -> None:
        if layer is self._followed:
            return
        self._follower.follow(*([] if layer is None else [layer.selected_data.events.items_changed]))
        self._followed = layer


def _finding_on(image: Image, layer: Points | None) -> Finding | None:
    """The run that made a points layer, if it was a run on this image."""
    finding, of = (None, None) if layer is None else (layer.metadata.get(FINDING_KEY), layer.metadata.get(IMAGE_KEY))
    return finding if isinstance(finding, Finding) and of is not None and of() is image else None
