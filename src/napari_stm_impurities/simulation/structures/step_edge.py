"""Step edges as dense rows of scatterers."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from ..ranges import AboveZeroRange, PositiveRange, Range, Share, draw
from ..windows import uniform
from .base import MOST_SCATTERERS, BaseStructure, Part, Scale, in_or_near, signed
from .lines import covered_by_line

#: A row through the window, longer than its diagonal.
_LENGTH_PER_SIDE = 2.0


class StepEdge(BaseStructure):
    """Step edge: a jump in height along a straight or wavy line, which is a dense row of scatterers.

    References
    ----------
    Crommie, Lutz, Eigler, Nature 363, 524 (1993); a row of black dots for a wall: Heller et al., Nature 369, 464
    (1994).
    """

    kind: Literal["step_edge"] = "step_edge"
    """The name in files."""
    share: Share = 0.08
    """The share of windows with such a step. Reason: steps are avoided when a frame is chosen, but not always."""
    spacing_per_k: AboveZeroRange = (0.5, 1.0)
    """Distance of the scatterers in 1/k. Reason: below a sixth of the wavelength, 1/k, a row acts as a line."""
    height: AboveZeroRange = (0.1, 12.0)
    """Height of the jump in standard deviations of the clean ripples, drawn on a logarithmic scale, up or down. Reason:
    from a dI/dV map, where only the standing wave shows, to a topograph next to whose step the ripples are hardly
    visible."""
    width_px: AboveZeroRange = (0.3, 2.0)
    """Over how many pixels it rises. Reason: from a jump between two pixels to one that a blunt tip has smeared."""
    offset_share: Range = (-0.45, 0.45)
    """Distance from the centre, as a share of the side. Reason: within the window."""
    wave_per_k: PositiveRange = (0.0, 3.0)
    """Amplitude of its waviness in 1/k. Reason: from a straight step to one with kinks of a nm."""
    wavelength_per_k: AboveZeroRange = (15.0, 60.0)
    """Length of its waviness in 1/k, drawn on a logarithmic scale. Reason: so long that the step stays one line."""

    def build(self, scale: Scale, generator: torch.Generator) -> Part:
        """One step through the window."""
        angle = uniform(0, 2 * math.pi, (1,), generator)
        across = torch.cat([angle.sin(), angle.cos()])
        along = torch.stack([-across[1], across[0]])
        centre = (scale.side_px - 1) / 2 + draw(self.offset_share, 1, generator) * scale.side_px * across
        amplitude = scale.px(draw(self.wave_per_k, 1, generator))
        wave_number = 2 * math.pi / scale.px(draw(self.wavelength_per_k, 1, generator, logarithmic=True))
        phase = uniform(0, 2 * math.pi, (1,), generator)

        def meander(position: Tensor) -> Tensor:
            return amplitude * torch.sin(wave_number * position + phase)

        length = _LENGTH_PER_SIDE * scale.side_px
        spacing = max(float(scale.px(draw(self.spacing_per_k, 1, generator))), length / (2 * MOST_SCATTERERS))
        position = torch.arange(-length / 2, length / 2, spacing, device=generator.device)
        yx = in_or_near(centre + position[:, None] * along + meander(position)[:, None] * across, scale)
        height = signed(draw(self.height, 1, generator, logarithmic=True), generator)
        width = draw(self.width_px, 1, generator)

        def jump(pixels_yx: Tensor) -> Tensor:
            from_centre = pixels_yx - centre
            return 0.5 * height * torch.tanh((from_centre @ across - meander(from_centre @ along)) / width)

        return Part(yx, False, covered_by_line(yx, spacing, scale), jump)
