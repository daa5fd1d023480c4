"""A blunt tip."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...physics import instrument
from ..ranges import PositiveRange, draw
from .base import BaseArtefact, Context


class BluntTip(BaseArtefact):
    """Blunt tip: each map is smoothed with a Gaussian."""

    kind: Literal["blunt_tip"] = "blunt_tip"
    """The name in files."""
    sigma_per_k: PositiveRange = (0.0, 0.3)
    """Its standard deviation in 1/k. Reason: from a sharp tip to one at which the ripples, of wave vector 2k, keep
    exp(-(2 x 0.3)^2 / 2) = 84 % of their height; a blunter tip is formed anew."""

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps, smoothed as by a blunt tip."""
        return instrument.blur(maps, draw(self.sigma_per_k, len(maps), generator) / context.k_top_rad_per_px)
