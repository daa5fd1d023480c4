"""The widget *Prepare*: what is done to a stack before anything is looked for in it, with a preview."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from napari.components import ViewerModel
from napari.layers import Image, Layer
from qtpy.QtWidgets import QPushButton

from ...core.progress import Progress, ShouldStop, never, silent
from ...plots.drift import drift_table, plot_drift
from ...prepare import apply, join_directions, normalise_by_conductance
from ...prepare.config import PrepareConfig
from ..layers.bias_overlay import shown_map
from ..layers.images import ATTRS_KEY, image_layer, layer_stack
from ..layers.transforms import layer_pixel_size_nm
from ..plots.canvas import PlotCanvas
from ..plots.preview import Preview
from ..widgets.channel_choice import ChannelChoice
from ..widgets.fields import write
from ..widgets.forms import Form
from ..widgets.image_picker import ImagePicker, n_maps
from ..widgets.panel import Panel

#: Steps that need all maps, and say nothing of one alone: the preview leaves them out.
_NOT_OF_ONE_MAP = ("choose_biases", "correct_drift", "average_biases")
_DRIFT_PX = 150
#: Where a cropped stack was cut out, (y, x) in nm.
_ORIGIN = "crop_origin_nm"


class PreparePanel(Panel):
    """Prepare a stack: choose, clip, normalise, correct the drift, crop, level, fill, resample."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer, "Apply")
        self.source = ImagePicker(self, "Stack", "The maps to prepare; they stay as they are", n_maps)
        self.channel = ChannelChoice(self, self.source)
        self.backward = self.layer_box(
            Image, "Way back", "The same channel measured on the way back: both are averaged", optional=True
        )
        self.current = self.layer_box(
            Image, "Current", "The current of the same sweep: dI/dV is divided by I/V", optional=True
        )
        self.add_fields([self.backward, self.current])
        self.form = Form(
            PrepareConfig,
            main=("low_mv", "high_mv", "clip_saturated", "level_planes", "level_lines", "fill_missing"),
        )
        self.body.addWidget(self.form)
        self.preview_button = QPushButton("Preview the map on the screen")
        self.preview_button.clicked.connect(lambda: self.attempt(self.preview))
        self.pictures = Preview()
        self.body.addWidget(self.preview_button)
        self.body.addWidget(self.pictures)
        self.drift = PlotCanvas("drift", height_px=_DRIFT_PX)
        self.drift.setVisible(False)
        self.body.addWidget(self.drift)
        self.source.box.changed.connect(self._show_frame)
        self._show_frame(self.source.box.value)

    def preview(self) -> None:
        """Show the map on the screen as it is and as the steps would leave it."""
        stack = self.source.stack()
        at = shown_map(self.source.layer, self.viewer, stack.sizes["bias"])
        one = stack.isel(bias=[at])
        steps = [step for step in self.form.value().recipe() if step["step"] not in _NOT_OF_ONE_MAP]
        backward = None if self.backward.value is None else layer_stack(self.backward.value).isel(bias=[at])
        after = prepared(one, steps, backward, None)
        self.pictures.show_maps(one[0], after[0])
        self.set_status(
            f"{one.bias.values[0]:g} mV, before and after {', '.join(_said(step) for step in steps) or 'nothing'}"
        )

    def start(self) -> None:
        """Prepare the whole stack, and add it as a layer."""
        layer = self.source.layer
        stack = self.source.stack()
        steps = self.form.value().recipe()
        others = [None if box.value is None else layer_stack(box.value) for box in (self.backward, self.current)]
        self.run(prepared, stack, steps, *others, done=partial(self._show, layer, steps))

    def _show_frame(self, layer: Image | None) -> None:
        """Let the sides of a crop that is not wanted yet begin as those of the whole frame."""
        size = None if layer is None else layer_pixel_size_nm(layer)
        if layer is None or size is None or layer.ndim not in (2, 3):
            return
        for name, n, step in zip(("y_nm", "x_nm"), layer.data.shape[-2:], size, strict=True):
            field = self.form[name]
            if not field.own.value:
                write(field.inner, (0.0, n * step))

    def _show(self, layer: Image, steps: list[dict[str, Any]], stack: xr.DataArray) -> None:
        data, keywords, _ = image_layer(stack, name=f"{layer.name} (prepared)", colormap="gray")
        # a layer that was cropped before already stands where it was cut out
        before = layer.metadata.get(ATTRS_KEY, {}).get(_ORIGIN, (0.0, 0.0))
        cut = np.subtract(stack.attrs.get(_ORIGIN, (0.0, 0.0)), before)
        keywords["translate"] = (*keywords["translate"][:-2], *(layer.translate[-2:] + cut))
        self.viewer.add_layer(Layer.create(data, keywords, "image"))
        drift = stack.attrs["drift_nm"] if any(step["step"] == "correct_drift" for step in steps) else None
        self._draw_drift(drift)
        told = "" if drift is None else f"; drift up to {np.hypot(*np.transpose(drift)).max():.3g} nm"
        n_maps, height, width = stack.shape
        self.set_status(f"{n_maps} maps of {height} x {width} pixels{told}")

    def _draw_drift(self, drift: list[list[float]] | None) -> None:
        if drift is not None:
            self.drift.show_plot(plot_drift, drift_table, drift)
        self.drift.setVisible(drift is not None)


def prepared(
    stack: xr.DataArray,
    recipe: list[dict[str, Any]],
    backward: xr.DataArray | None,
    current: xr.DataArray | None,
    *,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> xr.DataArray:
    """The stack joined with its way back and divided by I/V where they are given, and then the recipe's steps."""
    if backward is not None:
        stack = join_directions(stack, backward)
    if current is not None:
        stack = normalise_by_conductance(stack, current)
    return apply(stack, recipe, progress=progress, should_stop=should_stop)


def _said(step: dict[str, Any]) -> str:
    return str(step["step"]).replace("_", " ")
