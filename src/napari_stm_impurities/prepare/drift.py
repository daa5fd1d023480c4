"""Drift between biases: maps that were taken one after the other, moved back onto each other.

A grid measures all biases at each pixel and cannot drift between them; a series of scans, each of a quarter of an
hour, does. The ripples change with the bias, so only maps that are near in bias are compared, and all
comparisons together are solved for one position of each map. Ripples that grow shorter from map to map still cause an
apparent drift, of up to 0.04 pixels a map when their length changes by 2 %; structure that does
not change with the bias is placed to 0.05 pixels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from scipy import ndimage
from skimage.registration import phase_cross_correlation

from ..core.errors import StmError
from ..core.progress import Progress, ShouldStop, Stopped, never, silent
from ..core.robust import MAD_TO_STD
from ..data import images
from ..data.images import with_history
from .missing import filled
from .record import recorded

#: Each map is compared with those that follow at these distances in the order of biases.
_LAGS = (1, 2, 4)
#: Shifts are measured to one pixel over this number.
_UPSAMPLING = 50
#: The largest number of repetitions; the measurement stops earlier when it has converged.
_ROUNDS = 3
#: A comparison that is off by more than this number of robust standard deviations does not count.
_OUTLIER = 3.0


def measure_drift(stack: xr.DataArray, *, progress: Progress = silent, should_stop: ShouldStop = never) -> xr.DataArray:
    """The drift of each map relative to the first one.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x), in the order of the biases, which is taken for the order of measuring.
    progress, should_stop
        Progress callback and cancellation check; see :mod:`napari_stm_impurities.core.progress`.

    Returns
    -------
    xarray.DataArray
        Dimensions (bias, axis), in nm; axis is y, x. Zero for the first map.

    References
    ----------
    M. Guizar-Sicairos, S. T. Thurman and J. R. Fienup, Opt. Lett. 33, 156 (2008), for the sub-pixel correlation.

    Examples
    --------
    >>> from napari_stm_impurities import make_stack
    >>> surface = np.random.default_rng(0).normal(size=(40, 40))
    >>> surface = ndimage.gaussian_filter(surface, 2)
    >>> drifting = make_stack([np.roll(surface, i, axis=1) for i in range(3)], [0, 1, 2], 0.5)
    >>> measure_drift(drifting).values.round(1).tolist()
    [[0.0, 0.0], [0.0, 0.5], [0.0, 1.0]]
    """
    n_maps, n_y, n_x = stack.shape
    window = np.outer(np.hanning(n_y + 2)[1:-1], np.hanning(n_x + 2)[1:-1])
    complete = filled(stack.values)
    pairs = [(i, i + lag) for lag in _LAGS for i in range(n_maps - lag)]
    positions = np.zeros((n_maps, 2))
    # the window biases each shift towards zero, so the remainder of one round is measured in the next
    for round_ in range(_ROUNDS):
        moved = [_moved(map_, -position) for map_, position in zip(complete, positions, strict=True)]
        maps = [_strength(map_) * window for map_ in filled(np.stack(moved))]
        found = np.zeros((len(pairs), 2))
        for n, (i, j) in enumerate(pairs):
            if should_stop():
                raise Stopped
            found[n] = _shift(maps[i], maps[j])
            progress((round_ + (n + 1) / len(pairs)) / _ROUNDS, "comparing maps")
        remaining = _solve(pairs, found, n_maps)
        positions = np.clip(positions + remaining, -np.array([n_y, n_x]) + 1, np.array([n_y, n_x]) - 1)
        if np.abs(remaining).max() < 1 / _UPSAMPLING:
            break
    return xr.DataArray(
        positions * np.asarray(images.pixel_size_nm(stack)),
        dims=("bias", "axis"),
        coords={"bias": stack.bias, "axis": ["y", "x"]},
        name="drift",
        attrs={"units": "nm"},
    )


def _strength(map_: np.ndarray) -> np.ndarray:
    """The squared ripples of a map, about zero: they correlate less between different wavelengths than the ripples."""
    squared: np.ndarray = (map_ - np.median(map_)).astype(np.float64) ** 2
    return squared - np.median(squared)


def _shift(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The shift (y, x) in pixels of the second map relative to the first; NaN where a map is empty."""
    if not before.any() or not after.any():
        return np.full(2, np.nan)
    compare: Callable[..., tuple[np.ndarray, float, float]] = phase_cross_correlation
    shift, _, _ = compare(before, after, upsample_factor=_UPSAMPLING, normalization=None)
    return -np.asarray(shift, dtype=np.float64)


def _solve(pairs: list[tuple[int, int]], found: np.ndarray, n_maps: int) -> np.ndarray:
    """The position of each map that fits all comparisons best, shape (map, 2); outliers lose their weight."""
    design = np.zeros((len(pairs), n_maps))
    for row, (i, j) in enumerate(pairs):
        design[row, i], design[row, j] = -1.0, 1.0
    weight = np.isfinite(found).all(axis=1).astype(np.float64)
    found = np.nan_to_num(found)
    # a map without a valid comparison gets the position of its neighbours
    smooth = 1e-3 * np.diff(np.eye(n_maps), axis=0)
    positions = np.zeros((n_maps, 2))
    for _ in range(8):
        rows = np.vstack([design * weight[:, None], smooth])
        target = np.vstack([found * weight[:, None], np.zeros((n_maps - 1, 2))])
        # the first map defines the origin
        positions[1:] = np.linalg.lstsq(rows[:, 1:], target, rcond=None)[0]
        off = np.hypot(*(found - design @ positions).T)
        scale = MAD_TO_STD * np.median(off[weight > 0]) if (weight > 0).any() else 0.0
        weight = np.where(weight > 0, np.minimum(1.0, _OUTLIER * max(scale, 0.02) / np.maximum(off, 1e-9)), 0.0)
    return positions


@recorded
def correct_drift(stack: xr.DataArray, drift_nm: ArrayLike | None = None) -> xr.DataArray:
    """The stack with each map shifted back onto the first one, by fractions of a pixel.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x).
    drift_nm
        Shape (bias, 2), y and x in nm, as :func:`measure_drift` gives it; None measures it.

    Returns
    -------
    xarray.DataArray
        The same frame, with NaN where a map was moved in from outside; the drift is its attribute ``drift_nm``.

    Raises
    ------
    StmError
        If the drift does not have two finite numbers for each map, or a map lies wholly outside the first one.

    Examples
    --------
    >>> from napari_stm_impurities import make_stack
    >>> stack = make_stack(np.zeros((2, 9, 9)), [0, 1], 0.5)
    >>> correct_drift(stack, [[0, 0], [0, 0.5]]).attrs["drift_nm"]
    [[0.0, 0.0], [0.0, 0.5]]
    """
    drift = np.asarray(measure_drift(stack).values if drift_nm is None else drift_nm, dtype=np.float64)
    if drift.shape != (stack.sizes["bias"], 2) or not np.isfinite(drift).all():
        raise StmError(
            f"a drift has two finite numbers (y, x) in nm for each of the {stack.sizes['bias']} maps, got {drift.shape}"
        )
    in_px = drift / np.asarray(images.pixel_size_nm(stack))
    if (np.abs(in_px) >= stack.shape[1:]).any():
        raise StmError(f"a map drifted by {np.abs(drift).max():.3g} nm, out of the frame; leave it out")
    out = np.empty(stack.shape, dtype=np.float32)
    for map_, out_map, shift in zip(stack.values, out, in_px, strict=True):
        out_map[:] = _moved(map_, -shift)
    farthest = float(np.hypot(*drift.T).max())
    corrected = with_history(stack, out, f"drift between the maps corrected, up to {farthest:.3g} nm")
    corrected.attrs["drift_nm"] = drift.tolist()
    return corrected


def _moved(map_: np.ndarray, shift: np.ndarray) -> np.ndarray:
    if not np.abs(shift).max() > 1e-6:
        return map_
    complete = filled(map_[None])[0] if np.isnan(map_).any() else map_
    moved: np.ndarray = ndimage.shift(complete, shift, order=3, mode="nearest", output=np.float32)
    known = ndimage.shift(np.isfinite(map_).astype(np.float32), shift, order=1, mode="constant", cval=0.0)
    moved[known < 0.5] = np.nan
    return moved
