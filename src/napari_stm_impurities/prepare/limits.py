"""Choosing what to keep: a range of biases, and a range of values."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ..core.errors import StmError
from ..data.images import select_bias, with_history
from .record import recorded


@recorded
def choose_biases(stack: xr.DataArray, low_mv: float | None = None, high_mv: float | None = None) -> xr.DataArray:
    """The stack with only the maps between two biases, both included.

    Raises
    ------
    StmError
        If no map lies in the range.

    Examples
    --------
    >>> from napari_stm_impurities import make_stack
    >>> stack = make_stack(np.zeros((3, 8, 8)), [-10, 0, 10], 1.0)
    >>> choose_biases(stack, low_mv=-5).bias.values.tolist()
    [0.0, 10.0]
    """
    part = select_bias(stack, low_mv, high_mv)
    first, last = part.bias.values[[0, -1]]
    kept = f"{part.sizes['bias']} of {stack.sizes['bias']} maps kept, {first:g} to {last:g} mV"
    return with_history(part, part.values.copy(), kept)


@recorded
def clip_extremes(stack: xr.DataArray, share: float = 0.001) -> xr.DataArray:
    """The stack with the most extreme values of each map clipped to two quantiles.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x).
    share
        The share of a map's values that is clipped, at each end; 0 to 0.5.

    Raises
    ------
    StmError
        If the share lies outside that range.

    Examples
    --------
    >>> from napari_stm_impurities import make_stack
    >>> clip_extremes(make_stack([[[0.0, 1.0, 2.0, 3.0, 100.0]]], 0, 1.0), 0.25).values.tolist()
    [[[1.0, 1.0, 2.0, 3.0, 3.0]]]
    """
    if not 0 <= share < 0.5:
        raise StmError(f"the share that is clipped at each end lies between 0 and 0.5, got {share!r}")
    out = np.empty(stack.shape, dtype=np.float32)
    for map_, out_map in zip(stack.values, out, strict=True):
        finite = map_[np.isfinite(map_)]
        low, high = np.quantile(finite, [share, 1 - share]) if finite.size else (0.0, 0.0)
        np.clip(map_, np.float32(low), np.float32(high), out=out_map)
    return with_history(stack, out, f"the most extreme {share:.2%} of each map clipped at each end")
