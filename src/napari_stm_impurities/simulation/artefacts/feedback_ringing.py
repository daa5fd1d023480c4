"""Ringing and overshoot of the feedback loop."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from ..ranges import AboveZeroRange, BelowOneRange, Share, draw
from .base import BaseArtefact, Context

#: The response is cut where its slowest decay, of 8 pixels, has fallen to exp(-4), 2 %.
_RESPONSE_PX = 32


class FeedbackRinging(BaseArtefact):
    """Feedback ringing: an overshoot that rings and decays behind each value along the fast axis.

    It begins with the opposite sign, as the response of a loop with too high a gain.

    References
    ----------
    Franklin, Powell, Emami-Naeini, Feedback Control of Dynamic Systems, for the damped oscillation of a loop.
    """

    kind: Literal["feedback_ringing"] = "feedback_ringing"
    """The name in files."""
    share: Share = 0.12
    """The share of windows with ringing. Reason: the gain is set as high as it just does not ring, and often higher."""
    overshoot: BelowOneRange = (0.05, 0.5)
    """Height of the overshoot over that of its cause. Reason: from hardly visible to where the loop is near to
    oscillating and the gain is lowered."""
    decay_px: AboveZeroRange = (1.0, 8.0)
    """Length within which it falls to 1/e. Reason: the loop is slower than a pixel, and faster than a tenth of a
    line."""
    period_px: AboveZeroRange = (4.0, 20.0)
    """Period of the ringing. Reason: a loop that is damped rings no faster than its own response."""

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps, each line followed by its response."""
        n, n_maps, height_px, width_px = maps.shape
        lag = torch.arange(_RESPONSE_PX + 1, device=maps.device, dtype=maps.dtype)
        decay = draw(self.decay_px, n, generator)[:, None]
        period = draw(self.period_px, n, generator)[:, None]
        response = -torch.exp(-(lag - 1) / decay) * torch.cos(2 * math.pi * (lag - 1) / period)
        response = draw(self.overshoot, n, generator)[:, None] * response
        response[:, 0] = 1
        # conv1d computes a correlation, so the response is reversed; each window is a group of its own
        kernel = response.flip(-1)[:, None].to(maps.dtype)
        lines = maps.reshape(n, n_maps * height_px, width_px).transpose(0, 1)
        padded = torch.nn.functional.pad(lines, (_RESPONSE_PX, 0), mode="replicate")
        filtered = torch.nn.functional.conv1d(padded, kernel, groups=n)
        return filtered.transpose(0, 1).reshape(maps.shape)
