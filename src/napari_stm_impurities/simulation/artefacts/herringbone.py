"""The stripes of a surface reconstruction."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...core.errors import StmError
from ...physics import instrument
from ..ranges import AboveZeroRange, Share, draw
from .base import BaseArtefact, Context, angles, per_window


class Herringbone(BaseArtefact):
    """Herringbone: the stripe pairs of a reconstruction such as that of Au(111)."""

    kind: Literal["herringbone"] = "herringbone"
    """The name in files."""
    share: Share = 0.25
    """The share of windows with stripes. Reason: one of the three common surfaces, Au(111), has them."""
    amplitude: AboveZeroRange = (0.1, 2.0)
    """In standard deviations of the clean ripples, drawn on a logarithmic scale. Reason: from hardly visible to twice
    the ripples."""
    period_per_k: AboveZeroRange = (6.0, 25.0)
    """Distance of the stripes in 1/k. Reason: half to twice that of Au(111), 6.3 nm or 12/k."""
    period_nm: AboveZeroRange | None = None
    """Distance of the stripes in nm, in place of that in 1/k, where the pixel size is known."""

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps with stripes, the same at every bias."""
        n, _, height_px, width_px = maps.shape
        angle = angles(n, generator)
        if self.period_nm is None:
            period_px = draw(self.period_per_k, n, generator) / context.k_top_rad_per_px
        elif context.pixel_size_nm is None:
            raise StmError("windows have no pixel size in nm; give the period of the herringbone as period_per_k")
        else:
            period_px = draw(self.period_nm, n, generator) / context.pixel_size_nm
        stripes = instrument.herringbone(angle, period_px, angles(n, generator), height_px, width_px)
        return maps + per_window(draw(self.amplitude, n, generator, logarithmic=True)) * stripes[:, None]
