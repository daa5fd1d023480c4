"""The normalisation by the set point."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ..ranges import PositiveRange, draw
from .base import BaseArtefact, Context, per_window

#: The mean of two maps is half of each of them; what it took off would be the ripples themselves.
_FEWEST_MAPS = 3


class SetPoint(BaseArtefact):
    """Set-point normalisation: the feedback loop takes a part of the mean over the biases off each map."""

    kind: Literal["set_point"] = "set_point"
    """The name in files."""
    strength: PositiveRange = (0.0, 0.7)
    """How much of the mean is subtracted, as a share. Reason: from a set point far from all biases (0) to one among
    them; at 1 what is common to all biases would be gone."""

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps without a part of their mean; one or two maps stay as they are."""
        if maps.shape[1] < _FEWEST_MAPS:
            return maps
        return maps - per_window(draw(self.strength, len(maps), generator)) * maps.mean(1, keepdim=True)
