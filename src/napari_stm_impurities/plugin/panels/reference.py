"""The widget *Find reference (EM)*: impurities from the map of their bound states."""

from __future__ import annotations

import math
import time
from functools import partial
from typing import Any

import pandas as pd
from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtWidgets import QLabel

from ...spots import ReferenceConfig, find_reference
from ..editing import add_points
from ..layers.bias_overlay import shown_map
from ..layers.images import layer_bias_mv
from ..layers.points import points_layer
from ..widgets.forms import Form
from ..widgets.image_picker import ImagePicker
from ..widgets.panel import Panel


class ReferencePanel(Panel):
    """Find reference points by expectation-maximisation in a map far below the band."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer, "Find reference points")
        self.source = ImagePicker(
            self,
            "Bound-state map",
            "A map at a bias far below the band, where bound states sit on the impurities",
            _lowest_bias,
        )
        self.which = QLabel()
        self.which.setWordWrap(True)
        self.body.addWidget(self.which)
        self.form = Form(ReferenceConfig, main=("sign",))
        self.body.addWidget(self.form)
        self.source.box.changed.connect(self._say_which)
        self.viewer.dims.events.current_step.connect(self._say_which)
        self._say_which()

    def start(self) -> None:
        """Search the map on the screen."""
        layer = self.source.layer
        stack = self.source.stack()
        bound_map = stack.isel(bias=[shown_map(layer, self.viewer, stack.sizes["bias"])])
        done = partial(self._show, layer, float(bound_map.bias.values[0]), time.monotonic())
        self.run(find_reference, bound_map, config=self.form.value(), done=done)

    def _show(self, layer: Image, bias_mv: float, since: float, table: pd.DataFrame) -> None:
        made = points_layer(table, layer, kind="reference", name=f"reference ({layer.name})")
        add_points(self.viewer, made)
        seconds = time.monotonic() - since
        fwhm = f", spots {table.attrs['fwhm_px']:.1f} px wide" if len(table) and "fwhm_px" in table.attrs else ""
        self.set_status(f"{len(table)} reference points at {bias_mv:g} mV{fwhm}, {seconds:.1f} s")

    def _say_which(self, _event: Any = None) -> None:
        layer = self.source.box.value
        bias = None if layer is None or layer.ndim not in (2, 3) else layer_bias_mv(layer)
        uses_slider = bias is not None and len(bias) > 1
        self.which.setVisible(uses_slider)
        if bias is not None and uses_slider:
            at = bias[shown_map(layer, self.viewer, len(bias))]
            self.which.setText(f"The map on the screen is searched: {at:g} mV. Move the slider to choose another.")


def _lowest_bias(layer: Image) -> float:
    """The lower the lowest bias of a layer, the more likely it shows bound states."""
    bias = layer_bias_mv(layer) if layer.ndim in (2, 3) else None
    return -math.inf if bias is None else -float(bias.min())
