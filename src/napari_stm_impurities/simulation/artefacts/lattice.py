"""The atoms of the surface."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from ...physics import instrument
from ..ranges import AboveZeroRange, Share, draw
from .base import BaseArtefact, Context, angles, per_window

#: Two sets of rows that cross make a lattice.
_SETS_OF_ROWS = 2


class AtomicLattice(BaseArtefact):
    """Atomic lattice: two sets of rows at any angle, the same at every bias."""

    kind: Literal["lattice"] = "lattice"
    """The name in files."""
    share: Share = 0.15
    """The share of windows with a lattice. Reason: it is visible where the pixels are fine and the tip is sharp."""
    amplitude: AboveZeroRange = (0.1, 2.0)
    """Amplitude of each set of rows in standard deviations of the clean ripples, drawn on a logarithmic scale. Reason:
    from hardly visible to twice the ripples."""
    period_px: AboveZeroRange = (2.2, 8.0)
    """Distance of the rows in pixels. Reason: from just above 2 pixels, below which they are aliased to a slower
    pattern, into the range of the ripples, which are pi/k = 3 to 17 pixels apart."""

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps with a lattice."""
        n, _, height_px, width_px = maps.shape
        lattice = maps.new_zeros(n, height_px, width_px)
        for _ in range(_SETS_OF_ROWS):
            angle = angles(n, generator)
            period_px = draw(self.period_px, n, generator)[:, None, None]
            lattice = lattice + torch.cos(2 * math.pi * instrument.along(angle, height_px, width_px) / period_px)
        return maps + per_window(draw(self.amplitude, n, generator, logarithmic=True)) * lattice[:, None]
