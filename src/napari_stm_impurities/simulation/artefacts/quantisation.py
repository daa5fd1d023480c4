"""The steps of the digitiser."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ..ranges import AboveZeroRange, Share, draw
from .base import BaseArtefact, Context, per_window


class Quantisation(BaseArtefact):
    """Quantisation: values are whole numbers of a step, as an analogue-to-digital converter gives them."""

    kind: Literal["quantisation"] = "quantisation"
    """The name in files."""
    share: Share = 0.1
    """The share of windows with visible steps. Reason: small signals in a large range of the converter, and 8-bit
    images."""
    step: AboveZeroRange = (0.05, 1.0)
    """Step in standard deviations of the clean ripples, drawn on a logarithmic scale. Reason: from invisible (rms
    step / sqrt(12), 1.4 %) to some four grey levels between trough and crest."""

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps in steps."""
        step = per_window(draw(self.step, len(maps), generator, logarithmic=True))
        return (maps / step).round() * step
