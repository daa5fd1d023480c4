"""Noise that is correlated in the plane."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from ...physics import instrument
from ..ranges import AboveZeroRange, PositiveRange, Share, draw
from .base import BaseArtefact, Context, per_window


class CorrelatedNoise(BaseArtefact):
    """Correlated noise: its power falls with the spatial frequency q as 1/q^exponent, each map its own."""

    is_noise: ClassVar[bool] = True
    """It sets the detection limit."""
    kind: Literal["correlated_noise"] = "correlated_noise"
    """The name in files."""
    share: Share = 0.35
    """The share of windows with correlated noise. Reason: as common as line noise."""
    amplitude: AboveZeroRange = (0.05, 1.2)
    """In standard deviations of the clean ripples, drawn on a logarithmic scale. Reason: from hardly visible to a
    little more than the ripples."""
    exponent: PositiveRange = (0.7, 2.5)
    """The power falls with the spatial frequency to this power. Reason: around 1/f noise (1) and a random walk (2)."""

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps with correlated noise."""
        n, n_maps, height_px, width_px = maps.shape
        amplitude = per_window(draw(self.amplitude, n, generator, logarithmic=True))
        exponent = draw(self.exponent, n, generator)
        return maps + amplitude * instrument.correlated_noise((n, n_maps, height_px, width_px), exponent, generator)
