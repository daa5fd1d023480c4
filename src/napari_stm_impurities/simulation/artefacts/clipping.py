"""Values beyond the range of the recording."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ..ranges import Share, ShareRange, draw
from ..windows import bernoulli
from .base import BaseArtefact, Context, per_window


class Clipping(BaseArtefact):
    """Clipped height: values above (or below) a limit are set to it, in each map its own."""

    kind: Literal["clipping"] = "clipping"
    """The name in files."""
    share: Share = 0.1
    """The share of windows that are clipped. Reason: amplifiers run into saturation now and then."""
    clipped_share: ShareRange = (0.003, 0.08)
    """The share of pixels that are clipped. Reason: from single pixels to the tops of all bright spots; with more, the
    gain is lowered."""
    below_share: Share = 0.5
    """The share of windows that are clipped from below; the others from above. Reason: by the sign of the channel."""

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The clipped maps."""
        n = len(maps)
        sign = per_window(1 - 2 * bernoulli(self.below_share, n, generator).to(maps.dtype))
        signed_maps = sign * maps
        ordered = signed_maps.flatten(2).sort(-1).values
        last = ordered.shape[-1] - 1
        index = ((1 - draw(self.clipped_share, n, generator)) * last).round().long()
        limit = ordered.gather(2, index[:, None, None].expand(n, maps.shape[1], 1))
        return sign * signed_maps.minimum(limit[..., None])
