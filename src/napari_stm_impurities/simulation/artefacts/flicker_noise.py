"""1/f noise in the order in which the pixels are measured."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from ...physics import instrument
from ..ranges import AboveZeroRange, PositiveRange, Share, draw
from .base import BaseArtefact, Context, per_window

#: The time of a line in pixels, over the side of the window: the backward scan takes as long as the forward scan, and a
#: window is a part of a line, half of it at a typical frame of 128 pixels.
_LINE_TIME = 4


class FlickerNoise(BaseArtefact):
    """1/f noise: its power falls with the frequency in time.

    It is therefore smooth along the fast axis, and the lines drift along the slow axis.

    References
    ----------
    Dutta, Horn, Rev. Mod. Phys. 53, 497 (1981).
    """

    is_noise: ClassVar[bool] = True
    """It sets the detection limit."""
    kind: Literal["flicker_noise"] = "flicker_noise"
    """The name in files."""
    share: Share = 0.15
    """The share of windows with 1/f noise. Reason: every preamplifier has it; it shows where a map is measured
    slowly."""
    amplitude: AboveZeroRange = (0.1, 1.5)
    """Standard deviation in standard deviations of the clean ripples, drawn on a logarithmic scale. Reason: from hardly
    visible to more than the ripples; an impurity can still be recognised, since the noise is streaks and it is
    round."""
    exponent: PositiveRange = (0.7, 1.5)
    """The power falls with the frequency to this power. Reason: about 1 for the junction and the preamplifier; up to
    1.5 with drift."""

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps with noise in the order of the scan, each map its own."""
        n, n_maps, height_px, width_px = maps.shape
        n_samples = height_px * width_px * _LINE_TIME
        spectrum = torch.fft.rfft(instrument.white_noise((n, n_maps, n_samples), generator))
        frequency = torch.fft.rfftfreq(n_samples, device=maps.device).clamp_min(1 / n_samples)
        spectrum = spectrum * frequency ** (-draw(self.exponent, n, generator)[:, None, None] / 2)
        in_time = torch.fft.irfft(spectrum, n=n_samples)
        noise = in_time.reshape(n, n_maps, height_px, _LINE_TIME * width_px)[..., :width_px]
        amplitude = per_window(draw(self.amplitude, n, generator, logarithmic=True))
        return maps + amplitude * noise / noise.std((-2, -1), keepdim=True)
