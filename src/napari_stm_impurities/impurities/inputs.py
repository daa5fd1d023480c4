"""From the maps of a stack to what the network is shown."""

from __future__ import annotations

import torch
from torch import Tensor

from .network_config import InputConfig

#: Values beyond this many standard deviations are outliers: a near field, a spike.
_CLIP = 5.0


def scale_maps(maps: Tensor, scaling: str) -> Tensor:
    """Remove each map's mean and scale it; a missing pixel stays NaN.

    Parameters
    ----------
    maps
        Shape (..., y, x), NaN where a pixel is missing.
    scaling
        ``"unit_range"``: the mean off, then divided by the largest magnitude, into [-1, 1], as in the paper.
        ``"robust"``: the mean and the standard deviation of what is left after values beyond three
        standard deviations are clipped; then clipped to five.

    Returns
    -------
    torch.Tensor
        The same shape. A constant map becomes 0.
    """
    measured = ~maps.isnan()
    count = measured.sum((-2, -1), keepdim=True).clamp_min(1)

    def mean(values: Tensor) -> Tensor:
        return torch.where(measured, values, 0.0).sum((-2, -1), keepdim=True) / count

    centred = maps - mean(maps)
    if scaling == "unit_range":
        largest = torch.where(measured, centred.abs(), 0.0).amax((-2, -1), keepdim=True)
        return centred / largest.clamp_min(torch.finfo(maps.dtype).tiny)
    for _ in range(2):
        spread = mean(centred**2).sqrt().clamp_min(torch.finfo(maps.dtype).tiny)
        clipped = torch.maximum(torch.minimum(centred, 3 * spread), -3 * spread)
        # NaN stays: minimum and maximum hand it on
        centred = centred - mean(clipped)
    spread = mean((clipped - mean(clipped)) ** 2).sqrt().clamp_min(torch.finfo(maps.dtype).tiny)
    return (centred / spread).clamp(-_CLIP, _CLIP)


def network_input(scaled: Tensor, config: InputConfig) -> Tensor:
    """Fill missing pixels with 0, the mean, and add the channel that says which were measured.

    Parameters
    ----------
    scaled
        Shape (batch, bias, y, x), from :func:`scale_maps`.

    Returns
    -------
    torch.Tensor
        Shape (batch, bias, channel, y, x).
    """
    filled = torch.nan_to_num(scaled, nan=0.0)
    if not config.measured_channel:
        return filled[:, :, None]
    return torch.stack([filled, (~scaled.isnan()).to(filled.dtype)], 2)


def input_channels(config: InputConfig) -> int:
    """How many channels :func:`network_input` gives."""
    return 2 if config.measured_channel else 1
