"""What every artefact is: a value with a share and ranges, that changes a batch of maps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from ...core.configuration import Configuration
from ..ranges import Share
from ..windows import bernoulli


@dataclass(frozen=True)
class Context:
    """What an artefact may have to know of the maps.

    Attributes
    ----------
    k_rad_per_px
        Shape (batch, bias), the highest bias last.
    pixel_size_nm
        None for training windows, whose only scale is k.
    """

    k_rad_per_px: Tensor
    pixel_size_nm: float | None = None

    @property
    def k_top_rad_per_px(self) -> Tensor:
        """The k of the highest bias, shape (batch,)."""
        return self.k_rad_per_px[:, -1]

    def only(self, shown: Tensor) -> Self:
        """The context of some of the windows; `shown` has the shape (batch,), bool."""
        return replace(self, k_rad_per_px=self.k_rad_per_px[shown])


class BaseArtefact(Configuration, ABC):
    """One thing that a measured map shows besides its impurities.

    A subclass is one artefact: a ``kind`` that names it in files, a ``share``, its ranges, and :meth:`apply`. Its
    docstring up to the first colon is its name in the window.
    """

    share: Share = 1.0
    """The share of windows that show it."""

    @abstractmethod
    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps with the artefact in each window; whether a window shows it was drawn before.

        Parameters
        ----------
        maps
            Shape (batch, bias, y, x), in standard deviations of the clean ripples; NaN where a pixel is missing.
        context
            Of these windows.
        generator
            Where the random numbers come from, and the device.
        """


def with_artefacts(
    artefacts: Sequence[BaseArtefact], maps: Tensor, context: Context, generator: torch.Generator
) -> Tensor:
    """The maps with the artefacts, one after the other, each in its share of the windows.

    Parameters
    ----------
    artefacts
        In the order in which they come about, those that the tip makes before those of the electronics.
    maps
        Shape (batch, bias, y, x), in standard deviations of the clean ripples.
    context
        What the artefacts have to know of the maps.
    generator
        Where the random numbers come from, and the device.

    Returns
    -------
    torch.Tensor
        The same shape, NaN where a pixel is missing.

    Examples
    --------
    >>> from napari_stm_impurities.simulation.artefacts import WhiteNoise
    >>> clean, k = torch.zeros(3, 2, 16, 16), torch.full((3, 2), 0.5)
    >>> noisy = with_artefacts([WhiteNoise(amplitude=0.1)], clean, Context(k), torch.Generator().manual_seed(0))
    >>> round(float(noisy.std()), 2)
    0.1
    """
    for artefact in artefacts:
        if artefact.share == 1:
            maps = artefact.apply(maps, context, generator)
            continue
        shown = bernoulli(artefact.share, len(maps), generator)
        if shown.any():
            changed = artefact.apply(maps[shown], context.only(shown), generator)
            maps = maps.index_put((shown,), changed)
    return maps


def per_window(values: Tensor) -> Tensor:
    """One number for each window, shape (batch,), as a factor of its maps, shape (batch, 1, 1, 1)."""
    return values[:, None, None, None]


def angles(n: int, generator: torch.Generator) -> Tensor:
    """Directions or phases from the whole circle, in radians, shape (n,)."""
    return 2 * torch.pi * torch.rand(n, generator=generator, device=generator.device)
