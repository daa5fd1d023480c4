"""Pixels that were not measured."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ..ranges import Share, ShareRange, draw
from ..windows import bernoulli
from .base import BaseArtefact, Context, per_window


class MissingPixels(BaseArtefact):
    """Missing pixels: the last rows of a scan that was stopped, or single ones; the same at every bias."""

    kind: Literal["missing_pixels"] = "missing_pixels"
    """The name in files."""
    share: Share = 0.12
    """The share of windows with missing pixels. Reason: stopped scans are kept now and then."""
    rows_share: Share = 0.5
    """The share of these that lack rows; the others lack single pixels. Reason: both occur, and neither is known to be
    commoner."""
    first_row_share: ShareRange = (0.5, 1.0)
    """The first missing row, as a share of the rows. Reason: with less than half, the frame is measured again."""
    pixel_share: Share = 0.01
    """The share of pixels that are missing where single ones are. Reason: about 40 in a map of 64 x 64 pixels."""

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps with NaN where a pixel is missing."""
        n, _, height_px, width_px = maps.shape
        first_row = per_window((draw(self.first_row_share, n, generator) * height_px).floor())
        rows = torch.arange(height_px, device=maps.device)[:, None] >= first_row
        single = torch.rand((n, 1, height_px, width_px), generator=generator, device=maps.device) < self.pixel_share
        stopped = per_window(bernoulli(self.rows_share, n, generator))
        return maps.masked_fill(torch.where(stopped, rows, single), torch.nan)
