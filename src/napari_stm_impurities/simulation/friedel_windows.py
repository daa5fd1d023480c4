"""The paper's training data, Eq. 3: windows with independent Friedel oscillations and white noise."""

from __future__ import annotations

import math

import torch

from ..physics.friedel import friedel_modulation, standardise
from ..physics.instrument import white_noise
from .config import FriedelConfig
from .windows import PatchBatch, uniform


def friedel_windows(config: FriedelConfig, n_windows: int, generator: torch.Generator) -> PatchBatch:
    """Training windows as in the paper.

    Impurities lie on pixels, at most one on each. A_w and alpha_w are drawn independently for each impurity and
    each k_F. Each map has its mean removed and is scaled into [-1, 1]; then the noise is added.

    Parameters
    ----------
    config
        The settings of the simulation.
    n_windows
        The number of windows.
    generator
        Source of the random numbers, which also sets the device.

    Returns
    -------
    PatchBatch
        Maps of shape (n_windows, n_maps, L, L).

    Examples
    --------
    >>> windows = friedel_windows(FriedelConfig(), 2, torch.Generator().manual_seed(0))
    >>> tuple(windows.maps.shape)
    (2, 8, 20, 20)
    """
    device = generator.device
    side, n_maps = config.side_px, config.n_maps
    fewest, most = config.impurities
    count = torch.randint(fewest, most + 1, (n_windows,), generator=generator, device=device)
    # the pixels with the largest random numbers are a draw without repetition
    pixel_index = torch.rand(n_windows, side * side, generator=generator, device=device).topk(max(most, 1)).indices
    yx = torch.stack([pixel_index // side, pixel_index % side], -1).float()
    present = torch.arange(max(most, 1), device=device) < count[:, None]
    k0 = config.k_rad_per_px
    k = uniform(k0 * (1 - config.k_spread), k0 * (1 + config.k_spread), (n_windows, n_maps), generator)
    shape = (n_windows, n_maps, max(most, 1))
    amplitude = uniform(*config.amplitude, shape, generator) * present[:, None]
    phase = uniform(0, 2 * math.pi, shape, generator)
    maps = standardise(friedel_modulation(yx, k, amplitude, phase, side, config.cutoff_px))
    maps = maps + config.noise_std * white_noise(tuple(maps.shape), generator)
    return PatchBatch(maps, yx, present)
