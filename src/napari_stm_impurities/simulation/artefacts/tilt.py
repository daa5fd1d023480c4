"""A slope that levelling has left."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...physics import instrument
from ..ranges import PositiveRange, draw
from .base import BaseArtefact, Context, angles, per_window


class Tilt(BaseArtefact):
    """Tilt: a slope left over after levelling, the same at every bias."""

    kind: Literal["tilt"] = "tilt"
    """The name in files."""
    rise: PositiveRange = (0.0, 2.0)
    """From edge to edge, in standard deviations of the clean ripples. Reason: none, to one as high as the ripples from
    crest to trough."""

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps with a slope."""
        n, _, height_px, width_px = maps.shape
        slope = instrument.along(angles(n, generator), height_px, width_px) / width_px
        return maps + per_window(draw(self.rise, n, generator)) * slope[:, None]
