"""Creep of the piezo."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from ..ranges import AboveZeroRange, Share, draw
from .base import BaseArtefact, Context, Frames, angles

#: Steps of the fixed-point iteration for the row at which a position is measured. Each divides the error by the
#: distortion's slope, at most _STEEPEST, so that 12 leave 0.4 px * 0.5^12, 1e-4 px.
_ITERATIONS = 12
#: The steepest distortion in pixels a line, so that no line is measured twice.
_STEEPEST = 0.5


class Creep(BaseArtefact):
    """Creep: after the move to the frame the piezo continues to move, by less from line to line.

    A pixel of line y shows the surface at a distance A exp(-y / tau) from its nominal position, in one direction; the
    impurities and the structure of the truth are moved alike.

    References
    ----------
    Croft, Shed, Devasia, J. Dyn. Syst. Meas. Control 123, 35 (2001), for creep as a sum of exponentials in time.
    """

    kind: Literal["creep"] = "creep"
    """The name in files."""
    share: Share = 0.15
    """The share of windows with creep. Reason: the first lines of a frame after a move, without waiting."""
    length_px: AboveZeroRange = (0.5, 5.0)
    """A in pixels. Reason: from half a pixel to one twelfth of the default window; creep is some per cent of a move."""
    decay_lines: AboveZeroRange = (5.0, 40.0)
    """tau in lines. Reason: from a few lines to most of the window; a longer one is a drift."""

    def displacement(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """A as a vector (y, x), shape (batch, 2), and tau, shape (batch,); A is at most tau / 2."""
        decay = draw(self.decay_lines, n, generator)
        length = draw(self.length_px, n, generator).minimum(_STEEPEST * decay)
        angle = angles(n, generator)
        return length[:, None] * torch.stack([angle.sin(), angle.cos()], -1), decay

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The distorted maps."""
        return self.record(Frames.of_maps(maps), context, generator).maps

    def record(self, frames: Frames, context: Context, generator: torch.Generator) -> Frames:
        """The distorted maps, and the truth at its distorted positions."""
        vector, decay = self.displacement(len(frames.maps), generator)
        measured_row = frames.yx_px[..., 0]
        for _ in range(_ITERATIONS):
            measured_row = frames.yx_px[..., 0] - vector[:, :1] * torch.exp(-measured_row.clamp_min(0) / decay[:, None])
        moved = frames.yx_px - vector[:, None] * torch.exp(-measured_row.clamp_min(0) / decay[:, None])[..., None]
        structure = _sampled(frames.structure[:, None], vector, decay, "bilinear")[:, 0]
        return replace(
            frames,
            maps=_sampled(frames.maps, vector, decay, "bicubic"),
            noise=_sampled(frames.noise, vector, decay, "bicubic"),
            structure=structure,
            yx_px=moved,
        )


def _sampled(maps: Tensor, vector: Tensor, decay: Tensor, mode: str) -> Tensor:
    """The maps at (y, x) + vector exp(-y / decay)."""
    height_px, width_px = maps.shape[-2:]
    rows = torch.arange(height_px, device=maps.device, dtype=maps.dtype)
    columns = torch.arange(width_px, device=maps.device, dtype=maps.dtype)
    decay_factor = torch.exp(-rows / decay[:, None])
    y = (rows + vector[:, :1] * decay_factor)[:, :, None].expand(-1, -1, width_px)
    x = columns + (vector[:, 1:] * decay_factor)[:, :, None]
    sample_positions = torch.stack([2 * x / (width_px - 1) - 1, 2 * y / (height_px - 1) - 1], -1)
    return torch.nn.functional.grid_sample(maps, sample_positions, mode=mode, padding_mode="border", align_corners=True)
