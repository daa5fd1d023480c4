"""A change of the tip within the frame."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ..ranges import AboveZeroRange, Range, Share, ShareRange, draw
from ..windows import bernoulli, uniform
from .base import BaseArtefact, Context, per_window


class TipChange(BaseArtefact):
    """Tip change: from one line on, the contrast and the offset are others."""

    kind: Literal["tip_change"] = "tip_change"
    """The name in files."""
    share: Share = 0.12
    """The share of windows with a tip change. Reason: seen in every second long measurement, but such frames are often
    measured again."""
    contrast: AboveZeroRange = (0.5, 1.6)
    """Factor of the contrast after the change, drawn on a logarithmic scale. Reason: the local density of states of
    the tip changes by tens of per cent; a tip that loses more than half of it is replaced."""
    offset: Range = (-4.0, 4.0)
    """Jump of the offset in standard deviations of the clean ripples. Reason: a tip that picks up an atom is longer by
    some 0.1 nm, several times the ripples; levelling takes off what is larger."""
    first_row_share: ShareRange = (0.1, 0.9)
    """The line of the change, as a share of the lines. Reason: both parts are visible."""
    static_share: Share = 0.5
    """The share of windows in which all maps change at the same line, as in a grid; in the others one map changes, as
    in a series. Reason: both occur, and neither is known to be commoner."""

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps with another contrast and offset from a line on."""
        n, n_maps, height_px, _ = maps.shape
        first = per_window((draw(self.first_row_share, n, generator) * height_px).floor())
        changed_map = torch.floor(uniform(0, n_maps, (n, 1), generator))
        in_map = (torch.arange(n_maps, device=maps.device) == changed_map) | bernoulli(self.static_share, n, generator)[
            :, None
        ]
        after = (torch.arange(height_px, device=maps.device)[:, None] >= first) & in_map[..., None, None]
        contrast = per_window(draw(self.contrast, n, generator, logarithmic=True))
        return torch.where(after, contrast * maps + per_window(draw(self.offset, n, generator)), maps)
