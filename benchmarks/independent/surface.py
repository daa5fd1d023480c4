"""A whole surface: the measured stack, and the whole truth about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_stm_impurities import make_stack

from . import instrument, noise
from .motion import drift_nm, recorded
from .near_fields import NearField, draw_near_fields, with_near_fields
from .phase_shifts import Kind, draw_kinds
from .plan import KINDS, Plan
from .positions import ARRANGEMENTS, draw_positions
from .structure import ROW_HALF_WIDTH_NM, Step, draw_step, herringbone, near_row
from .wave import Paths, amplitude, t_of

Reals = NDArray[np.float64]

#: Impurities keep away from a row by this, in nm: nearer they would be a part of it.
_OFF_ROW_NM = 1.2
#: Scatterers of a step: black dots with some reflection, as steps of noble metals reflect 20 to 40 %
#: (Buergi et al., Phys. Rev. Lett. 81, 5370 (1998)).
_STEP_PHASE_RAD, _STEP_ELASTICITY = (0.8, 2.2), (0.2, 0.6)
#: A step shows as a line: its height in standard deviations of the ripples, and half its width in nm.
_STEP_LINE_HEIGHT, _STEP_LINE_NM = (-3.0, 3.0), 0.4
#: The unit of the noise where nothing scatters.
_UNIT_WITHOUT_RIPPLES = 0.1
#: Energies at which the current of the set point is summed up; some 20 to 60 mV apart.
_CURRENT_ENERGIES = 16
#: The patterns of single impurities reach four ripples (of length pi / k) at the middle bias.
PATTERN_RIPPLES = 4


@dataclass(frozen=True)
class IndependentSurface:
    """A measured stack and what made it.

    Attributes
    ----------
    stack
        Dimensions (bias, y, x), dI/dV over that of the bare surface.
    points
        The impurities inside the frame: `y_nm`, `x_nm` (as recorded, the mean over the biases), `kind` from 0,
        `strength` (t is that of the kind times this) and `nearest_nm`, the distance to the next impurity anywhere.
    k_per_nm
        The wavevector at each bias.
    t
        Of each kind at strength 1, shape (kind, bias), in units of (S - 1)/2.
    patterns
        The density of states around one impurity of each kind at strength 1, over that of the bare surface less 1, near
        field included, no instrument; shape (kind, bias, y, x) on the pixels of the stack, the impurity in the middle.
    structure
        Shape (y, x): where rows of scatterers stand that are no impurities.
    """

    stack: Any
    points: pd.DataFrame
    k_per_nm: Reals
    t: NDArray[np.complex128]
    patterns: Reals
    structure: NDArray[np.bool_]


def surface_of(kind: str, seed: int, n_kinds: int | None = None) -> IndependentSurface:
    """One surface of a kind of :data:`KINDS`; the same seed gives the same surface."""
    return make_surface(KINDS[kind] if n_kinds is None else replace(KINDS[kind], n_kinds=n_kinds), seed)


def make_surface(plan: Plan, seed: int) -> IndependentSurface:
    """A surface as planned; the same seed gives the same surface.

    Raises
    ------
    ValueError
        If the plan wants more kinds than can differ, an unknown arrangement, or biases below the band.
    """
    # one stream for each part, so that what is measured does not change what there is
    drawn, measured = (np.random.default_rng([seed, part]) for part in range(2))
    bias = np.linspace(*plan.bias_mv, plan.n_biases)
    k = plan.band.k_per_nm(bias)
    if not (k > 0).all():
        raise ValueError(f"biases from {plan.bias_mv[0]:g} mV reach below the band ({plan.band.bottom_mv:g} mV)")
    sample = _draw_sample(plan, bias, k, drawn)
    pixel_nm = plan.frame_nm / plan.side_px
    moved = drift_nm(
        plan.n_biases, plan.side_px, plan.drift_px * pixel_nm, plan.creep_share, drawn.uniform(0, 2 * np.pi)
    )
    currents = _currents(plan, sample, bias, drawn)
    waves, whole = _ldos(plan, sample, bias, moved)
    # ripples alone are the unit, so that a bright near field brings no more noise
    clean, maps = (
        _seen(plan, ldos, current, bias, moved / pixel_nm)
        for ldos, current in zip((waves, whole), currents, strict=True)
    )
    unit = float(clean.std()) or _UNIT_WITHOUT_RIPPLES
    maps = _with_noise(plan, maps + unit * _structure(plan, sample, moved, drawn), unit, measured)

    places = recorded(sample.places_nm, moved, pixel_nm) + np.array([0.0, plan.delay_px * pixel_nm])
    apart = np.linalg.norm(places[:, None] - places, axis=-1) + np.diag(np.full(len(places), np.inf))
    points = pd.DataFrame(
        {
            "y_nm": places[:, 0],
            "x_nm": places[:, 1],
            "kind": sample.kind_of,
            "strength": sample.strength,
            "nearest_nm": apart.min(axis=1, initial=np.inf),
        }
    )
    inside = ((places > -pixel_nm / 2) & (places < plan.frame_nm - pixel_nm / 2)).all(axis=1)
    row = (
        near_row(_grid(plan.side_px, pixel_nm), sample.step.places_nm)
        if sample.step
        else np.zeros(maps.shape[1:], bool)
    )
    return IndependentSurface(
        make_stack(maps, bias, pixel_nm, attrs={"source": f"independent surface, seed {seed}"}),
        points[inside].reset_index(drop=True),
        k,
        t_of(sample.tau),
        _patterns(plan, sample, bias, k, pixel_nm),
        row,
    )


@dataclass(frozen=True)
class _Sample:
    """What there is: impurities inside and outside the frame, kinds, near fields, a step."""

    kinds: list[Kind]
    fields: list[NearField]
    tau: NDArray[np.complex128]
    places_nm: Reals
    kind_of: NDArray[np.int64]
    strength: Reals
    height: Reals
    step: Step | None
    step_tau: complex
    step_line: float


def _draw_sample(plan: Plan, bias: Reals, k: Reals, rng: np.random.Generator) -> _Sample:
    n_kinds = plan.n_kinds or int(rng.integers(1, 5))
    kinds = draw_kinds(n_kinds, bias, k, rng)
    fields = draw_near_fields(n_kinds, plan.near_radius_nm, plan.near_height, rng)
    if plan.near_height == 0:
        fields = [replace(field, shape="erased") for field in fields]
    step = draw_step(plan.frame_nm, 2 * plan.margin_nm, rng) if plan.step else None
    low, high = -plan.margin_nm, plan.frame_nm + plan.margin_nm
    places = draw_positions(
        plan.arrangement or str(rng.choice(ARRANGEMENTS)),
        rng.poisson(plan.density_per_nm2 * (high - low) ** 2),
        low,
        high,
        plan.least_nm,
        rng,
        companions_share=plan.companions_share,
        companions_nm=plan.companions_nm,
        allowed=lambda place: step is None or not near_row(place, step.places_nm, _OFF_ROW_NM),
    )
    n = len(places)
    return _Sample(
        kinds,
        fields,
        np.array([kind.tau(bias, k) for kind in kinds]),
        places,
        # every kind is there, and one is some three times as common as another
        rng.choice(n_kinds, n, p=rng.dirichlet(np.full(n_kinds, 8.0))),
        (strength := rng.uniform(*plan.strength, n)),
        strength * (1 + plan.near_spread * rng.normal(size=n)),
        step,
        complex(amplitude(rng.uniform(*_STEP_PHASE_RAD), rng.uniform(*_STEP_ELASTICITY))),
        float(rng.uniform(*_STEP_LINE_HEIGHT)),
    )


def _ldos(plan: Plan, sample: _Sample, bias: Reals, moved: Reals) -> tuple[Reals, Reals]:
    """The density of states over that of the bare surface: of the waves, and with near fields; each (bias, y, x)."""
    side = plan.side_px
    grid = _grid(side, plan.frame_nm / side)
    k = plan.band.k_per_nm(bias)
    scatterers = sample.places_nm if sample.step is None else np.vstack([sample.places_nm, sample.step.places_nm])
    waves, whole = np.ones((len(k), side, side)), np.ones((len(k), side, side))
    paths, pixels = None, grid.reshape(-1, 2)
    for i in np.flatnonzero(k):
        if paths is None or moved.any():
            pixels = (grid - moved[i][:, None]).reshape(-1, 2)
            paths = Paths.between(pixels, scatterers)
        of_kind = np.array([complex(kind.tau(bias[i], k[i])) for kind in sample.kinds])
        tau = sample.strength * of_kind[sample.kind_of]
        if sample.step is not None:
            tau = np.concatenate([tau, np.full(len(sample.step.places_nm), sample.step_tau)])
        wave = paths.ldos_change(tau, k[i], plan.free_path_nm)
        if sample.step is not None:
            # on the edge itself the atoms of a row are not seen one by one
            wave *= 1 - np.exp(-((sample.step.side(pixels) / ROW_HALF_WIDTH_NM) ** 4))
        waves[i] += plan.surface_share * wave.reshape(side, side)
        near = _with_near(plan, sample, wave, pixels, _course(plan, bias[i]))
        whole[i] += plan.surface_share * near.reshape(side, side)
    return waves, whole


def _currents(plan: Plan, sample: _Sample, bias: Reals, rng: np.random.Generator) -> tuple[Reals, Reals]:
    """The current at the set point over that on the bare surface: of the waves, and with near fields; each (y, x)."""
    if plan.set_point_mv is None:
        return np.ones((plan.side_px,) * 2), np.ones((plan.side_px,) * 2)
    stop = rng.choice([-1, 1]) * rng.uniform(*plan.set_point_mv)
    energies = stop * (np.arange(_CURRENT_ENERGIES) + 0.5) / _CURRENT_ENERGIES
    bare = np.where(plan.band.k_per_nm(energies) > 0, 1.0, 1 - plan.surface_share)
    # below the band nothing ripples, and a change of 0 counts by whatever bare density there is
    waves, whole = _ldos(plan, sample, energies, np.zeros((len(energies), plan.side_px, 2)))
    return 1 + (waves - 1).sum(axis=0) / bare.sum(), 1 + (whole - 1).sum(axis=0) / bare.sum()


def _structure(plan: Plan, sample: _Sample, moved: Reals, rng: np.random.Generator) -> Reals:
    """Terraces, the line of the step and the herringbone, in the unit of the noise; shape (bias, y, x)."""
    seed = rng.integers(2**32)
    grid = _grid(plan.side_px, plan.frame_nm / plan.side_px)
    out = np.zeros((plan.n_biases, plan.side_px, plan.side_px))
    for i in range(plan.n_biases):
        pixels = grid - moved[i][:, None]
        if sample.step is not None:
            line = np.exp(-((sample.step.side(pixels) / _STEP_LINE_NM) ** 2))
            out[i] += plan.terrace_share * sample.step.terrace(pixels) + sample.step_line * line
        if plan.herringbone_share:
            # the same ridges at every bias
            out[i] += plan.herringbone_share * herringbone(pixels, np.random.default_rng(seed))
    return out


def _with_near(plan: Plan, sample: _Sample, wave: Reals, pixels: Reals, course: float) -> Reals:
    if plan.near_radius_nm == 0:
        return wave
    fields = [sample.fields[kind] for kind in sample.kind_of]
    return with_near_fields(wave, pixels, sample.places_nm, fields, sample.height, course)


def _seen(plan: Plan, ldos: Reals, current: Reals, bias: Reals, moved_px: Reals) -> Reals:
    """What an instrument without noise gives."""
    pixel_nm = plan.frame_nm / plan.side_px
    maps = instrument.through_tip(ldos, pixel_nm, plan.tip_radius_nm)
    maps = instrument.at_set_point(
        maps, instrument.through_tip(current[None], pixel_nm, plan.tip_radius_nm)[0], moved_px
    )
    return instrument.through_lock_in(maps, bias, plan.modulation_mv, plan.delay_px)


def _with_noise(plan: Plan, maps: Reals, unit: float, rng: np.random.Generator) -> Reals:
    """The maps with noise, scars and missing lines, NaN where a line was not measured."""
    shape = maps.shape
    added = (
        (plan.white_share, noise.white),
        (plan.line_share, noise.lines),
        (plan.flicker_share, noise.flicker),
        (plan.mains_share, noise.mains),
        (plan.telegraph_share, noise.telegraph),
    )
    for share, of in added:
        maps = maps + share * unit * of(shape, rng)
    maps = maps + plan.scar_share * unit * noise.scars(shape, plan.scars_per_map, rng)
    lost, repeated = noise.missing_lines(shape, plan.missing_lines_per_map, rng)
    for b, line in np.argwhere(repeated):
        maps[b, line] = maps[b, line - 1]
    maps[lost] = np.nan
    return maps


def _patterns(plan: Plan, sample: _Sample, bias: Reals, k: Reals, pixel_nm: float) -> Reals:
    half = int(np.ceil(PATTERN_RIPPLES * np.pi / k[len(k) // 2] / pixel_nm))
    pixels = (_grid(2 * half + 1, pixel_nm) - half * pixel_nm).reshape(-1, 2)
    place, one = np.zeros((1, 2)), np.ones(1)
    paths = Paths.between(pixels, place)
    out = np.empty((len(sample.kinds), len(k), 2 * half + 1, 2 * half + 1))
    for n in range(len(sample.kinds)):
        for i, volt in enumerate(bias):
            wave = paths.ldos_change(sample.tau[n, i : i + 1], k[i], plan.free_path_nm)
            if plan.near_radius_nm:
                wave = with_near_fields(wave, pixels, place, [sample.fields[n]], one, _course(plan, volt))
            out[n, i] = plan.surface_share * wave.reshape(out.shape[2:])
    return out


def _grid(side: int, pixel_nm: float) -> Reals:
    """The pixels' places, shape (side, side, 2), in nm from the first pixel."""
    return pixel_nm * np.stack(np.mgrid[:side, :side], axis=-1).astype(float)


def _course(plan: Plan, bias_mv: float) -> float:
    """Where a bias lies in the sweep, from -0.5 to 0.5; beyond its ends the near fields change no more."""
    low, high = plan.bias_mv
    return float(np.clip((bias_mv - low) / (high - low) - 0.5, -0.5, 0.5))
