"""Walls of touching molecules or adatoms."""

from __future__ import annotations

import math
from typing import Literal

import torch

from ..ranges import AboveZeroRange, OneOrMoreRange, Range, Share, draw
from ..windows import bernoulli, randint, uniform
from .base import BaseStructure, Part, Scale, flat, in_or_near
from .lines import covered_by_line

#: Jitter of the molecules as a share of their distance: they sit on the sites of a lattice, not on a line.
_JITTER = 0.05
#: A second row lies in the gaps of the first, at the height of an equilateral triangle.
_ROW_DISTANCE = math.sqrt(3) / 2


class Wall(BaseStructure):
    """Wall: a row, or two, of molecules or adatoms that touch each other, straight, bent or with a corner.

    It is of the same kind as the impurities in most windows, so that it is as dark or bright as they are; it differs by
    the contact of its molecules.
    """

    kind: Literal["wall"] = "wall"
    """The name in files."""
    share: Share = 0.08
    """The share of windows with a wall. Reason: walls are built or grow along steps; rarer than single impurities."""
    of_impurities_share: Share = 0.75
    """The share of walls that are made of the window's own impurities. Reason: walls of molecules are moved together
    from them; others are chains of atoms."""
    molecules: OneOrMoreRange = (8, 40)
    """Number of molecules of a row. Reason: more than the six of a row in a group of impurities; 40 fill a window."""
    spacing_per_k: AboveZeroRange = (0.5, 1.1)
    """Distance of neighbours in 1/k. Reason: 0.25 to 0.5 nm on Cu(111): neighbouring sites to the nearest CO."""
    two_rows_share: Share = 0.3
    """The share of walls with two rows. Reason: both are built, single rows more often."""
    curvature_per_molecule_rad: Range = (-0.08, 0.08)
    """By how much the direction turns from a molecule to the next, in radians. Reason: 40 molecules make half a
    turn."""
    corner_share: Share = 0.3
    """The share of walls with one corner. Reason: fences and boxes have corners."""
    corner_rad: Range = (1.05, 2.09)
    """The angle of a corner, in radians, to either side. Reason: 60, 90 or 120 degrees on the lattices there are."""

    def build(self, scale: Scale, generator: torch.Generator) -> Part:
        """One wall, the middle of which lies in the window."""
        n = randint(*self.molecules, generator)
        device = generator.device
        turn_rad = draw(self.curvature_per_molecule_rad, 1, generator).repeat(n)
        if bernoulli(self.corner_share, 1, generator):
            side = 1 - 2 * bernoulli(0.5, 1, generator).float()
            turn_rad[randint(1, n - 1, generator) if n > 1 else 0] += float(side * draw(self.corner_rad, 1, generator))
        angle = uniform(0, 2 * math.pi, (1,), generator) + turn_rad.cumsum(0)
        spacing = float(scale.px(draw(self.spacing_per_k, 1, generator)))
        direction = torch.stack([angle.sin(), angle.cos()], -1)
        row = spacing * direction.cumsum(0)
        yx = row - row.mean(0) + uniform(0, scale.side_px, (1, 2), generator) - 0.5
        if bernoulli(self.two_rows_share, 1, generator):
            across = torch.stack([-direction[:, 1], direction[:, 0]], -1)
            yx = torch.cat([yx, yx + spacing * (0.5 * direction + _ROW_DISTANCE * across)])
        yx = yx + _JITTER * spacing * torch.randn(yx.shape, generator=generator, device=device)
        of_impurities = bool(bernoulli(self.of_impurities_share, 1, generator))
        yx = in_or_near(yx, scale)
        return Part(yx, of_impurities, covered_by_line(yx, spacing, scale), flat)
