"""The widget *Find impurities*: what a model finds in an image."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import xarray as xr
from magicgui.widgets import ComboBox, FloatSpinBox, SpinBox
from napari.components import ViewerModel
from napari.layers import Image, Layer

from ..find.find import Finding, find
from ..network.model import Model, load_model
from ..physics.dispersion import MATERIALS
from ..progress import Progress, ShouldStop
from .fields import Optional
from .forms import Fold, grid
from .layers import score_layer
from .model_choice import ModelChoice
from .panel import Panel
from .points_layers import points_layer
from .source import ImageSource, n_maps

READ_OFF = "read off the image"


class FindPanel(Panel):
    """Find impurities in an image layer, with a shipped model or one that was trained."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer, "Find impurities")
        self.source = ImageSource(self, "Image", "The maps to look for impurities in, one a bias", prefer=n_maps)
        self.model = ModelChoice()
        self.surface = ComboBox(
            choices=[READ_OFF, *MATERIALS],
            label="Surface",
            tooltip="Sets the ripples' length at each bias; by default it is read off the image's Fourier transform",
        )
        threshold = FloatSpinBox(min=0.0, max=1.0, step=0.01, value=0.5)
        self.threshold = Optional(threshold, None)
        self.threshold.label = "Least confidence"
        self.threshold.tooltip = "From which confidence (0 to 1) on a point counts; the model's own if not set"
        self.tile = Optional(SpinBox(min=0, max=8192, value=0), None)
        self.tile.label = "Tile (px)"
        self.tile.tooltip = "Side of the tiles that the image is cut into; 0 takes it whole; the model's own if not set"
        self.body.addWidget(self.model)
        self.add_fields([self.surface, self.threshold])
        more = Fold("More settings")
        more.inside.addWidget(grid([self.tile]))
        self.body.addWidget(more)

    def start(self) -> None:
        """Find in the chosen image."""
        layer, stack = self.source.layer, self.source.stack()
        self.run(
            find_on_device,
            stack,
            self.model.chosen(),
            dispersion=None if self.surface.value == READ_OFF else self.surface.value,
            threshold=self.threshold.inner.value if self.threshold.own.value else None,
            tile_px=self.tile.inner.value if self.tile.own.value else None,
            done=partial(self._found, layer, time.monotonic()),
        )

    def _found(self, layer: Image, since: float, result: tuple[Finding, str]) -> None:
        finding, device = result
        scores, look, _ = score_layer(finding.score, layer, name=f"score ({layer.name})", visible=False)
        self.viewer.add_layer(Layer.create(scores, look, "image"))
        data, keywords, _ = points_layer(finding.points, layer, kind="model", name=f"impurities ({layer.name})")
        self.viewer.add_layer(Layer.create(data, keywords, "points"))
        if not self.threshold.own.value:
            self.threshold.inner.value = finding.threshold  # where to start from, when one is set
        band = finding.dispersion
        scale = ""
        if band is not None:
            scale = f"\nSurface band from {band.band_bottom_mv:.0f} mV, effective mass {band.effective_mass:.2f}"
        notes = "".join(f"\nNote: {note}." for note in finding.notes)
        seconds = time.monotonic() - since
        self.say(
            f"{len(finding.points)} impurities, confidence from {finding.threshold:.2f}, {seconds:.1f} s on {device}"
            f"{scale}{notes}"
        )


def find_on_device(
    stack: xr.DataArray, model: str | Model, *, progress: Progress, should_stop: ShouldStop, **how: Any
) -> tuple[Finding, str]:
    """Find with the model on the fastest device there is, and name the device."""
    progress(0.0, "loading the model")
    loaded = load_model(model)
    return find(stack, loaded, progress=progress, should_stop=should_stop, **how), str(loaded.device)
