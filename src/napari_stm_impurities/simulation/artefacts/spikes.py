"""Single bad pixels."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...physics import instrument
from ..ranges import AboveZeroRange, Share, draw
from .base import BaseArtefact, Context, per_window


class Spikes(BaseArtefact):
    """Spikes: single bad pixels, others in each map."""

    kind: Literal["spikes"] = "spikes"
    """The name in files."""
    share: Share = 0.15
    """The share of windows with spikes. Reason: the tip or the electronics jump now and then."""
    pixel_share: Share = 0.001
    """The share of pixels that are bad. Reason: about four in a map of 64 x 64 pixels."""
    height: AboveZeroRange = (10.0, 10.0)
    """Standard deviation of the bad values, in standard deviations of the clean ripples. Reason: so far above the
    ripples that a spike can only be one."""

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps with spikes."""
        bad = torch.rand(maps.shape, generator=generator, device=maps.device) < self.pixel_share
        height = per_window(draw(self.height, len(maps), generator, logarithmic=True))
        return maps + bad * height * instrument.white_noise(tuple(maps.shape), generator)
