"""Windows of exact multiple scattering: impurities of several kinds, with an unknown near field."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..physics.instrument import pixel_grid
from ..physics.scattering import distances, ldos_modulation, t_matrix
from .artefacts import Context, with_artefacts
from .config import ScatteringConfig
from .windows import PatchBatch, bernoulli, log_uniform, randint, uniform

#: Most scatterers of one window, so that the densest draw still fits into memory.
_MOST_SCATTERERS = 400
#: Most groups of one window, most impurities in a row of one, the share of vacancies, and how far its impurities stand
#: beside their places, in distances.
_MOST_GROUPS = 4
_LONGEST_ROW = 6
_VACANCIES = 0.15
_GROUP_JITTER = 0.07
#: The clean modulation is clipped to this many of its standard deviations before it sets the unit of noise.
_CLIP = 3.0
#: And that is no smaller than this, so that ripples of nothing are not divided by 0.
_SMALLEST_SPREAD = 1e-6
#: The margin is cut at this share of the side, where long ripples would ask for many frames of scatterers.
_LARGEST_MARGIN = 0.75
#: The angle between the axes of a group: every lattice in the plane has axes 60 to 120 degrees apart.
_LATTICE_ANGLE_RAD = (math.pi / 3, 2 * math.pi / 3)
#: The share of windows whose impurities absorb; in the others they only scatter, as adatoms in the simplest model do.
_LOSSY_SHARE = 0.5
#: How steep the erased short range ends: from a tenth to nine tenths of the ripples within 3/4 of its radius.
_EDGE = 6.0
#: How far the heights of the arbitrary short range differ within a window: by up to a factor of three.
_HEIGHT_FACTOR = (0.5, 1.5)
#: How far they change from the lowest bias to the highest: at most by this share, so that none turns its sign.
_LARGEST_TREND = 0.8
#: The short range is a Gaussian that has fallen to exp(-2), a seventh, at its radius.
_BUMP_FALL = 2.0


def scattering_windows(config: ScatteringConfig, n_windows: int, generator: torch.Generator) -> PatchBatch:
    """Simulate windows by the exact formula.

    All windows of one call have the same number of maps.

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
    PatchBatch
        Maps in units of the clean modulation's standard deviation, NaN where a pixel is missing.

    Examples
    --------
    >>> windows = scattering_windows(ScatteringConfig(side_px=32), 2, torch.Generator().manual_seed(0))
    >>> windows.maps.shape[0], windows.maps.shape[2:]
    (2, torch.Size([32, 32]))
    """
    side = config.side_px
    n_maps = randint(*config.n_maps, generator)
    k_top = log_uniform(*config.k_rad_per_px, (n_windows,), generator)
    fall = uniform(*config.k_span, (n_windows,), generator)[:, None] * (0.5 - _place(n_maps, k_top.device))
    k = k_top[:, None] * (1 - fall)
    clean, places = zip(*(_clean_window(config, of_window, generator) for of_window in k), strict=True)
    clean_maps = torch.stack(clean).reshape(n_windows, n_maps, side, side)
    maps = with_artefacts(config.artefacts, clean_maps, Context(k), generator)
    yx = torch.nn.utils.rnn.pad_sequence(list(places), batch_first=True, padding_value=-1e4)
    return PatchBatch(maps, yx, ((yx > -0.5) & (yx < side - 0.5)).all(-1))


def _place(n_maps: int, device: torch.device) -> Tensor:
    """-0.5 for the lowest bias, 0.5 for the highest."""
    return torch.linspace(-0.5, 0.5, n_maps, device=device) if n_maps > 1 else torch.full((1,), 0.5, device=device)


def _clean_window(config: ScatteringConfig, k: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The maps of one window without noise, shape (bias, pixel), and its scatterers, shape (scatterer, 2)."""
    k_top = float(k[-1])
    yx = _positions(config, k_top, generator)
    pixels = _drifted_pixels(config, len(k), generator)
    if len(yx) == 0:
        return torch.zeros(pixels.shape[:2], device=k.device), yx.new_full((1, 2), -1e4)
    path = float(log_uniform(*config.mean_free_path_per_k, (1,), generator)) / k_top
    wave = ldos_modulation(yx, k, _t_matrices(config, k, len(yx), generator), pixels, path)
    spread = wave.std()
    spread = wave.clamp(-_CLIP * spread, _CLIP * spread).std().clamp_min(_SMALLEST_SPREAD)
    return _with_near_field(config, wave / spread, pixels, yx, k_top, generator), yx


def _positions(config: ScatteringConfig, k_top: float, generator: torch.Generator) -> Tensor:
    side = config.side_px
    margin = min(config.margin_per_k / k_top, _LARGEST_MARGIN * side)
    density = log_uniform(*config.density_per_k2, (1,), generator) * k_top**2
    full = ~bernoulli(config.empty_share, 1, generator)
    count = int(torch.poisson(density * (side + 2 * margin) ** 2 * full, generator=generator))
    spread = uniform(-margin, side + margin, (min(count, _MOST_SCATTERERS), 2), generator) - 0.5
    if not full or not bernoulli(config.group_share, 1, generator):
        return spread
    groups = [_group(config, k_top, generator) for _ in range(randint(1, _MOST_GROUPS, generator))]
    return torch.cat([*groups, spread])[:_MOST_SCATTERERS]


def _group(config: ScatteringConfig, k_top: float, generator: torch.Generator) -> Tensor:
    """Positions on a piece of a skewed lattice with vacancies, somewhere in the window."""
    rows, columns = randint(1, _LONGEST_ROW, generator), randint(2, _LONGEST_ROW, generator)
    device = generator.device
    steps = torch.stack(
        torch.meshgrid(torch.arange(rows, device=device), torch.arange(columns, device=device), indexing="ij"), -1
    ).reshape(-1, 2)
    distance = log_uniform(*config.group_distance_per_k, (2, 1), generator) / k_top
    first = uniform(0, 2 * math.pi, (1,), generator)
    angle = torch.cat([first, first + uniform(*_LATTICE_ANGLE_RAD, (1,), generator)])[:, None]
    axes = distance * torch.cat([angle.sin(), angle.cos()], 1)
    corner = uniform(0, config.side_px, (1, 2), generator) - 0.5
    places = corner + (steps - steps.float().mean(0)) @ axes
    places = places + _GROUP_JITTER * distance.min() * torch.randn(places.shape, generator=generator, device=device)
    return places[~bernoulli(_VACANCIES, len(places), generator)]


def _drifted_pixels(config: ScatteringConfig, n_maps: int, generator: torch.Generator) -> Tensor:
    length = uniform(*config.drift_px, (1,), generator) * bernoulli(config.drift_share, 1, generator)
    angle = uniform(0, 2 * math.pi, (1,), generator)
    place = _place(n_maps, generator.device) if n_maps > 1 else torch.zeros(1, device=generator.device)
    shift = length * place[:, None] * torch.cat([angle.sin(), angle.cos()])
    return pixel_grid(config.side_px, config.side_px, generator.device) - shift[:, None]


def _t_matrices(config: ScatteringConfig, k: Tensor, n_scatterers: int, generator: torch.Generator) -> Tensor:
    kinds = randint(*config.n_kinds, generator)
    delta = uniform(*config.phase_shift_rad, (kinds,), generator)
    weak = bernoulli(config.weak_share, kinds, generator)
    weak[0] = False
    delta = torch.where(weak, uniform(*config.weak_phase_shift_rad, (kinds,), generator), delta)
    slope = uniform(*config.phase_shift_slope_rad, (kinds,), generator) * ~weak
    loss = uniform(*config.loss, (kinds,), generator) * bernoulli(_LOSSY_SHARE, 1, generator) * ~weak
    kind = torch.randint(kinds, (n_scatterers,), generator=generator, device=k.device)
    phase = delta[kind] + slope[kind] * (1 - k / k[-1])[:, None]
    return t_matrix(phase, loss[kind].expand_as(phase))


def _with_near_field(
    config: ScatteringConfig, wave: Tensor, pixels: Tensor, yx: Tensor, k_top: float, generator: torch.Generator
) -> Tensor:
    """Leave the short range as it is, erase it, or put a bump or dip of arbitrary strength there."""
    draw = float(uniform(0, 1, (1,), generator))
    if draw >= config.near_field_erased_share + config.near_field_random_share:
        return wave
    radius = float(uniform(*config.near_field_radius_per_k, (1,), generator)) / k_top
    to_nearest, nearest = zip(*(distances(of_bias, yx).min(-1) for of_bias in pixels), strict=True)
    distance = torch.stack(to_nearest)
    known = torch.sigmoid(_EDGE * (distance - radius) / max(radius, 1.0))
    if draw < config.near_field_erased_share:
        return known * wave
    sign = 1 - 2 * bernoulli(0.5, 1, generator).float()
    height = (
        sign * uniform(*config.near_field_strength, (1,), generator) * uniform(*_HEIGHT_FACTOR, (len(yx),), generator)
    )
    trend = 1 + uniform(-_LARGEST_TREND, _LARGEST_TREND, (1,), generator) * torch.linspace(
        0, 1, len(wave), device=wave.device
    )
    bump = height[torch.stack(nearest)] * torch.exp(-_BUMP_FALL * (distance / radius) ** 2)
    return known * wave + trend[:, None] * bump
