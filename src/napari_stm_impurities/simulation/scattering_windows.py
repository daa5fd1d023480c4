"""Windows of exact multiple scattering: impurities of several kinds, with an unknown near field, and structure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..physics.instrument import pixel_grid
from ..physics.scattering import ldos_modulation, t_matrix
from .artefacts import Context, Frames, recorded
from .config import ScatteringConfig
from .detectability import detectable, near_field_energy, noise_power, ripple_energy
from .impurity_places import impurity_places
from .near_field import draw_near_field
from .ranges import draw
from .structures import Scale
from .window_structure import window_structure
from .windows import PatchBatch, bernoulli, log_uniform, randint, uniform

#: The clean modulation is clipped to this many of its standard deviations before it sets the unit of noise.
_CLIP = 3.0
#: The smallest unit of noise, against a division by 0 without ripples.
_SMALLEST_SPREAD = 1e-6
#: The share of windows whose impurities absorb; in the others they only scatter, as adatoms in the simplest model do.
_LOSSY_SHARE = 0.5
#: Structure that is not of the impurities' kind: any phase shift, and any share of the wave absorbed (black dots at 1).
_STRUCTURE_PHASE_RAD = (0.2, math.pi - 0.2)
_STRUCTURE_LOSS = (0.0, 1.0)
#: The position of padding impurities.
_NOWHERE = -1e4
#: The most maps of windows with few maps: below four, a search needs a material or a clear ring.
_FEW_MAPS = 3


@dataclass(frozen=True)
class _CleanWindow:
    """One window without noise: maps (bias, pixel), impurities (n, 2), energies (bias, n), coverage (pixel,)."""

    maps: Tensor
    yx_px: Tensor
    energy: Tensor
    structure: Tensor


def scattering_windows(config: ScatteringConfig, n_windows: int, generator: torch.Generator) -> PatchBatch:
    """Training windows of exact multiple scattering.

    All windows of one call have the same number of maps.

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
        Maps in units of the clean modulation's standard deviation, NaN where a pixel is missing.

    Examples
    --------
    >>> windows = scattering_windows(ScatteringConfig(side_px=32), 2, torch.Generator().manual_seed(0))
    >>> windows.maps.shape[0], windows.maps.shape[2:]
    (2, torch.Size([32, 32]))
    """
    side = config.side_px
    n_maps = _number_of_maps(config, generator)
    k_top = log_uniform(*config.k_rad_per_px, (n_windows,), generator)
    k_drop = uniform(*config.k_span, (n_windows,), generator)[:, None] * (0.5 - _relative_bias(n_maps, k_top.device))
    k = k_top[:, None] * (1 - k_drop)
    clean = [_clean_window(config, window_k, generator) for window_k in k]
    maps = torch.stack([window.maps for window in clean]).reshape(n_windows, n_maps, side, side)
    pad = torch.nn.utils.rnn.pad_sequence
    yx = pad([window.yx_px for window in clean], batch_first=True, padding_value=_NOWHERE)
    energy = pad([window.energy.T for window in clean], batch_first=True).transpose(1, 2)
    structure = torch.stack([window.structure for window in clean]).reshape(n_windows, side, side)
    frames = Frames(maps, torch.zeros_like(maps), structure, yx)
    frames = recorded(config.artefacts, frames, Context(k), generator)
    inside = ((frames.yx_px > -0.5) & (frames.yx_px < side - 0.5)).all(-1)
    is_detectable = detectable(energy, noise_power(frames.noise, k), side**2)
    return PatchBatch(frames.maps, frames.yx_px, inside & is_detectable, frames.structure)


def _number_of_maps(config: ScatteringConfig, generator: torch.Generator) -> int:
    fewest, most = config.n_maps
    if bernoulli(config.few_maps_share, 1, generator):
        most = max(fewest, min(most, _FEW_MAPS))
    return randint(fewest, most, generator)


def _relative_bias(n_maps: int, device: torch.device) -> Tensor:
    """The relative position of each bias: -0.5 for the lowest, 0.5 for the highest."""
    return torch.linspace(-0.5, 0.5, n_maps, device=device) if n_maps > 1 else torch.full((1,), 0.5, device=device)


def _clean_window(config: ScatteringConfig, k: Tensor, generator: torch.Generator) -> _CleanWindow:
    k_top, side = float(k[-1]), config.side_px
    grid = pixel_grid(side, side, generator.device)
    structure = window_structure(config.structures, Scale(k_top, side), generator)
    yx = impurity_places(config, k_top, generator)
    yx = yx[structure.leaves_free(yx)]
    pixels = _drifted_pixels(config, len(k), generator)
    covered = structure.covered(grid)
    n = len(yx)
    scatterers = torch.cat([yx, structure.yx_px])
    if len(scatterers) == 0:
        zero_maps = torch.zeros(pixels.shape[:2], device=k.device)
        return _CleanWindow(
            zero_maps + structure.elevation(pixels), yx.new_full((1, 2), _NOWHERE), yx.new_zeros(len(k), 1), covered
        )
    path = float(log_uniform(*config.mean_free_path_per_k, (1,), generator)) / k_top
    kind_of_scatterer, t_kinds = _kinds(config, k, len(scatterers), generator)
    strength = torch.cat([_strengths(config, n, generator), torch.ones(len(structure.yx_px), device=k.device)])
    of_impurities = torch.cat([torch.ones(n, dtype=torch.bool, device=k.device), structure.of_impurities])
    t = torch.where(of_impurities, strength * t_kinds[:, kind_of_scatterer], _structure_t_matrix(k, generator))
    wave = ldos_modulation(scatterers, k, t, pixels, path)
    spread = wave.std()
    spread = wave.clamp(-_CLIP * spread, _CLIP * spread).std().clamp_min(_SMALLEST_SPREAD)
    near_field = draw_near_field(config, k_top, len(k), strength * of_impurities, generator)
    maps = near_field.put_into(wave / spread, pixels, scatterers) + structure.elevation(pixels)
    energy = ripple_energy(t, k, path, near_field.radius_px, side) / spread**2
    energy = energy + near_field_energy(near_field.height, near_field.radius_px)
    if n == 0:
        return _CleanWindow(maps, yx.new_full((1, 2), _NOWHERE), yx.new_zeros(len(k), 1), covered)
    return _CleanWindow(maps, yx, energy[:, :n], covered)


def _drifted_pixels(config: ScatteringConfig, n_maps: int, generator: torch.Generator) -> Tensor:
    length = uniform(*config.drift_px, (1,), generator) * bernoulli(config.drift_share, 1, generator)
    angle = uniform(0, 2 * math.pi, (1,), generator)
    bias_position = _relative_bias(n_maps, generator.device) if n_maps > 1 else torch.zeros(1, device=generator.device)
    shift = length * bias_position[:, None] * torch.cat([angle.sin(), angle.cos()])
    return pixel_grid(config.side_px, config.side_px, generator.device) - shift[:, None]


def _strengths(config: ScatteringConfig, n: int, generator: torch.Generator) -> Tensor:
    """The factor of each impurity's T matrix, shape (n,)."""
    if not bernoulli(config.strength_share, 1, generator):
        return torch.ones(n, device=generator.device)
    return draw(config.strength, n, generator)


def _kinds(config: ScatteringConfig, k: Tensor, n_scatterers: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The kind of each scatterer, shape (scatterer,), and the T matrix of each kind, shape (bias, kind)."""
    kinds = randint(*config.n_kinds, generator)
    delta = uniform(*config.phase_shift_rad, (kinds,), generator)
    weak = bernoulli(config.weak_share, kinds, generator)
    weak[0] = False
    delta = torch.where(weak, uniform(*config.weak_phase_shift_rad, (kinds,), generator), delta)
    slope = uniform(*config.phase_shift_slope_rad, (kinds,), generator) * ~weak
    loss = uniform(*config.loss, (kinds,), generator) * bernoulli(_LOSSY_SHARE, 1, generator) * ~weak
    phase = delta + slope * (1 - k / k[-1])[:, None]
    kind_of_scatterer = torch.randint(kinds, (n_scatterers,), generator=generator, device=k.device)
    return kind_of_scatterer, t_matrix(phase, loss.expand_as(phase))


def _structure_t_matrix(k: Tensor, generator: torch.Generator) -> Tensor:
    """The T matrix of structure of its own kind, shape (bias, 1)."""
    phase = uniform(*_STRUCTURE_PHASE_RAD, (1,), generator).expand(len(k), 1)
    return t_matrix(phase, uniform(*_STRUCTURE_LOSS, (1,), generator).expand(len(k), 1))
