"""What both simulators give: windows of maps with the places of their impurities."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Windows:
    """A batch of simulated windows.

    Attributes
    ----------
    maps
        Shape (batch, bias, y, x), float32; NaN where a pixel is missing.
    yx_px
        Shape (batch, impurity, 2): row and column, to a fraction of a pixel.
    present
        Shape (batch, impurity), bool: which of these are there, and inside the window.
    """

    maps: Tensor
    yx_px: Tensor
    present: Tensor

    def to(self, device: torch.device | str) -> Windows:
        """The same windows on another device."""
        return Windows(self.maps.to(device), self.yx_px.to(device), self.present.to(device))


def uniform(low: float, high: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Numbers between `low` and `high`, evenly."""
    return low + (high - low) * torch.rand(shape, generator=generator, device=generator.device)


def log_uniform(low: float, high: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Numbers between `low` and `high`, even on a logarithmic scale."""
    return low * (high / low) ** torch.rand(shape, generator=generator, device=generator.device)


def happens(share: float, n: int, generator: torch.Generator) -> Tensor:
    """Shape (n,), 1.0 for a `share` of the draws and 0.0 for the others."""
    return (torch.rand(n, generator=generator, device=generator.device) < share).float()


def whole(low: float, high: float, generator: torch.Generator) -> int:
    """One whole number from `low` to `high`, both included."""
    return int(torch.randint(int(low), int(high) + 1, (1,), generator=generator, device=generator.device))
