"""An atomic step."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...physics import instrument
from ..ranges import AboveZeroRange, PositiveRange, Range, Share, draw
from .base import BaseArtefact, Context, angles, per_window


class AtomicStep(BaseArtefact):
    """Atomic step: a straight jump in height, and the standing wave that it reflects; it is no impurity.

    References
    ----------
    Crommie, Lutz, Eigler, Nature 363, 524 (1993), for the wave.
    """

    kind: Literal["atomic_step"] = "atomic_step"
    """The name in files."""
    share: Share = 0.2
    """The share of windows with a step. Reason: steps are avoided when a frame is chosen, but not always."""
    height: AboveZeroRange = (0.3, 12.0)
    """Height of the jump in standard deviations of the clean ripples, drawn on a logarithmic scale. Reason: from one
    that hides among the ripples to one beside which they are hardly seen."""
    wave: PositiveRange = (0.0, 2.0)
    """Amplitude of the standing wave, in the same unit. Reason: none, to twice the ripples of the impurities."""
    offset_share: Range = (-0.45, 0.45)
    """How far from the centre it passes, as a share of the side. Reason: within the frame; at 0.5 it would be the
    edge itself."""
    width_px: AboveZeroRange = (0.3, 2.0)
    """Over how many pixels it rises. Reason: from a jump between two pixels to one that a blunt tip has smeared."""

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps with a step; the direction comes from the whole circle, so it goes upward as often as downward."""
        n, _, height_px, width_px = maps.shape
        jump, wave = instrument.atomic_step(
            angles(n, generator),
            draw(self.offset_share, n, generator) * width_px,
            draw(self.width_px, n, generator),
            context.k_rad_per_px,
            height_px,
            width_px,
        )
        height = per_window(draw(self.height, n, generator, logarithmic=True))
        return maps + (height * jump + per_window(draw(self.wave, n, generator)) * wave)
