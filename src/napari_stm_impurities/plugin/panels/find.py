"""The widget *Find impurities*: what a model finds in an image, and from which confidence on it is shown."""

from __future__ import annotations

import inspect
import time
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from napari.components import ViewerModel
from napari.layers import Image

from ...core.progress import Progress, ShouldStop
from ...impurities.detect import Finding, find
from ...impurities.model import Model, load_model
from ...nn.device import choose_device
from ...prepare import choose_biases
from ..layers.images import THRESHOLD_KEY, layer_bias_mv
from ..layers.results import show_finding
from ..layers.transforms import layer_pixel_size_nm
from ..preferences import preferences
from ..widgets.bias_range import BiasRange
from ..widgets.dispersion_picker import DispersionPicker
from ..widgets.fields import tick_box
from ..widgets.forms import Fold, grid
from ..widgets.image_picker import ImagePicker, n_maps
from ..widgets.model_choice import ModelChoice
from ..widgets.panel import Panel
from ..widgets.threshold import Threshold

#: Points are kept down to this confidence, so that the slider can show them without another run.
LEAST_CONFIDENCE = 0.05


class FindPanel(Panel):
    """Find impurities in an image layer, with a shipped model or one that was trained."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer, "Find impurities")
        self.source = ImagePicker(
            self,
            "Image",
            "The maps to look for impurities in, one a bias",
            prefer=n_maps,
            left_out="Pixels painted in this labels layer are not searched",
        )
        self.model = ModelChoice()
        self.surface = DispersionPicker(self.viewer)
        self.biases = BiasRange()
        self.threshold = Threshold(self)
        self.second_pass = tick_box(
            inspect.signature(find).parameters["second_pass"].default,
            "Second pass",
            "Average the maps around the surest points, and score every point once more by how well this common pattern"
            " fits there: needs a model that was calibrated for it",
        )
        self.body.addWidget(self.model)
        self.body.addWidget(self.surface)
        more = Fold("More settings")
        more.inside.addWidget(self.biases)
        more.inside.addWidget(grid([self.second_pass]))
        self.body.addWidget(more)
        self.body.addWidget(self.threshold)
        self.source.box.changed.connect(self._look)
        self.biases.changed.connect(self._look_at_range)
        self._look(self.source.box.value)

    def start(self) -> None:
        """Find in the chosen image."""
        layer = self.source.layer
        told = layer_pixel_size_nm(layer) is not None and layer_bias_mv(layer) is not None
        stack, mask = self.source.stack(), self.source.mask()
        if not told:
            self._look(layer)  # a layer from elsewhere tells its biases and pixels only now
        how = preferences()
        self.run(
            how.threaded(find_on_device),
            stack,
            self.model.chosen(),
            self.biases.range_mv(),
            how.device_name,
            dispersion=self.surface.band(),
            tile_px=how.tile,
            mask=mask,
            second_pass=self.second_pass.value,
            done=partial(self._found, layer, mask, time.monotonic()),
        )

    def reset_choices(self, _event: Any = None) -> None:
        """Offer the layers that there are now; a box that was emptied does not tell by itself."""
        super().reset_choices(_event)
        if self.source.box.value is not self.surface.layer:
            self._look(self.source.box.value)
        self.threshold.follow()

    def closed(self) -> None:
        """Stop the work and the reading; called when the widget is taken out of the window."""
        super().closed()
        self.surface.stop()

    def _look(self, layer: Image | None) -> None:
        self.biases.fill(layer)
        self.surface.look_at(layer)

    def _look_at_range(self) -> None:
        self.surface.look_at(self.source.box.value, *self.biases.range_mv())

    def _found(self, layer: Image, mask: np.ndarray | None, since: float, result: tuple[Finding, str]) -> None:
        finding, device = result
        points = show_finding(self.viewer, layer, finding, mask)
        self.threshold.choose(points)
        notes = "".join(f"\nNote: {note}." for note in finding.notes)
        self.set_status(
            f"{np.count_nonzero(points.shown)} impurities, confidence from {points.metadata[THRESHOLD_KEY]:.2f},"
            f" {time.monotonic() - since:.1f} s on {device}{notes}"
        )


def find_on_device(
    stack: xr.DataArray,
    model: str | Model,
    range_mv: tuple[float | None, float | None],
    device: str | None,
    *,
    progress: Progress,
    should_stop: ShouldStop,
    **how: Any,
) -> tuple[Finding, str]:
    """Find in the maps of a range of biases, down to a low confidence, and name the device.

    Parameters
    ----------
    stack
        The stack; it may still lie on the disk.
    model
        A model, or the name or path of one.
    range_mv
        The lowest and the highest bias, in mV; None for that of the stack.
    device
        The device by name; the fastest there is where not given.
    progress, should_stop
        Progress callback and cancellation check.
    **how
        Passed on to :func:`~napari_stm_impurities.impurities.detect.find`.
    """
    progress(0.0, "loading the model")
    loaded = load_model(model, device)
    loaded.network.to(choose_device(device))  # one that was trained here may be elsewhere
    stack = stack.compute()
    if range_mv != (None, None):
        stack = choose_biases(stack, *range_mv)
    least = min(LEAST_CONFIDENCE, loaded.threshold)
    finding = find(stack, loaded, threshold=least, progress=progress, should_stop=should_stop, **how)
    return finding, str(loaded.device)
