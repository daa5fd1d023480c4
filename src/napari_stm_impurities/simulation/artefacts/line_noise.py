"""Line noise."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from ...physics import instrument
from ..ranges import AboveZeroRange, Share, draw
from .base import BaseArtefact, Context, per_window


class LineNoise(BaseArtefact):
    """Line noise: one offset for each scan line of each map."""

    is_noise: ClassVar[bool] = True
    """It sets the detection limit."""
    kind: Literal["line_noise"] = "line_noise"
    """The name in files."""
    share: Share = 0.35
    """The share of windows with line noise. Reason: common, and the levelling of lines takes it off many maps."""
    amplitude: AboveZeroRange = (0.02, 0.8)
    """In standard deviations of the clean ripples, drawn on a logarithmic scale. Reason: half of the white noise's
    largest, since the levelling of lines has taken off what is larger."""

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps with line noise."""
        n, n_maps, height_px, width_px = maps.shape
        amplitude = per_window(draw(self.amplitude, n, generator, logarithmic=True))
        return maps + amplitude * instrument.line_noise((n, n_maps, height_px, width_px), generator)
