"""What a measured frame shows besides its impurities: steps, stripes, noise of each kind, gaps."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..physics import instrument
from .config import ScatteringConfig
from .windows import happens, log_uniform, uniform


def with_artefacts(config: ScatteringConfig, clean: Tensor, k: Tensor, generator: torch.Generator) -> Tensor:
    """Add to clean maps what an instrument and a real surface add.

    Parameters
    ----------
    config
        How much of each.
    clean
        Shape (batch, bias, y, x), in standard deviations of the modulation.
    k
        In radians a pixel, shape (batch, bias).
    generator
        Where the random numbers come from.

    Returns
    -------
    torch.Tensor
        The same shape, NaN where a pixel is missing.
    """
    n, n_maps, side, _ = clean.shape
    shape = (n, n_maps, side, side)
    k_top = k[:, -1]

    def column(values: Tensor) -> Tensor:
        return values[:, None, None, None]

    def sometimes(bounds: tuple[float, float], share: float) -> Tensor:
        low = max(bounds[0], 1e-3)
        return column(log_uniform(low, bounds[1], (n,), generator) * happens(share, n, generator))

    def angle() -> Tensor:
        return uniform(0, 2 * math.pi, (n,), generator)

    maps = instrument.blur(clean, uniform(*config.blur_per_k, (n,), generator) / k_top)
    if n_maps > 2:
        maps = maps - column(uniform(*config.set_point, (n,), generator)) * maps.mean(1, keepdim=True)
    jump, wave = instrument.atomic_step(
        angle(), uniform(-0.45, 0.45, (n,), generator) * side, uniform(0.3, 2, (n,), generator), k, side, side
    )
    stepped = happens(config.step_share, n, generator)
    height = sometimes(config.step, 1.0) * column(1 - 2 * happens(0.5, n, generator))
    maps = maps + column(stepped) * (height * jump + column(uniform(*config.step_wave, (n,), generator)) * wave)
    stripes = instrument.herringbone(
        angle(), uniform(*config.herringbone_period_per_k, (n,), generator) / k_top, angle(), side, side
    )
    maps = maps + sometimes(config.herringbone, config.herringbone_share) * stripes[:, None]
    rows_a, rows_b = (_lattice_rows(config, n, side, angle(), generator) for _ in range(2))
    maps = maps + sometimes(config.lattice, config.lattice_share) * (rows_a + rows_b)[:, None]
    textured = sometimes(config.texture, config.texture_share)
    maps = maps + textured * _texture(config, n, n_maps, side, generator)
    slope = instrument.along(angle(), side, side) / side
    maps = maps + column(uniform(*config.tilt, (n,), generator)) * slope[:, None]
    exponent = uniform(*config.correlated_exponent, (n,), generator)
    maps = (
        maps
        + column(log_uniform(*config.white_noise, (n,), generator)) * instrument.white_noise(shape, generator)
        + sometimes(config.line_noise, config.line_noise_share) * instrument.line_noise(shape, generator)
        + sometimes(config.correlated_noise, config.correlated_noise_share)
        * instrument.correlated_noise(shape, exponent, generator)
    )
    spiked = column(happens(config.spikes_share, n, generator)) * (
        torch.rand(shape, generator=generator, device=maps.device) < 0.001
    )
    maps = maps + spiked * 10 * instrument.white_noise(shape, generator)
    maps = maps * column(1 - 2 * happens(config.inverted_share, n, generator))
    return _with_gaps(config, maps, generator)


def _texture(config: ScatteringConfig, n: int, n_maps: int, side: int, generator: torch.Generator) -> Tensor:
    each = instrument.white_noise((n, n_maps, side, side), generator)
    fixed = happens(0.5, n, generator).bool()[:, None, None, None]
    smooth = instrument.blur(torch.where(fixed, each[:, :1], each), uniform(*config.texture_px, (n,), generator))
    return smooth / smooth.std((-2, -1), keepdim=True)


def _lattice_rows(config: ScatteringConfig, n: int, side: int, angle_rad: Tensor, generator: torch.Generator) -> Tensor:
    period = uniform(*config.lattice_period_px, (n,), generator)[:, None, None]
    return torch.cos(2 * math.pi * instrument.along(angle_rad, side, side) / period)


def _with_gaps(config: ScatteringConfig, maps: Tensor, generator: torch.Generator) -> Tensor:
    n, _, side, _ = maps.shape
    first = torch.randint(side // 2, side, (n, 1), generator=generator, device=maps.device)
    rows = (torch.arange(side, device=maps.device) >= first)[:, None, :, None].expand(-1, 1, -1, side)
    scattered = torch.rand((n, 1, side, side), generator=generator, device=maps.device) < 0.01
    by_row = torch.rand((n, 1, 1, 1), generator=generator, device=maps.device) < 0.5
    gone = (
        torch.where(by_row, rows, scattered) & happens(config.missing_share, n, generator).bool()[:, None, None, None]
    )
    return maps.masked_fill(gone, torch.nan)
