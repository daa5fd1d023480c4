"""Batches of simulated windows, their label maps, and random draws."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class PatchBatch:
    """A batch of simulated windows.

    Attributes
    ----------
    maps
        Shape (batch, bias, y, x), float32; NaN where a pixel is missing.
    yx_px
        Shape (batch, impurity, 2): row and column, to a fraction of a pixel.
    present
        Shape (batch, impurity), bool: which of these exist, are detectable and lie inside the window.
    structure
        Shape (batch, y, x), 0 to 1: where there is structure that is no impurity; None where none is simulated.
    """

    maps: Tensor
    yx_px: Tensor
    present: Tensor
    structure: Tensor | None = None

    def to(self, device: torch.device | str) -> PatchBatch:
        """The same windows on another device."""
        structure = None if self.structure is None else self.structure.to(device)
        return PatchBatch(self.maps.to(device), self.yx_px.to(device), self.present.to(device), structure)


def measured_pixels(windows: PatchBatch) -> Tensor:
    """The mask of pixels that were measured at one bias at least, shape (batch, y, x)."""
    return ~windows.maps.isnan().all(1)


def impurity_pixels(windows: PatchBatch) -> Tensor:
    """1.0 on each measured pixel that holds an impurity, else 0.0, shape (batch, y, x)."""
    batch, _, height, width = windows.maps.shape
    hits = windows.maps.new_zeros(batch, height * width)
    row = windows.yx_px[..., 0].round().long().clamp(0, height - 1)
    column = windows.yx_px[..., 1].round().long().clamp(0, width - 1)
    hits.scatter_reduce_(1, row * width + column, windows.present.to(hits.dtype), "amax")
    return hits.reshape(batch, height, width) * measured_pixels(windows)


def label_map(windows: PatchBatch) -> Tensor:
    """The paper's Y_label: 1/N_i on each of the N_i impurity pixels, else 0.

    Returns
    -------
    torch.Tensor
        Shape (batch, y, x); all 0 for a window without impurities.

    References
    ----------
    Wang et al. 2020, Eq. 2 and the paragraph on training data.
    """
    hits = impurity_pixels(windows)
    return hits / hits.sum((1, 2), keepdim=True).clamp_min(1)


def uniform(low: float, high: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Random numbers, uniform between `low` and `high`."""
    return low + (high - low) * torch.rand(shape, generator=generator, device=generator.device)


def log_uniform(low: float, high: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Random numbers between `low` and `high`, uniform on a logarithmic scale."""
    return low * (high / low) ** torch.rand(shape, generator=generator, device=generator.device)


def bernoulli(share: float, n: int, generator: torch.Generator) -> Tensor:
    """True for a `share` of the draws, shape (n,), bool."""
    return torch.rand(n, generator=generator, device=generator.device) < share


def randint(low: int, high: int, generator: torch.Generator) -> int:
    """One integer from `low` to `high`, both included."""
    return int(torch.randint(low, high + 1, (1,), generator=generator, device=generator.device))
