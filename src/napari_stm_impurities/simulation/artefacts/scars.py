"""Scars of tip glitches."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from ..ranges import AboveZeroRange, OneOrMoreRange, Share, draw
from ..windows import bernoulli, randint, uniform
from .base import BaseArtefact, Context, angles


class Scars(BaseArtefact):
    """Scars: glitches of the tip, each with a trail in a few lines that rings and decays along the fast axis."""

    kind: Literal["scars"] = "scars"
    """The name in files."""
    share: Share = 0.15
    """The share of windows with scars. Reason: as common as single spikes, which come from the same glitches."""
    count: OneOrMoreRange = (1, 4)
    """How many scars a window has. Reason: with more a frame is not kept."""
    lines: OneOrMoreRange = (1, 3)
    """How many successive lines a scar has. Reason: the tip settles within a line or two."""
    height: AboveZeroRange = (1.0, 10.0)
    """Height at the glitch in standard deviations of the clean ripples, drawn on a logarithmic scale, up or down.
    Reason: from one among the ripples to a spike."""
    decay_px: AboveZeroRange = (2.0, 40.0)
    """Length within which the trail falls to 1/e, drawn on a logarithmic scale. Reason: from a spike to most of a
    line."""
    period_px: AboveZeroRange = (3.0, 20.0)
    """Period of the ringing, drawn on a logarithmic scale. Reason: as the ripples, which are pi/k = 3 to 17 pixels
    apart, since other periods are not mistaken for them."""
    static_share: Share = 0.3
    """The share of windows in which all maps have the same scars; in the others each map has its own. Reason: all
    biases of a grid are measured at a pixel before the next; a series of images has a new scan at each bias."""

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps with scars."""
        n, n_maps, height_px, width_px = maps.shape
        total = torch.zeros_like(maps)
        axis = torch.arange(width_px, device=maps.device, dtype=maps.dtype)
        rows = torch.arange(height_px, device=maps.device)
        static = bernoulli(self.static_share, n, generator)
        for _ in range(randint(*self.count, generator)):
            shape = (n, n_maps)
            row = torch.floor(uniform(0, height_px, shape, generator))
            column = uniform(0, width_px, shape, generator)
            row, column = (
                torch.where(static[:, None], position[:, :1], position)[..., None] for position in (row, column)
            )
            n_lines = randint(*self.lines, generator)
            in_lines = (rows >= row) & (rows < row + n_lines)
            sign = 1 - 2 * bernoulli(0.5, n, generator).to(maps.dtype)
            height = (sign * draw(self.height, n, generator, logarithmic=True))[:, None, None]
            decay = draw(self.decay_px, n, generator, logarithmic=True)[:, None, None]
            period = draw(self.period_px, n, generator, logarithmic=True)[:, None, None]
            after = axis - column
            trail = torch.exp(-after.clamp_min(0) / decay) * torch.cos(
                2 * math.pi * after / period + 0.25 * angles(n, generator)[:, None, None]
            )
            total = total + in_lines[..., None] * (height * trail * (after >= 0))[:, :, None]
        return maps + total
