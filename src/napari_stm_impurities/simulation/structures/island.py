"""Islands with their rims."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from ..ranges import AboveZeroRange, PositiveRange, Share, draw
from ..windows import uniform
from .base import MOST_SCATTERERS, BaseStructure, Part, Scale, in_or_near, signed
from .lines import covered_by_line

#: The outline is a circle with these harmonics, whose amplitudes fall as their inverse.
_HARMONICS = (2, 3, 4, 5)


class Island(BaseStructure):
    """Island: a raised (or lowered) area with an uneven outline, whose rim scatters; impurities may lie on it.

    References
    ----------
    Li et al., Phys. Rev. Lett. 80, 3332 (1998), for standing waves in islands of Ag on Ag(111).
    """

    kind: Literal["island"] = "island"
    """The name in files."""
    share: Share = 0.05
    """The share of windows with an island. Reason: rarer than a step, since terraces are chosen."""
    radius_per_k: AboveZeroRange = (3.0, 20.0)
    """Its mean radius in 1/k, drawn on a logarithmic scale. Reason: from a cluster of 1.5 nm to one that reaches out of
    most windows."""
    unevenness: PositiveRange = (0.0, 0.4)
    """Amplitude of its outline's second harmonic over the radius. Reason: from a circle to a lobed outline."""
    spacing_per_k: AboveZeroRange = (0.5, 1.0)
    """Distance of the rim's scatterers in 1/k. Reason: as those of a step edge."""
    height: AboveZeroRange = (0.1, 12.0)
    """Its height in standard deviations of the clean ripples, drawn on a logarithmic scale, up or down. Reason: as that
    of a step edge."""
    width_px: AboveZeroRange = (0.3, 2.0)
    """Over how many pixels the rim rises. Reason: as a step edge."""

    def build(self, scale: Scale, generator: torch.Generator) -> Part:
        """One island whose rim crosses the window, or lies in it."""
        device = generator.device
        radius = scale.px(draw(self.radius_per_k, 1, generator, logarithmic=True))
        harmonics = torch.tensor(_HARMONICS, device=device, dtype=torch.float32)
        amplitudes = draw(self.unevenness, 1, generator) * uniform(-1, 1, (len(harmonics),), generator) / harmonics
        phases = uniform(0, 2 * math.pi, (len(harmonics),), generator)

        def rim(angle: Tensor) -> Tensor:
            return radius * (1 + (amplitudes * torch.cos(angle[..., None] * harmonics + phases)).sum(-1))

        length = 2 * math.pi * float(radius)
        spacing = max(float(scale.px(draw(self.spacing_per_k, 1, generator))), length / MOST_SCATTERERS)
        n = max(round(length / spacing), 3)
        angle = 2 * math.pi * torch.arange(n, device=device) / n
        line = rim(angle)[:, None] * torch.stack([angle.sin(), angle.cos()], -1)
        on_rim = line[int(torch.randint(n, (1,), generator=generator, device=device))]
        centre = uniform(0, scale.side_px, (2,), generator) - 0.5 - on_rim
        yx = in_or_near(line + centre, scale)
        height = signed(draw(self.height, 1, generator, logarithmic=True), generator)
        width = draw(self.width_px, 1, generator)

        def plateau(pixels_yx: Tensor) -> Tensor:
            y, x = (pixels_yx - centre).unbind(-1)
            return height * torch.sigmoid(2 * (rim(torch.atan2(y, x)) - torch.hypot(y, x)) / width)

        return Part(yx, False, covered_by_line(yx, spacing, scale), plateau)
