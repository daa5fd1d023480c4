"""Mains pick-up, coherent from line to line."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from ..ranges import AboveZeroRange, PositiveRange, Range, Share, ShareRange, draw
from ..windows import uniform
from .base import BaseArtefact, Context, angles, per_window


class MainsPickup(BaseArtefact):
    """Mains pick-up: a sine in time, which makes stripes at any angle that continue from line to line."""

    kind: Literal["mains_pickup"] = "mains_pickup"
    """The name in files."""
    share: Share = 0.15
    """The share of windows with pick-up. Reason: common in every laboratory, but ground loops are mended when they are
    noticed."""
    amplitude: AboveZeroRange = (0.1, 1.4)
    """Amplitude of the sine in standard deviations of the clean ripples, drawn on a logarithmic scale. Reason: from
    hardly visible to the ripples' own power, which a sine of amplitude 1.4 has."""
    cycles_per_px: AboveZeroRange = (0.01, 0.5)
    """Frequency along the fast axis, drawn on a logarithmic scale. Reason: 50 Hz at 1 to 50 ms a pixel is 0.05 and up,
    aliased to 0.5 at most; vibrations are slower."""
    cycles_per_line: Range = (-0.5, 0.5)
    """Advance of the phase from a line to the next, in cycles. Reason: the time of a line is no multiple of the
    period, so any part of a cycle is left."""
    phase_drift_rad: PositiveRange = (0.0, 0.25)
    """Standard deviation of the random step of the phase from line to line, in radians. Reason: the mains' frequency
    wanders by 0.01 to 0.1 Hz; 0.25 decorrelates the stripes within some 30 lines."""
    harmonic: ShareRange = (0.0, 0.4)
    """Amplitude of the second harmonic over that of the first. Reason: rectifiers pull twice the mains' frequency."""

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps with stripes of one frequency in each window, and a phase of its own in each map."""
        n, n_maps, height_px, width_px = maps.shape
        fast = draw(self.cycles_per_px, n, generator, logarithmic=True)[:, None] * torch.arange(
            width_px, device=maps.device
        )
        slow = draw(self.cycles_per_line, n, generator)[:, None] * torch.arange(height_px, device=maps.device)
        steps = torch.randn((n, n_maps, height_px), generator=generator, device=maps.device)
        wander = (draw(self.phase_drift_rad, n, generator)[:, None, None] * steps).cumsum(-1)
        start = uniform(0, 2 * math.pi, (n, n_maps, 1), generator)
        line_phase = 2 * math.pi * slow[:, None] + wander + start
        phase = line_phase[..., None] + 2 * math.pi * fast[:, None, None]
        harmonic = per_window(draw(self.harmonic, n, generator))
        wave = torch.sin(phase) + harmonic * torch.sin(2 * phase + per_window(angles(n, generator)))
        return maps + per_window(draw(self.amplitude, n, generator, logarithmic=True)) * wave
