"""The structure of one training window: its scatterers, what it covers and what it adds to the maps."""

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

    def covered(self, places_yx: Tensor) -> Tensor:
        """How much of a pixel at each place is covered, 0 to 1, shape (place,)."""
        total = places_yx.new_zeros(len(places_yx))
        for part in self.parts:
            total = total.maximum(part.covered(places_yx))
        return total

    def elevation(self, pixels_yx: Tensor) -> Tensor:
        """What they add to the maps, shape (bias, pixel), in standard deviations of the clean ripples."""
        total = pixels_yx.new_zeros(pixels_yx.shape[:-1])
        for part in self.parts:
            total = total + torch.stack([part.elevation(of_bias) for of_bias in pixels_yx])
        return total

    def leaves_free(self, yx_px: Tensor) -> Tensor:
        """Which places the structures leave free for impurities, shape (place,), bool."""
        free = self.covered(yx_px) == 0
        if len(self.yx_px) and len(yx_px):
            free &= torch.cdist(yx_px, self.yx_px).amin(-1) > _CLEARANCE_PX
        return free


def window_structure(structures: Sequence[BaseStructure], scale: Scale, generator: torch.Generator) -> WindowStructure:
    """The structures of one window, each drawn with its share."""
    parts = [one.build(scale, generator) for one in structures if bernoulli(one.share, 1, generator)]
    nothing = torch.zeros(0, 2, device=generator.device)
    yx = torch.cat([nothing, *(part.yx_px for part in parts)])[:_MOST_SCATTERERS]
    of_impurities = torch.cat(
        [
            nothing[:, 0].bool(),
            *(torch.full((len(part.yx_px),), part.of_impurities, device=yx.device) for part in parts),
        ]
    )[:_MOST_SCATTERERS]
    return WindowStructure(yx, of_impurities, tuple(parts))
