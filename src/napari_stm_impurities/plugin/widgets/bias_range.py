"""Two fields with the range of biases that is used, filled in from the data."""

from __future__ import annotations

import numpy as np
from magicgui.widgets import FloatSpinBox
from napari.layers import Image
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ..layers.images import layer_bias_mv
from .fields import Pair
from .forms import grid

_DECIMALS = 3
#: A field shows a bias rounded; a range that was filled in, or typed as it is shown, keeps its outermost maps.
_ROUNDED_MV = 0.5 * 10.0**-_DECIMALS


class BiasRange(QWidget):
    """From and to, in mV; hidden for a single map.

    Signals
    -------
    changed()
        A person has chosen another range.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.low, self.high = (FloatSpinBox(min=-1e6, max=1e6, value=0.0) for _ in range(2))
        for field in (self.low, self.high):
            field.native.setDecimals(_DECIMALS)
            field.native.setKeyboardTracking(False)
            field.tooltip = "Only the maps between these two biases are used, both included; in mV"
        pair = Pair([self.low, self.high])
        pair.label = "Biases (mV)"
        pair.tooltip = self.low.tooltip
        self._pair = pair
        self._all: tuple[float, float] = (0.0, 0.0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(grid([pair]))
        for field in (self.low, self.high):
            field.changed.connect(lambda _value: self.changed.emit())
        self.fill(None)

    def fill(self, layer: Image | None) -> None:
        """Show the whole range of a layer; the fields are hidden where there is none."""
        bias = None if layer is None or layer.ndim not in (2, 3) else layer_bias_mv(layer)
        self.setVisible(bias is not None and len(bias) > 1)
        self._all = (0.0, 0.0) if bias is None else (float(bias.min()), float(bias.max()))
        for field, value in zip((self.low, self.high), self._all, strict=True):
            with field.changed.blocked():
                field.value = value

    def range_mv(self) -> tuple[float | None, float | None]:
        """The lowest and the highest bias to use, in mV; None for an end that is that of the data."""
        low, high = float(self.low.value), float(self.high.value)
        first, last = self._all
        return (
            None if np.isclose(low, first, rtol=0, atol=2 * _ROUNDED_MV) else low - _ROUNDED_MV,
            None if np.isclose(high, last, rtol=0, atol=2 * _ROUNDED_MV) else high + _ROUNDED_MV,
        )
