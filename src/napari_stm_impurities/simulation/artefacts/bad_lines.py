"""Lines that were not recorded, or recorded twice."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ..ranges import AboveZeroRange, Share, draw
from ..windows import bernoulli
from .base import BaseArtefact, Context, per_window


class BadLines(BaseArtefact):
    """Bad lines: single scan lines that are missing, or that repeat the line before; the same at every bias."""

    kind: Literal["bad_lines"] = "bad_lines"
    """The name in files."""
    share: Share = 0.1
    """The share of windows with bad lines. Reason: lost data packets and the mending of bad lines are rare."""
    line_share: AboveZeroRange = (0.01, 0.1)
    """The share of lines that are bad, drawn on a logarithmic scale. Reason: from a line a frame to where it is
    measured again."""
    missing_share: Share = 0.4
    """The share of windows whose bad lines are missing (NaN); in the others they repeat the line before. Reason: most
    programs fill a bad line with its neighbour."""

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps with bad lines; the first line is always good."""
        n, _, height_px, _ = maps.shape
        share = draw(self.line_share, n, generator, logarithmic=True)[:, None]
        bad = torch.rand((n, height_px), generator=generator, device=maps.device) < share
        bad[:, 0] = False
        numbers = torch.arange(height_px, device=maps.device).expand(n, -1)
        # the last good line up to each line
        source = torch.where(bad, 0, numbers).cummax(-1).values
        repeated = maps.gather(2, source[:, None, :, None].expand(maps.shape))
        missing = per_window(bernoulli(self.missing_share, n, generator)) & bad[:, None, :, None]
        return repeated.masked_fill(missing, torch.nan)
