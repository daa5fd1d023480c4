"""White noise."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from ...physics import instrument
from ..ranges import AboveZeroRange, draw
from .base import BaseArtefact, Context, per_window


class WhiteNoise(BaseArtefact):
    """White noise: independent Gaussian noise in each pixel of each map."""

    is_noise: ClassVar[bool] = True
    """It sets the detection limit."""
    kind: Literal["white_noise"] = "white_noise"
    """The name in files."""
    amplitude: AboveZeroRange = (0.02, 1.6)
    """In standard deviations of the clean ripples, drawn on a logarithmic scale. Reason: from a map without visible
    noise to twice the paper's eta, 0.8."""

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps with white noise."""
        amplitude = per_window(draw(self.amplitude, len(maps), generator, logarithmic=True))
        return maps + amplitude * instrument.white_noise(tuple(maps.shape), generator)
