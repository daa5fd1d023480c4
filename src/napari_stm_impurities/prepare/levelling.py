"""Levelling of maps: subtraction of a plane from each map, and of the median from each line."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import xarray as xr

from ..core.robust import MAD_TO_STD, nan_median
from ..data.images import with_history
from .record import recorded

#: Blocks a side whose medians determine the plane; the few that a defect covers are outliers among 100.
_BLOCKS = 10
#: The most pixels a side of each block that are used: more of them would hardly change its median.
_BLOCK_PX = 8


@recorded
def level_planes(stack: xr.DataArray) -> xr.DataArray:
    """The stack with a fitted plane subtracted from each map.

    The plane is fitted to the medians of some hundred blocks, and those that lie off it (a defect, a
    step) lose their weight (Tukey's biweight), so that impurities do not tilt it.

    Returns
    -------
    xarray.DataArray
        The same stack with each map about zero and without a tilt.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_stm_impurities import make_stack
    >>> y, x = np.mgrid[:16, :20]
    >>> level = level_planes(make_stack(3.0 + 0.1 * y - 0.2 * x, 0, 1.0))
    >>> bool(abs(level).max() < 1e-5)
    True
    """
    values = stack.values
    n_y, n_x = values.shape[1:]
    y, x = _centred(n_y), _centred(n_x)
    plane = _fit_planes(*_block_medians(values, y, x))
    out = np.empty(values.shape, dtype=np.float32)
    for map_, out_map, (offset, slope_y, slope_x) in zip(values, out, plane.astype(np.float32), strict=True):
        np.subtract(map_, offset + slope_y * y[:, None] + slope_x * x, out=out_map)
    return with_history(stack, out, "plane taken from each map")


def _centred(n: int) -> np.ndarray:
    # -1 to 1, so that offset and slopes hardly depend on each other
    return np.linspace(-1.0, 1.0, n, dtype=np.float32) if n > 1 else np.zeros(1, dtype=np.float32)


def _block_medians(
    values: np.ndarray, y: np.ndarray, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The medians (map, block row, block column), the blocks' y and x, and the share of pixels that was measured."""
    rows, columns = _block_slices(len(y)), _block_slices(len(x))
    medians = np.empty((len(values), len(rows), len(columns)))
    share = np.empty_like(medians)
    for i, of_y in enumerate(rows):
        for j, of_x in enumerate(columns):
            medians[:, i, j], share[:, i, j] = nan_median(values[:, of_y, of_x].reshape(len(values), -1))
    return medians, np.array([y[s].mean() for s in rows]), np.array([x[s].mean() for s in columns]), share


def _block_slices(n: int) -> list[slice]:
    edges = np.unique(np.linspace(0, n, min(n, _BLOCKS) + 1).astype(int))
    return [slice(a, b, -(-(b - a) // _BLOCK_PX)) for a, b in pairwise(edges)]


def _fit_planes(medians: np.ndarray, y: np.ndarray, x: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Offset, slope along y and slope along x of each map, shape (map, 3); zeros where a map is all NaN."""
    n_maps = len(medians)
    medians = np.where(share > 0, medians, np.nan)
    # only the scale of the numbers, so that currents of 1e-12 A are fitted as well as heights in nm
    scale = np.fmax.reduce(np.abs(medians).reshape(n_maps, -1), axis=1, initial=0.0)[:, None]
    scale[scale == 0] = 1.0
    medians = medians / scale[..., None]
    # the median slope between neighbouring blocks is a start that a defect near the edge does not tilt
    slopes = [np.diff(medians, axis=1) / np.diff(y)[:, None], np.diff(medians, axis=2) / np.diff(x)]
    plane = np.zeros((n_maps, 3))
    for i, slope in enumerate(slopes, start=1):
        if slope.size:
            plane[:, i] = np.nan_to_num(nan_median(slope.reshape(n_maps, -1))[0])
    design = np.column_stack([np.ones(len(y) * len(x)), np.repeat(y, len(x)), np.tile(x, len(y))])
    blocks, share = medians.reshape(n_maps, -1), share.reshape(n_maps, -1)
    plane[:, 0] = np.nan_to_num(nan_median(blocks - plane @ design.T)[0])
    for _ in range(4):
        residual = blocks - plane @ design.T
        sigma = MAD_TO_STD * np.nan_to_num(nan_median(np.abs(residual))[0])[:, None]
        reach = np.nan_to_num(residual) / np.maximum(4.7 * sigma, 1e-6)
        weight = share * np.clip(1 - reach**2, 0, None) ** 2
        normal = np.einsum("mb,bi,bj->mij", weight, design, design)
        pseudo = np.linalg.pinv(normal, rcond=1e-9, hermitian=True)
        plane = np.einsum("mij,mj->mi", pseudo, (weight * np.nan_to_num(blocks)) @ design)
    fitted: np.ndarray = plane * scale
    return fitted


@recorded
def level_lines(stack: xr.DataArray) -> xr.DataArray:
    """The stack with its median subtracted from each line (one row of a map), which removes jumps of the tip.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_stm_impurities import make_stack
    >>> lines = np.zeros((16, 20)) + np.arange(16)[:, None]
    >>> bool(abs(level_lines(make_stack(lines, 0, 1.0))).max() == 0)
    True
    """
    median, _ = nan_median(stack.values)
    return with_history(stack, stack.values - median[..., None], "median taken from each line")
