"""What a network is shown of simulated windows while it learns and while it is calibrated."""

from __future__ import annotations

from torch import Tensor

from ...simulation.config import FriedelConfig, WindowConfig
from ...simulation.windows import PatchBatch
from ..inputs import network_input, scale_maps
from ..network_config import InputConfig


def shown(windows: PatchBatch, made_by: WindowConfig, inputs: InputConfig) -> Tensor:
    """The network's input, shape (batch, bias, channel, y, x).

    The paper scales each clean map into [-1, 1] and then adds the noise, so its windows are shown as they
    come; all others are scaled as a measured map is.
    """
    as_they_come = isinstance(made_by, FriedelConfig) and inputs.scaling == "unit_range"
    scaled = windows.maps if as_they_come else scale_maps(windows.maps, inputs.scaling)
    return network_input(scaled, inputs)
