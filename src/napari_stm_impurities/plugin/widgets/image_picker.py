"""The choice of an image layer, and what to ask where it does not tell its pixel size or its biases.

With it comes the choice of a labels layer whose pixels are left out of the image.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from magicgui.widgets import ComboBox, FloatSpinBox
from napari.layers import Image, Labels, Layer

from ...core.errors import StmError
from ..layers.images import layer_bias_mv, layer_stack, set_scale
from ..layers.labels import labelled_pixels
from ..layers.transforms import layer_pixel_size_nm
from .panel import Panel


class ImagePicker:
    """A box with the image layers, with fields for what a layer from elsewhere lacks.

    Parameters
    ----------
    panel
        The panel to whose body the fields are added.
    label, tooltip
        Of the box.
    prefer
        The layer with the highest value is chosen until the person chooses.
    left_out
        The tooltip of a box for a labels layer whose pixels are left out; no such box where it is empty.
    """

    def __init__(
        self, panel: Panel, label: str, tooltip: str, prefer: Callable[[Image], float], left_out: str = ""
    ) -> None:
        self.box = panel.layer_box(Image, label, tooltip, prefer=prefer)
        self.pixel_size = _number("Pixel size (nm)", "The layer has no unit of length: how wide one pixel is, in nm")
        self.first = _number("First bias (mV)", "The layer does not tell its bias: the bias of its first map, in mV")
        self.last = _number("Last bias (mV)", "The bias of its last map, in mV; those between are evenly spaced")
        self.pixel_size.min = 0.0
        panel.add_fields([self.box])
        self._size_row, self._first_row, self._last_row = (
            panel.add_fields([field]) for field in (self.pixel_size, self.first, self.last)
        )
        self.left_out: ComboBox | None = None
        if left_out:
            self.left_out = left_out_box(panel, left_out)
            panel.add_fields([self.left_out])
        self.box.changed.connect(self._ask)
        self._ask(self.box.value)

    @property
    def layer(self) -> Image:
        """The chosen layer.

        Raises
        ------
        StmError
            If there is none.
        """
        layer = self.box.value
        if layer is None:
            raise StmError("there is no image to work on; open a file, or File > Open Sample > STM impurities")
        return layer

    def stack(self) -> xr.DataArray:
        """The stack that the chosen layer shows, with what was asked for written into its metadata."""
        layer = self.layer
        if layer_pixel_size_nm(layer) is None and self.pixel_size.value > 0:
            set_scale(layer, pixel_size_nm=self.pixel_size.value)
        if layer_bias_mv(layer) is None and layer.ndim in (2, 3):
            maps = layer.data.shape[0] if layer.ndim == 3 else 1
            first, last = self.first.value, self.last.value
            if maps > 1 and first == last:
                raise StmError(f"the layer {layer.name!r} does not tell its bias; give that of its first and last map")
            set_scale(layer, bias_mv=np.linspace(first, last if maps > 1 else first, maps))
        stack = layer_stack(layer)
        self._ask(layer)
        return stack

    def mask(self) -> np.ndarray | None:
        """The pixels of the chosen image that are left out, shape (y, x), bool; None where no labels layer is chosen.

        Raises
        ------
        StmError
            If there is no image, or the labels layer covers none or all of its pixels.
        """
        return None if self.left_out is None else mask_on(self.layer, self.left_out)

    def _ask(self, layer: Layer | None) -> None:
        self._size_row.setVisible(layer is not None and layer_pixel_size_nm(layer) is None)
        axes = 0 if layer is None or layer_bias_mv(layer) is not None else layer.ndim
        self._first_row.setVisible(axes in (2, 3))
        self._last_row.setVisible(axes == 3)


def left_out_box(panel: Panel, tooltip: str) -> ComboBox:
    """A box with the labels layers, of which none is chosen until the person chooses."""
    return panel.layer_box(Labels, "Leave out", tooltip, optional=True)


def mask_on(image: Image, box: ComboBox) -> np.ndarray | None:
    """The pixels of an image under the labels layer of a box, shape (y, x), bool; None where none is chosen."""
    return None if box.value is None else labelled_pixels(image, box.value)


def _number(label: str, tooltip: str) -> Any:
    widget = FloatSpinBox(min=-1e6, max=1e6, value=0.0, label=label, tooltip=tooltip)
    widget.native.setDecimals(4)
    return widget


def n_maps(layer: Image) -> float:
    """How many maps a layer has; none where it is no measurement, such as a score map."""
    bias = layer_bias_mv(layer) if layer.ndim in (2, 3) and layer.visible else None
    return 0 if bias is None else len(bias)
