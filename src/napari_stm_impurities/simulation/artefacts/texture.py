"""A smooth random pattern."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...physics import instrument
from ..ranges import AboveZeroRange, Share, draw
from ..windows import bernoulli
from .base import BaseArtefact, Context, per_window


class Texture(BaseArtefact):
    """Texture: a smooth random pattern without an impurity."""

    kind: Literal["texture"] = "texture"
    """The name in files."""
    share: Share = 0.25
    """The share of windows with such a pattern. Reason: without it, a model took smooth noise for impurities
    (docs/model-card.md, second stage)."""
    amplitude: AboveZeroRange = (0.1, 2.0)
    """In standard deviations of the clean ripples, drawn on a logarithmic scale. Reason: from hardly visible to twice
    the ripples."""
    sigma_px: AboveZeroRange = (0.6, 4.0)
    """Smoothness: standard deviation of a Gaussian in pixels. Reason: from the width of a pixel to that of the
    spot of an impurity and beyond."""
    static_share: Share = 0.5
    """The share of patterns that are the same at every bias; the others are drawn independently at each. Reason: both
    occur, and neither is known to be commoner."""

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps with a texture."""
        n = len(maps)
        amplitude = per_window(draw(self.amplitude, n, generator, logarithmic=True))
        noise = instrument.white_noise(tuple(maps.shape), generator)
        static = per_window(bernoulli(self.static_share, n, generator))
        smooth = instrument.blur(torch.where(static, noise[:, :1], noise), draw(self.sigma_px, n, generator))
        return maps + amplitude * smooth / smooth.std((-2, -1), keepdim=True)
