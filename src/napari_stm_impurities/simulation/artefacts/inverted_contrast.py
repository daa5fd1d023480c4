"""The sign of the contrast."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ..ranges import Share
from .base import BaseArtefact, Context


class InvertedContrast(BaseArtefact):
    """Inverted contrast: the sign of all maps is turned, as in a constant-current topograph."""

    kind: Literal["inverted_contrast"] = "inverted_contrast"
    """The name in files."""
    share: Share = 0.15
    """The share of windows whose sign is turned. Reason: most stacks are dI/dV maps, and not turned."""

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps with their sign turned."""
        return -maps
