"""Noise that differs from bias to bias."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from ...physics import instrument
from ..ranges import AboveZeroRange, Share
from ..windows import log_uniform
from .base import BaseArtefact, Context


class BiasNoise(BaseArtefact):
    """Noise by bias: white noise whose amplitude is drawn for each map on its own."""

    is_noise: ClassVar[bool] = True
    """It sets the detection limit."""
    kind: Literal["bias_noise"] = "bias_noise"
    """The name in files."""
    share: Share = 0.2
    """The share of windows whose maps differ in noise. Reason: the tunnel current, the conductance and the averaging
    time differ between the maps of a series; grids have about the same noise at neighbouring biases."""
    amplitude: AboveZeroRange = (0.02, 2.5)
    """In standard deviations of the clean ripples, drawn for each map on a logarithmic scale. Reason: from invisible to
    a map that on its own shows only the strongest impurities."""

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps with noise of another amplitude in each."""
        amplitude = log_uniform(*self.amplitude, (*maps.shape[:2], 1, 1), generator)
        return maps + amplitude * instrument.white_noise(tuple(maps.shape), generator)
