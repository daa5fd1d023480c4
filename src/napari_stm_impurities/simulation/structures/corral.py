"""Corrals: rings and arcs of adatoms or molecules."""

from __future__ import annotations

import math
from typing import Literal

import torch

from ..ranges import AboveZeroRange, Range, Share, ShareRange, draw
from ..windows import bernoulli, uniform
from .base import MOST_SCATTERERS, BaseStructure, Part, Scale, flat, in_or_near
from .lines import covered_by_line


class Corral(BaseStructure):
    """Corral: a ring of scatterers, or an arc of one, with the standing waves inside.

    References
    ----------
    Crommie, Lutz, Eigler, Science 262, 218 (1993): 48 Fe atoms in a ring of 7.1 nm radius, 0.95 nm or 2/k apart.
    """

    kind: Literal["corral"] = "corral"
    """The name in files."""
    share: Share = 0.07
    """The share of windows with a corral or an arc. Reason: rarer than walls; both are built."""
    of_impurities_share: Share = 0.6
    """The share of corrals that are made of the window's own impurities. Reason: both occur, and the present
    impurities are used."""
    radius_per_k: AboveZeroRange = (3.0, 20.0)
    """Its radius in 1/k, drawn on a logarithmic scale. Reason: from the smallest with a state inside to the 15 of the
    ring of 48 atoms and beyond."""
    spacing_per_k: AboveZeroRange = (0.6, 2.0)
    """Distance of neighbours in 1/k, drawn on a logarithmic scale. Reason: from touching, to the 2/k of that ring."""
    arc_share: ShareRange = (0.3, 1.0)
    """The share of the circle that is there. Reason: from an open arc to a closed ring."""
    closed_share: Share = 0.6
    """The share of corrals that are closed. Reason: most are."""
    oblong: Range = (0.7, 1.4)
    """The ratio of its axes. Reason: circles and ellipses are built."""

    def build(self, scale: Scale, generator: torch.Generator) -> Part:
        """One corral whose line crosses the window, or lies in it."""
        radius = float(scale.px(draw(self.radius_per_k, 1, generator, logarithmic=True)))
        arc = float(draw(self.arc_share, 1, generator))
        arc = 1.0 if bernoulli(self.closed_share, 1, generator) else arc
        length = 2 * math.pi * radius * arc
        spacing = max(
            float(scale.px(draw(self.spacing_per_k, 1, generator, logarithmic=True))), length / MOST_SCATTERERS
        )
        n = max(round(length / spacing), 2)
        angle = (
            uniform(0, 2 * math.pi, (1,), generator) + 2 * math.pi * arc * torch.arange(n, device=generator.device) / n
        )
        ring = radius * torch.stack([angle.sin(), draw(self.oblong, 1, generator) * angle.cos()], -1)
        # a random point of the line, at a random position in the window
        on_line = ring[int(torch.randint(n, (1,), generator=generator, device=generator.device))]
        yx = in_or_near(ring - on_line + uniform(0, scale.side_px, (1, 2), generator) - 0.5, scale)
        of_impurities = bool(bernoulli(self.of_impurities_share, 1, generator))
        return Part(yx, of_impurities, covered_by_line(yx, spacing, scale), flat)
