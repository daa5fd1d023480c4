"""The search itself: seeds, expectation-maximisation, selection, until nothing changes any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr
from scipy.spatial import cKDTree
from numpy.typing import ArrayLike

from ..errors import StmError
from ..points import make_points
from ..progress import Progress, ShouldStop, Stopped, never, silent
from ..stacks import check_stack, make_stack
from ..stacks import pixel_size_nm as pixel_size_of
from .config import ReferenceConfig
from .density import SMALLEST_NOISE, Density, density_of, noise_std, smooth_background
from .mixture import Mixture, Profile, expectation_maximisation, render
from .selection import false_alarms, filtered, seeds, signal_to_noise, spread_of
from .resolve import merged, split
from .width import starting_fwhm_px

FWHM_PER_STD = float(2 * np.sqrt(2 * np.log(2)))

#: The pedestal in units of the noise. The mixture's likelihood is that of counts; on a pedestal of p noises it
#: weighs a residual under a spot of h noises as if the noise were sqrt(1 + h / p) larger.
PEDESTAL = 10.0

ROUNDS = 12


def find_reference(
    bound_map: xr.DataArray | ArrayLike,
    pixel_size_nm: float | Sequence[float] | None = None,
    *,
    config: ReferenceConfig | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> pd.DataFrame:
    """Find the impurities in a map of their bound states by expectation-maximisation."""
    config = config or ReferenceConfig()
    stack = as_map(bound_map, pixel_size_nm)
    check_stack(stack)
    step = pixel_size_of(stack)
    density = density_of(stack.values[0], config.sign)
    aspect = (float(np.sqrt(step[0] / step[1])), float(np.sqrt(step[1] / step[0])))
    mixture, confidence, noise = search(density, aspect, config, progress, should_stop)
    table = make_points(mixture.yx, step, source="reference", score=mixture.height, confidence=confidence)
    table["y_nm"] += float(stack["y"].values[0])
    table["x_nm"] += float(stack["x"].values[0])
    table.attrs.update(sign=density.sign, noise_std=noise, fwhm_px=mixture.profile.fwhm_px)
    return table


def as_map(bound_map: xr.DataArray | ArrayLike, pixel_size_nm: float | Sequence[float] | None) -> xr.DataArray:
    """One map as a stack with one bias."""
    if not isinstance(bound_map, xr.DataArray):
        if pixel_size_nm is None:
            raise StmError("a bare array needs pixel_size_nm, the pixel size in nm, one number or (y, x)")
        values = np.asarray(bound_map)
        if values.ndim != 2:
            raise StmError(f"a bound-state map has the shape (y, x), got an array of shape {values.shape}")
        return make_stack(values, 0.0, pixel_size_nm)
    if bound_map.dims == ("y", "x"):
        bound_map = bound_map.expand_dims(bias=[float(bound_map.coords["bias"]) if "bias" in bound_map.coords else 0.0])
    if bound_map.sizes.get("bias", 1) != 1:
        biases = bound_map["bias"].values
        raise StmError(
            f"a bound-state map has one bias, got {len(biases)} from {biases[0]:g} to {biases[-1]:g} mV; choose one with map_at"
        )
    return bound_map


def search(
    density: Density, aspect: tuple[float, float], config: ReferenceConfig, progress: Progress, should_stop: ShouldStop
) -> tuple[Mixture, np.ndarray, float]:
    """Fit the mixture; the components, their posterior probabilities and the noise of one pixel."""
    bounds = (config.smallest_fwhm_px / FWHM_PER_STD, config.largest_fwhm_px / FWHM_PER_STD)
    observed, noise, level = density.observed, density.noise_std, density.values
    std = float(np.clip(starting_fwhm_px(level, observed, config.largest_fwhm_px) / FWHM_PER_STD, *bounds))
    mixture = Mixture(np.zeros((0, 2)), np.zeros(0), Profile.gaussian(std), aspect)
    residual = level
    scale = 1.0
    for round_ in range(ROUNDS):
        if should_stop():
            raise Stopped
        progress(round_ / ROUNDS, f"{len(mixture)} spots")
        before = mixture
        mass, norm = filtered(residual, observed, mixture.profile, aspect)
        new = apart(*seeds(mass, norm, noise * scale, 3.5), mixture)
        if round_ and len(mixture):
            mixture = split(mixture, residual, observed, noise * scale, penalty_of(observed, mixture))
        mixture = mixture.plus(*new)
        if not len(mixture):
            break
        mixture, level = refine(mixture, level, observed, noise, bounds, std, fit_profile=round_ > 0)
        if round_ == 0:
            mixture = replace(mixture, profile=mixture.profile.with_wings())
            mixture, level = refine(mixture, level, observed, noise, bounds, std)
        mixture, level = simplify(mixture, level, observed, noise, scale, bounds, std, config)
        residual = level - render(mixture, level.shape)
        noise = max(noise_std(residual, observed), SMALLEST_NOISE * float(np.median(mixture.height)) if len(mixture) else 0.0)
        mass, norm = filtered(residual, observed, mixture.profile, aspect)
        scale = max(1.0, spread_of(mass * norm / noise, observed))
        if VERBOSE: print(round_, len(before), len(mixture), len(new[0]), noise, scale, mixture.profile)
        if len(mixture) == len(before) and (len(mixture) == 0 or cKDTree(mixture.yx).query(before.yx)[0].max() < 0.25):
            break
    for _ in range(4):
        before = mixture
        mixture, level = refine(mixture, level, observed, noise, bounds, std, iterations=100)
        mixture, level = simplify(mixture, level, observed, noise, scale, bounds, std, config)
        if len(mixture) == len(before):
            break
    return mixture, posterior(mixture, observed, noise * scale), noise


VERBOSE = False


def apart(yx, mass, mixture):
    if not len(mixture) or not len(yx):
        return yx, mass
    far = cKDTree(mixture.yx * np.array(mixture.aspect)).query(yx * np.array(mixture.aspect))[0] > 0.6 * mixture.profile.fwhm_px
    return yx[far], mass[far]


def penalty_of(observed, mixture):
    return occam(np.array([6.0]), observed, mixture)[0]


def simplify(mixture, level, observed, noise, scale, bounds, std, config):
    for _ in range(6):
        n = len(mixture)
        residual = level - render(mixture, level.shape)
        mixture = merged(mixture, residual, observed, noise * scale, penalty_of(observed, mixture))
        if len(mixture) == n:
            mixture = prune(mixture, observed, noise * scale, config)
        if len(mixture) == n or not len(mixture):
            break
        mixture, level = refine(mixture, level, observed, noise, bounds, std, iterations=10)
    return mixture, level


def wid(std0, n, bounds):
    lo = max(bounds[0], 0.6 * std0)
    if n == 1:
        return np.array([lo]), np.array([1.4 * std0])
    if n == 2:
        return np.array([lo, 1.2 * std0]), np.array([1.4 * std0, 3.5 * std0])
    return np.array([max(bounds[0], 0.35 * std0), lo, 1.2 * std0]), np.array([0.8 * std0, 1.5 * std0, 4 * std0])


def refine(mixture, level, observed, noise, bounds, std0, iterations=40, fit_profile=True):
    pedestal = PEDESTAL * noise
    if not len(mixture):
        return mixture, level
    weights = np.maximum(level + pedestal, 0.0)
    ground = np.full(level.shape, pedestal)
    mixture, ground = expectation_maximisation(
        mixture,
        weights,
        observed,
        ground,
        iterations=iterations,
        std_bounds=wid(std0, len(mixture.profile.std), bounds),
        fit_profile=fit_profile,
    )
    residual = level - render(mixture, level.shape)
    level = level - smooth_background(residual, observed)
    level = np.where(observed, level, 0.0)
    return mixture, level


def posterior(mixture: Mixture, observed: np.ndarray, noise: float) -> np.ndarray:
    if not len(mixture):
        return np.zeros(0)
    ratio = np.maximum(signal_to_noise(mixture, observed, noise), 1e-3)
    return posterior_of(ratio, observed, mixture)


def occam(ratio, observed, mixture):
    std = mixture.profile.fwhm_px / FWHM_PER_STD
    area = observed.sum()
    return np.log(area * ratio**2 * max(ratio.max(), 10.0) / ((2 * np.pi) ** 1.5 * 2 * std**2)) - np.log(max(len(mixture) - 1, 1))


def posterior_of(ratio, observed, mixture):
    odds = ratio**2 / 2 - occam(ratio, observed, mixture)
    return 1 / (1 + np.exp(-np.clip(odds, -50, 50)))


def prune(mixture, observed, noise, config):
    if not len(mixture):
        return mixture
    std = mixture.profile.fwhm_px / FWHM_PER_STD
    ratio = np.maximum(signal_to_noise(mixture, observed, noise), 1e-3)
    if false_alarms(ratio.max(), observed.sum(), std) > 1e-3:
        return mixture.only(np.zeros(len(mixture), bool))
    bad = posterior_of(ratio, observed, mixture) < config.min_confidence
    bad |= ~((mixture.yx > -0.5) & (mixture.yx < np.array(observed.shape) - 0.5)).all(axis=1)
    # the weakest of each neighbourhood goes first, since its neighbours gain when it is gone
    order = np.flatnonzero(bad)[np.argsort(ratio[bad])]
    gone: list[int] = []
    reach = 2 * mixture.profile.fwhm_px
    for k in order:
        if all(np.abs(mixture.yx[k] - mixture.yx[j]).max() > reach for j in gone):
            gone.append(int(k))
    keep = np.ones(len(mixture), bool)
    keep[gone] = False
    return mixture.only(keep)
