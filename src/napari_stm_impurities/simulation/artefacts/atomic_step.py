"""An atomic step."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from ...physics import instrument
from ..coverage import covered, line_radius_px
from ..ranges import AboveZeroRange, PositiveRange, Range, Share, draw
from .base import BaseArtefact, Context, Frames, angles, per_window


class AtomicStep(BaseArtefact):
    """Atomic step: a straight jump in height, and the standing wave that it reflects; it is no impurity.

    References
    ----------
    Crommie, Lutz, Eigler, Nature 363, 524 (1993), for the wave.
    """

    kind: Literal["atomic_step"] = "atomic_step"
    """The name in files."""
    share: Share = 0.1
    """The share of windows with a step. Reason: steps are avoided when a frame is chosen, but not always; step edges of
    scatterers come besides."""
    height: AboveZeroRange = (0.3, 12.0)
    """Height of the jump in standard deviations of the clean ripples, drawn on a logarithmic scale. Reason: from one
    that hides among the ripples to one next to which they are hardly visible."""
    wave: PositiveRange = (0.0, 2.0)
    """Amplitude of the standing wave, in the same unit. Reason: none, to twice the ripples of the impurities."""
    offset_share: Range = (-0.45, 0.45)
    """Distance from the centre, as a share of the side. Reason: within the frame; at 0.5 it would be the
    edge itself."""
    width_px: AboveZeroRange = (0.3, 2.0)
    """Over how many pixels it rises. Reason: from a jump between two pixels to one that a blunt tip has smeared."""

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps with a step; the direction comes from the whole circle, so it goes upward as often as downward."""
        return self.record(Frames.of_maps(maps), context, generator).maps

    def record(self, frames: Frames, context: Context, generator: torch.Generator) -> Frames:
        """The maps with a step, and the step as structure."""
        n, _, height_px, width_px = frames.maps.shape
        angle = angles(n, generator)
        offset = draw(self.offset_share, n, generator) * width_px
        jump, wave = instrument.atomic_step(
            angle, offset, draw(self.width_px, n, generator), context.k_rad_per_px, height_px, width_px
        )
        height = per_window(draw(self.height, n, generator, logarithmic=True))
        maps = frames.maps + (height * jump + per_window(draw(self.wave, n, generator)) * wave)
        across = instrument.along(angle, height_px, width_px) - offset[:, None, None]
        step = covered(across.abs(), line_radius_px(context.k_top_rad_per_px)[:, None, None])
        return replace(frames, maps=maps, structure=frames.structure.maximum(step))
