"""Simulation of a surface and its measurement: the stack, the bound-state map, and the true points."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
from pydantic import Field, model_validator
from torch import Tensor

from ..core.arguments import instance, seed_of
from ..core.configuration import Configuration
from ..core.errors import StmError
from ..core.progress import Progress, ShouldStop, Stopped, never, silent
from ..data.images import make_stack
from ..data.points import make_points
from ..physics import instrument
from ..physics.dispersion import Dispersion
from ..physics.scattering import distances, ldos_modulation, t_matrix
from .amplitudes import Amplitudes
from .artefacts import Artefact, Context, Frames, recorded
from .detectability import detectable, near_field_energy, noise_power, ripple_energy
from .ranges import PositiveRange, Range, Share, draw
from .windows import uniform

#: Biases that are computed between two cancellation checks.
_BIASES_AT_ONCE = 8
#: Tries to place an impurity away from the others before the surface counts as full.
_TRIES = 200
#: The unit of the artefacts on a surface without ripples; those of 0.005 to 0.1 impurities in a nm^2 have 0.07 to 0.4.
_UNIT_WITHOUT_RIPPLES = 0.1
#: The radius of the Gaussian exp(-2 r^2 / R^2) that has the energy of the near field here, exp(-r^4 / 2), whose radius
#: is 1: both integrals over the plane of the square are pi^1.5 / 2.
_GAUSSIAN_OF_NEAR_FIELD = (2 * math.sqrt(math.pi)) ** 0.5


class SurfaceConfig(Configuration):
    """A surface and the measurement of it. The default is the paper's: Au(111), 37.5 nm, 126 biases."""

    side_px: int = Field(default=80, ge=16, le=2048)
    """Pixels along each side."""
    frame_nm: float = Field(default=37.5, gt=0)
    """Length of each side in nm."""
    bias_start_mv: float = -230.0
    """The lowest bias in mV."""
    bias_stop_mv: float = 20.0
    """The highest bias in mV."""
    n_biases: int = Field(default=126, ge=1, le=2000)
    """Number of biases, evenly spaced (paper: 126, every 2 mV)."""
    density_per_nm2: float = Field(default=0.03, ge=0, le=2)
    """Impurities in a nm^2."""
    least_distance_nm: float = Field(default=0.7, ge=0)
    """The smallest distance of two impurities, in nm."""
    margin_nm: float = Field(default=8.0, ge=0)
    """Width of the margin around the frame that also holds impurities, in nm."""
    phase_shift_rad: Range = (0.9, 2.2)
    """delta of the impurities at the highest bias, in radians."""
    phase_shift_slope_rad_per_v: float = 1.0
    """Slope of delta with the bias, in radians per volt."""
    loss: PositiveRange = (0.0, 0.4)
    """1 - a, the share of the wave that an impurity absorbs."""
    strength: PositiveRange = (1.0, 1.0)
    """Factor of the T matrix and the near field of each impurity. Those that are weaker than 1 and below the detection
    limit of the noise are not among the points."""
    mean_free_path_nm: float = Field(default=40.0, gt=0)
    """l in nm."""
    near_field_nm: float = Field(default=0.35, ge=0)
    """Radius in nm within which the s-wave formula does not hold, and the map goes to the value below."""
    near_field_value: float = -0.25
    """dI/dV on an impurity, over that of the bare surface, less 1."""
    near_field_spread: float = Field(default=0.0, ge=0)
    """Standard deviation of that value between impurities."""
    artefacts: tuple[Artefact, ...] = Amplitudes().artefacts()
    """Artefacts of the maps, in the order in which they are added. Alternatively, one number each under the names of
    Amplitudes, such as noise_share."""
    drift_px: float = Field(default=0.0, ge=0, le=10)
    """Drift from the first to the last bias, in pixels."""
    bound_state_bias_mv: float = -520.0
    """The bias of the map that shows the bound states, in mV."""
    bound_state_fwhm_nm: float = Field(default=1.1, gt=0)
    """Width of a bound state in that map, in nm."""
    bound_state_spread: Share = 0.3
    """Spread of the heights of the bound states, as a share."""
    bound_state_noise_share: float = Field(default=0.15, ge=0)
    """Noise of that map, as a share of the mean height."""

    @model_validator(mode="before")
    @classmethod
    def _artefacts_of_amplitudes(cls, values: Any) -> Any:
        amplitudes = [name for name in Amplitudes.model_fields if name in values] if isinstance(values, dict) else []
        if not amplitudes:
            return values
        if "artefacts" in values:
            raise ValueError(f"artefacts are given as a list, and {amplitudes[0]} besides; give one of the two")
        other_values = {name: value for name, value in values.items() if name not in amplitudes}
        return {**other_values, "artefacts": Amplitudes.of(**{name: values[name] for name in amplitudes}).artefacts()}


@dataclass(frozen=True)
class Surface:
    """A simulated surface.

    Attributes
    ----------
    stack
        Dimensions (bias, y, x): dI/dV over that of the bare surface.
    points
        The impurities inside the frame, source ``reference``; without those that are weaker than 1 and below the
        detection limit (:mod:`~napari_stm_impurities.simulation.detectability`).
    bound_state_map
        A stack with one bias, far below the others.
    """

    stack: xr.DataArray
    points: pd.DataFrame
    bound_state_map: xr.DataArray


def simulate_surface(
    material: str = "Au(111)",
    seed: int = 0,
    *,
    config: SurfaceConfig | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> Surface:
    """A surface, simulated by exact multiple scattering.

    Parameters
    ----------
    material
        A preset of :data:`~napari_stm_impurities.physics.dispersion.MATERIALS`.
    seed
        The same seed gives the same surface.
    config
        The surface and its measurement.
    progress, should_stop
        Progress callback and cancellation check; see :mod:`napari_stm_impurities.core.progress`.

    Returns
    -------
    Surface
        The stack, the true points, and the bound-state map.

    Raises
    ------
    StmError
        If the material is not known, the seed is not valid, biases lie below its band, or the density is too high.
    Stopped
        If `should_stop` returned true.

    Examples
    --------
    >>> small = SurfaceConfig(side_px=24, frame_nm=11.25, n_biases=3)
    >>> surface = simulate_surface("Au(111)", seed=0, config=small)
    >>> surface.stack.shape, surface.bound_state_map.shape
    ((3, 24, 24), (1, 24, 24))
    """
    plan = SurfaceConfig() if config is None else instance(config, SurfaceConfig, "the config")
    seed = seed_of(seed)
    band = Dispersion.of_material(material)
    bias = np.linspace(plan.bias_start_mv, plan.bias_stop_mv, plan.n_biases)
    if not (band.k_per_nm(bias) > 0).all():
        raise StmError(
            f"the biases {plan.bias_start_mv:g} to {plan.bias_stop_mv:g} mV reach below the band bottom of {material}"
            f" ({band.band_bottom_mv:g} mV), where there are no ripples; start above it"
        )
    generator = torch.Generator().manual_seed(seed)
    pixel_nm = plan.frame_nm / plan.side_px
    yx = _positions(plan, seed) / pixel_nm
    k = torch.from_numpy(band.k_per_nm(bias) * pixel_nm).float()
    impurities = _impurities(plan, len(yx), bias, generator)
    clean = _clean_maps(plan, yx, k, impurities, generator, progress, should_stop)
    unit = clean.std() if clean.any() else torch.tensor(_UNIT_WITHOUT_RIPPLES)
    frames = replace(Frames.of_maps((clean / unit)[None]), yx_px=yx[None])
    frames = recorded(plan.artefacts, frames, Context(k[None], pixel_nm), generator)
    noisy, yx = unit * frames.maps[0], frames.yx_px[0]
    attrs = {"source": f"simulated {material}, seed {seed}", "history": [f"simulated with {plan.model_dump_json()}"]}
    stack = make_stack(1 + noisy.numpy(), bias, pixel_nm, channel="dI/dV", units="of the bare surface", attrs=attrs)
    is_listed = ((yx > -0.5) & (yx < plan.side_px - 0.5)).all(1)
    if plan.strength[0] < 1:
        is_listed &= (impurities.strength >= 1) | _above_limit(plan, impurities, k, unit * frames.noise)
    points = make_points(yx[is_listed].numpy(), (pixel_nm, pixel_nm), source="reference")
    bound = make_stack(
        _bound_states(plan, yx, pixel_nm, generator).numpy(),
        [plan.bound_state_bias_mv],
        pixel_nm,
        channel="dI/dV",
        units="of the mean bound state",
        attrs=attrs,
    )
    return Surface(stack, points, bound)


def _positions(plan: SurfaceConfig, seed: int) -> Tensor:
    """Positions (y, x) in nm, shape (n, 2): uniform, with a smallest distance."""
    rng = np.random.default_rng(seed)
    low, high = -plan.margin_nm, plan.frame_nm + plan.margin_nm
    count = rng.poisson(plan.density_per_nm2 * (high - low) ** 2)
    placed = np.empty((0, 2))
    for _ in range(count):
        for _ in range(_TRIES):
            candidate = rng.uniform(low, high, 2)
            if not len(placed) or np.hypot(*(placed - candidate).T).min() >= plan.least_distance_nm:
                placed = np.vstack([placed, candidate])
                break
        else:
            raise StmError(
                f"{count} impurities do not fit {plan.least_distance_nm:g} nm apart; lower the density or the distance"
            )
    # the centre of the first pixel is the origin
    return torch.from_numpy(placed - 0.5 * plan.frame_nm / plan.side_px).float()


@dataclass(frozen=True)
class _Impurities:
    """Strength (n,), T matrix (bias, n) and dI/dV on each impurity (n,), and the direction of their drift (1,)."""

    strength: Tensor
    t: Tensor
    near_field: Tensor
    drift_angle_rad: Tensor


def _impurities(plan: SurfaceConfig, n: int, bias_mv: np.ndarray, generator: torch.Generator) -> _Impurities:
    delta = uniform(*plan.phase_shift_rad, (n,), generator)
    loss = uniform(*plan.loss, (n,), generator)
    below_top_v = torch.from_numpy((bias_mv - bias_mv[-1]) / 1000).float()
    phase = delta + plan.phase_shift_slope_rad_per_v * below_top_v[:, None]
    # a surface without impurities draws no random number here
    angle = uniform(0, 2 * math.pi, (1 if n else 0,), generator)
    near_field = plan.near_field_value + plan.near_field_spread * instrument.white_noise((n,), generator)
    strength = draw(plan.strength, n, generator)
    return _Impurities(strength, strength * t_matrix(phase, loss.expand_as(phase)), strength * near_field, angle)


def _above_limit(plan: SurfaceConfig, impurities: _Impurities, k: Tensor, noise: Tensor) -> Tensor:
    """The mask of the impurities above the detection limit, shape (impurity,)."""
    pixel_nm = plan.frame_nm / plan.side_px
    near_px = plan.near_field_nm / pixel_nm
    energy = ripple_energy(impurities.t, k, plan.mean_free_path_nm / pixel_nm, near_px, plan.side_px)
    energy = energy + near_field_energy(impurities.near_field, _GAUSSIAN_OF_NEAR_FIELD * near_px)
    return detectable(energy, noise_power(noise, k[None])[0], plan.side_px**2)


def _clean_maps(
    plan: SurfaceConfig,
    yx: Tensor,
    k: Tensor,
    impurities: _Impurities,
    generator: torch.Generator,
    progress: Progress,
    should_stop: ShouldStop,
) -> Tensor:
    """rho/rho0 - 1, shape (bias, y, x)."""
    n = len(yx)
    side = plan.side_px
    if n == 0:
        return torch.zeros(len(k), side, side)
    pixel_nm = plan.frame_nm / side
    angle = impurities.drift_angle_rad
    relative_bias = torch.linspace(-0.5, 0.5, len(k)) if len(k) > 1 else torch.zeros(1)
    shift = plan.drift_px * relative_bias[:, None] * torch.cat([angle.sin(), angle.cos()])
    grid = instrument.pixel_grid(side, side, torch.device("cpu"))
    maps = []
    for first in range(0, len(k), _BIASES_AT_ONCE):
        if should_stop():
            raise Stopped
        progress(first / len(k), "simulating the maps")
        block = slice(first, first + _BIASES_AT_ONCE)
        pixels = grid - shift[block, None]
        wave = ldos_modulation(yx, k[block], impurities.t[block], pixels, plan.mean_free_path_nm / pixel_nm)
        to_nearest, nearest_index = distances(pixels, yx.expand(len(pixels), -1, -1)).min(-1)
        maps.append(_with_near_field(plan, wave, to_nearest * pixel_nm, impurities.near_field[nearest_index]))
    progress(1.0, "simulating the maps")
    return torch.cat(maps).reshape(len(k), side, side)


def _with_near_field(plan: SurfaceConfig, wave: Tensor, to_nearest: Tensor, value: Tensor) -> Tensor:
    """The maps with the near-field value where the s-wave formula does not hold."""
    if plan.near_field_nm == 0:
        return wave
    weight = torch.exp(-0.5 * (to_nearest / plan.near_field_nm) ** 4)
    return (1 - weight) * wave + weight * value


def _bound_states(plan: SurfaceConfig, yx: Tensor, pixel_nm: float, generator: torch.Generator) -> Tensor:
    """The map below the band: one spot on each impurity, and noise."""
    side = plan.side_px
    height = 1 + plan.bound_state_spread * uniform(-1, 1, (len(yx),), generator)
    sigma = plan.bound_state_fwhm_nm / pixel_nm / (2 * math.sqrt(2 * math.log(2)))
    axis = torch.arange(side, dtype=torch.float32)
    row = torch.exp(-0.5 * ((axis - yx[:, :1]) / sigma) ** 2)
    column = torch.exp(-0.5 * ((axis - yx[:, 1:]) / sigma) ** 2)
    spots = torch.einsum("n,ny,nx->yx", height, row, column)
    return 0.5 + spots + plan.bound_state_noise_share * instrument.white_noise((side, side), generator)
