"""Windows of exact multiple scattering, with everything that a measured frame has besides."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..physics import instrument
from ..physics.scattering import distances, ldos_modulation, t_matrix
from .config import ScatteringConfig
from .windows import Windows, happens, log_uniform, uniform, whole

#: Most scatterers of one window, so that the densest draw still fits into memory.
_MOST_SCATTERERS = 400
#: The clean modulation is clipped to this many of its standard deviations before it sets the unit of noise.
_CLIP = 3.0


def scattering_windows(config: ScatteringConfig, n_windows: int, generator: torch.Generator) -> Windows:
    """Simulate windows by the exact formula.

    All windows of one call share the number of maps and lie close in scale and density, so that none
    waits for a far denser one; the next call draws others.

    Parameters
    ----------
    config
        What to simulate.
    n_windows
        How many windows.
    generator
        Where the random numbers come from, and the device to work on.

    Returns
    -------
    Windows
        Maps in units of the clean modulation's standard deviation, NaN where a pixel is missing.

    Examples
    --------
    >>> windows = scattering_windows(ScatteringConfig(side_px=32), 2, torch.Generator().manual_seed(0))
    >>> windows.maps.shape[0], windows.maps.shape[2:]
    (2, torch.Size([32, 32]))
    """
    n_maps = whole(*config.n_maps, generator)
    k_top = log_uniform(*config.k_rad_per_px, (1,), generator) * uniform(0.85, 1.15, (n_windows,), generator)
    k_top = k_top.clamp(*config.k_rad_per_px)
    k = _wavevectors(config, k_top, n_maps, generator)
    yx, there = _positions(config, k_top, generator)
    pixels = _drifted_pixels(config, n_windows, n_maps, generator)
    t = _t_matrices(config, k, yx.shape[1], generator) * there[:, None]
    path = log_uniform(*config.mean_free_path_per_k, (n_windows,), generator) / k_top
    side = config.side_px
    clean = ldos_modulation(yx, k, t, pixels, path)
    clean = clean / _spread(clean, there)
    clean = _near_field(config, clean, pixels, yx, there, k_top, generator).reshape(n_windows, n_maps, side, side)
    maps = _artefacts(config, clean, k, generator)
    inside = ((yx > -0.5) & (yx < side - 0.5)).all(-1)
    return Windows(maps, yx, there.bool() & inside)


def _wavevectors(config: ScatteringConfig, k_top: Tensor, n_maps: int, generator: torch.Generator) -> Tensor:
    span = uniform(*config.k_span, (len(k_top),), generator)
    steps = torch.linspace(1, 0, n_maps, device=k_top.device) if n_maps > 1 else torch.zeros(1, device=k_top.device)
    return k_top[:, None] * (1 - span[:, None] * steps)


def _positions(config: ScatteringConfig, k_top: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    n = len(k_top)
    side = config.side_px
    margin = (config.margin_per_k / k_top).clamp(max=0.75 * side)
    density = log_uniform(*config.density_per_k2, (1,), generator) * k_top**2
    full = 1 - happens(config.empty_share, n, generator)
    expected = density * (side + 2 * margin) ** 2 * full
    count = torch.poisson(expected, generator=generator).clamp(max=_MOST_SCATTERERS)
    most = max(1, int(count.max()))
    yx = uniform(0, 1, (n, most, 2), generator) * (side + 2 * margin)[:, None, None] - margin[:, None, None] - 0.5
    there = (torch.arange(most, device=k_top.device) < count[:, None]).float()
    return yx, there


def _drifted_pixels(config: ScatteringConfig, n: int, n_maps: int, generator: torch.Generator) -> Tensor:
    length = uniform(*config.drift_px, (n,), generator) * happens(config.drift_share, n, generator)
    angle = uniform(0, 2 * math.pi, (n,), generator)
    direction = torch.stack([torch.sin(angle), torch.cos(angle)], -1)
    when = torch.linspace(-0.5, 0.5, n_maps, device=generator.device) if n_maps > 1 else torch.zeros(1)
    shift = length[:, None, None] * direction[:, None] * when.to(generator.device)[None, :, None]
    grid = instrument.pixel_grid(config.side_px, config.side_px, generator.device)
    return grid[None, None] - shift[:, :, None]


def _t_matrices(config: ScatteringConfig, k: Tensor, n_scatterers: int, generator: torch.Generator) -> Tensor:
    n = len(k)
    kinds = whole(*config.n_kinds, generator)
    delta = uniform(*config.phase_shift_rad, (n, kinds), generator)
    weak = happens(config.weak_share, n * kinds, generator).reshape(n, kinds)
    weak[:, 0] = 0
    delta = torch.where(weak.bool(), uniform(*config.weak_phase_shift_rad, (n, kinds), generator), delta)
    slope = uniform(*config.phase_shift_slope_rad, (n, kinds), generator) * (1 - weak)
    loss = uniform(*config.loss, (n, kinds), generator) * happens(0.5, n, generator)[:, None] * (1 - weak)
    kind = torch.randint(kinds, (n, n_scatterers), generator=generator, device=k.device)
    fall = 1 - k / k[:, -1:]
    delta_of_bias = delta.gather(1, kind)[:, None] + slope.gather(1, kind)[:, None] * fall[:, :, None]
    return t_matrix(delta_of_bias, loss.gather(1, kind)[:, None].expand_as(delta_of_bias))


def _spread(clean: Tensor, there: Tensor) -> Tensor:
    spread = clean.std((1, 2), keepdim=True)
    spread = clean.clamp(-_CLIP * spread, _CLIP * spread).std((1, 2), keepdim=True)
    # an empty window has no modulation to measure noise by
    return torch.where(there.any(-1)[:, None, None], spread, 1.0).clamp_min(1e-6)


def _near_field(
    config: ScatteringConfig,
    clean: Tensor,
    pixels: Tensor,
    yx: Tensor,
    there: Tensor,
    k_top: Tensor,
    generator: torch.Generator,
) -> Tensor:
    n = len(clean)
    draw = torch.rand(n, generator=generator, device=clean.device)
    erased = draw < config.near_field_erased_share
    random = ~erased & (draw < config.near_field_erased_share + config.near_field_random_share)
    if not (erased | random).any():
        return clean
    radius = uniform(*config.near_field_radius_per_k, (n,), generator) / k_top
    sign = 1 - 2 * happens(0.5, n, generator)
    height = sign * uniform(*config.near_field_strength, (n,), generator)
    each = uniform(0.5, 1.5, tuple(there.shape), generator)
    trend = 1 + uniform(-0.8, 0.8, (n,), generator)[:, None] * torch.linspace(0, 1, clean.shape[1], device=clean.device)
    near = torch.where(there[..., None].bool(), yx, 1e6)
    distance, nearest = (
        torch.stack(pair) for pair in zip(*(_nearest(p, q) for p, q in zip(pixels, near)), strict=True)
    )
    inside = torch.sigmoid(6 * (radius[:, None, None] - distance) / radius[:, None, None].clamp_min(1))
    strength = each.gather(1, nearest.flatten(1)).view_as(distance) * (height[:, None] * trend)[:, :, None]
    bump = strength * torch.exp(-2 * (distance / radius[:, None, None]) ** 2)
    unknown = (1 - inside) * clean + torch.where(random[:, None, None], bump, 0.0)
    return torch.where((erased | random)[:, None, None], unknown, clean)


def _nearest(pixels: Tensor, yx: Tensor) -> tuple[Tensor, Tensor]:
    distance, nearest = zip(*(distances(p, yx).min(-1) for p in pixels), strict=True)
    return torch.stack(distance), torch.stack(nearest)


def _artefacts(config: ScatteringConfig, clean: Tensor, k: Tensor, generator: torch.Generator) -> Tensor:
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
