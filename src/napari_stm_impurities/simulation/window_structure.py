"""The structures of one training window: their scatterers, coverage and elevation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .structures import BaseStructure, Part, Scale
from .windows import bernoulli

#: Most scatterers of all structures of a window.
_MOST_SCATTERERS = 160
#: Impurities this near to a structure's outline, in pixels, would have their own pixel covered by it.
_CLEARANCE_PX = 1.0


@dataclass(frozen=True)
class WindowStructure:
    """All structures of one window.

    Attributes
    ----------
    yx_px
        Their scatterers, shape (scatterer, 2).
    of_impurities
        Whether each is of one kind with the impurities, shape (scatterer,), bool.
    parts
        The structures.
    """

    yx_px: Tensor
    of_impurities: Tensor
    parts: tuple[Part, ...]

    def covered(self, positions_yx: Tensor) -> Tensor:
        """The covered share of a pixel at each position, 0 to 1, shape (position,)."""
        total = positions_yx.new_zeros(len(positions_yx))
        for part in self.parts:
            total = total.maximum(part.covered(positions_yx))
        return total

    def elevation(self, pixels_yx: Tensor) -> Tensor:
        """The elevation of the maps, shape (bias, pixel), in standard deviations of the clean ripples."""
        total = pixels_yx.new_zeros(pixels_yx.shape[:-1])
        for part in self.parts:
            total = total + torch.stack([part.elevation(bias_pixels) for bias_pixels in pixels_yx])
        return total

    def leaves_free(self, yx_px: Tensor) -> Tensor:
        """The mask of the positions that no structure covers, shape (position,)."""
        free = self.covered(yx_px) == 0
        if len(self.yx_px) and len(yx_px):
            free &= torch.cdist(yx_px, self.yx_px).amin(-1) > _CLEARANCE_PX
        return free


def window_structure(structures: Sequence[BaseStructure], scale: Scale, generator: torch.Generator) -> WindowStructure:
    """The structures of one window, each drawn with its share."""
    parts = [structure.build(scale, generator) for structure in structures if bernoulli(structure.share, 1, generator)]
    no_scatterers = torch.zeros(0, 2, device=generator.device)
    yx = torch.cat([no_scatterers, *(part.yx_px for part in parts)])[:_MOST_SCATTERERS]
    of_impurities = torch.cat(
        [
            no_scatterers[:, 0].bool(),
            *(torch.full((len(part.yx_px),), part.of_impurities, device=yx.device) for part in parts),
        ]
    )[:_MOST_SCATTERERS]
    return WindowStructure(yx, of_impurities, tuple(parts))
