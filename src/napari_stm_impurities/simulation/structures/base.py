"""The base class of structures: scatterers that are no impurities, with their elevation and coverage."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...core.configuration import Configuration
from ..ranges import Share

#: Most scatterers of one structure: a scattering matrix of this size takes as long as the pixels of a window.
MOST_SCATTERERS = 96
#: Margin around the window within which scatterers of structure count, in 1/k: beyond, their waves are below a third.
_MARGIN_PER_K = 4.0


@dataclass(frozen=True)
class Scale:
    """The scale of a window, for structures.

    Attributes
    ----------
    k_rad_per_px
        k of the highest bias.
    side_px
        Side of the window in pixels.
    """

    k_rad_per_px: float
    side_px: int

    def px(self, per_k: Tensor | float) -> Tensor | float:
        """A length in 1/k, in pixels."""
        return per_k / self.k_rad_per_px


@dataclass(frozen=True)
class Part:
    """One structure in one window.

    Attributes
    ----------
    yx_px
        Its scatterers, shape (scatterer, 2), in the window or near it.
    of_impurities
        Whether its scatterers are of one kind with the impurities, such as a wall of the same molecules.
    covered
        The covered share of each pixel, 0 to 1, from the positions of the pixels: from shape (pixel, 2) to (pixel,).
    elevation
        The height that it adds to the maps, in standard deviations of the clean ripples: the same shapes.
    """

    yx_px: Tensor
    of_impurities: bool
    covered: Callable[[Tensor], Tensor]
    elevation: Callable[[Tensor], Tensor]


class BaseStructure(Configuration, ABC):
    """Structure on a surface that is no impurity.

    A subclass is one kind of structure: a ``kind`` that names it in files, a ``share``, its ranges, and :meth:`build`.
    """

    share: Share = 0.1
    """The share of windows that have it."""

    @abstractmethod
    def build(self, scale: Scale, generator: torch.Generator) -> Part:
        """One such structure in a window.

        Parameters
        ----------
        scale
            Of the window.
        generator
            Source of the random numbers, which also sets the device.
        """


def in_or_near(yx_px: Tensor, scale: Scale) -> Tensor:
    """The positions in the window, or so near that their waves reach it."""
    margin = _MARGIN_PER_K / scale.k_rad_per_px
    return yx_px[((yx_px > -margin) & (yx_px < scale.side_px + margin)).all(-1)]


def flat(pixels_yx: Tensor) -> Tensor:
    """Zero elevation for each pixel."""
    return pixels_yx.new_zeros(pixels_yx.shape[:-1])


def signed(height: Tensor, generator: torch.Generator) -> Tensor:
    """The heights with random signs."""
    return height * torch.where(torch.rand(height.shape, generator=generator, device=height.device) < 0.5, -1.0, 1.0)
