"""The base class of artefacts: a configuration with a share and ranges that changes a batch of maps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

from ...core.configuration import Configuration
from ..ranges import Share
from ..windows import bernoulli


@dataclass(frozen=True)
class Context:
    """The scale of the maps, for artefacts.

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

    def only(self, selected: Tensor) -> Self:
        """The context of some of the windows; `selected` has the shape (batch,), bool."""
        return replace(self, k_rad_per_px=self.k_rad_per_px[selected])


@dataclass(frozen=True)
class Frames:
    """Maps with their truth, as the artefacts change them.

    Attributes
    ----------
    maps
        Shape (batch, bias, y, x), in standard deviations of the clean ripples; NaN where a pixel is missing.
    noise
        The same shape: the random noise in the maps, without any artefact that repeats or has a shape.
    structure
        Shape (batch, y, x), 0 to 1: where structure that is no impurity covers a pixel.
    yx_px
        Shape (batch, impurity, 2): row and column of each impurity in the maps.
    """

    maps: Tensor
    noise: Tensor
    structure: Tensor
    yx_px: Tensor

    @classmethod
    def of_maps(cls, maps: Tensor) -> Self:
        """Clean maps without impurities and structure."""
        return cls(maps, torch.zeros_like(maps), torch.zeros_like(maps[:, 0]), maps.new_zeros(len(maps), 0, 2))

    def only(self, selected: Tensor) -> Self:
        """Some of the windows; `selected` has the shape (batch,), bool."""
        return type(self)(self.maps[selected], self.noise[selected], self.structure[selected], self.yx_px[selected])

    def with_changed(self, selected: Tensor, changed: Frames) -> Self:
        """All windows, with `changed` in place of those where `selected` is true."""
        index = (selected,)
        return type(self)(
            self.maps.index_put(index, changed.maps),
            self.noise.index_put(index, changed.noise),
            self.structure.index_put(index, changed.structure),
            self.yx_px.index_put(index, changed.yx_px),
        )


class BaseArtefact(Configuration, ABC):
    """An artefact: a feature of measured maps that is no impurity.

    A subclass is one artefact: a ``kind`` that names it in files, a ``share``, its ranges, and :meth:`apply`. Its
    docstring up to the first colon is its name in the widget.
    """

    is_noise: ClassVar[bool] = False
    """Whether it is random noise, which sets the detection limit of the impurities."""
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
            Source of the random numbers, which also sets the device.
        """

    def record(self, frames: Frames, context: Context, generator: torch.Generator) -> Frames:
        """The frames with the artefact in each window; an artefact that moves or marks pixels changes the truth too.

        Parameters
        ----------
        frames
            Maps and truth.
        context
            Of these windows.
        generator
            Source of the random numbers, which also sets the device.
        """
        maps = self.apply(frames.maps, context, generator)
        noise = frames.noise + (maps - frames.maps) if self.is_noise else frames.noise
        return replace(frames, maps=maps, noise=noise)


def recorded(artefacts: Sequence[BaseArtefact], frames: Frames, context: Context, generator: torch.Generator) -> Frames:
    """The frames with the artefacts, one after the other, each in its share of the windows.

    Parameters
    ----------
    artefacts
        In the order in which they arise, those of the tip before those of the electronics.
    frames
        Clean maps and their truth.
    context
        The scale of the maps.
    generator
        Source of the random numbers, which also sets the device.
    """
    for artefact in artefacts:
        if artefact.share == 1:
            frames = artefact.record(frames, context, generator)
            continue
        selected = bernoulli(artefact.share, len(frames.maps), generator)
        if selected.any():
            changed = artefact.record(frames.only(selected), context.only(selected), generator)
            frames = frames.with_changed(selected, changed)
    return frames


def with_artefacts(
    artefacts: Sequence[BaseArtefact], maps: Tensor, context: Context, generator: torch.Generator
) -> Tensor:
    """The maps with the artefacts, as :func:`recorded` puts them in, without their truth.

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
    return recorded(artefacts, Frames.of_maps(maps), context, generator).maps


def per_window(values: Tensor) -> Tensor:
    """One number for each window, shape (batch,), as a factor of its maps, shape (batch, 1, 1, 1)."""
    return values[:, None, None, None]


def angles(n: int, generator: torch.Generator) -> Tensor:
    """Directions or phases from the whole circle, in radians, shape (n,)."""
    return 2 * torch.pi * torch.rand(n, generator=generator, device=generator.device)
