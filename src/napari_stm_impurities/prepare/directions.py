"""Forward and backward scans of the same surface, averaged into one stack."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ..core.errors import StmError
from ..data.images import with_history
from .record import recorded


def same_grid(stack: xr.DataArray, other: xr.DataArray, what: str) -> None:
    """Check that two stacks have the same pixels and the same biases.

    Raises
    ------
    StmError
        Saying in what the two differ.
    """
    if stack.shape != other.shape:
        raise StmError(f"{what} has the shape {other.shape}, the stack {stack.shape}; read both from the same file")
    for axis in ("bias", "y", "x"):
        if not np.allclose(stack[axis].values, other[axis].values, rtol=1e-4, atol=1e-6):
            raise StmError(f"{what} has another axis {axis} than the stack; read both from the same file")


@recorded
def join_directions(stack: xr.DataArray, backward: xr.DataArray) -> xr.DataArray:
    """The average of the forward and the backward scan; where only one was measured, that one.

    Noise that differs between the two falls by the square root of two. What piezo creep moved between them is
    blurred, so compare the two first.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x), such as the channel ``LI Demod 1 X``.
    backward
        The same channel of the backward scan, ``LI Demod 1 X [bwd]``.

    Raises
    ------
    StmError
        If the two do not lie on the same grid.

    Examples
    --------
    >>> from napari_stm_impurities import make_stack
    >>> forward, backward = (make_stack([[[v, 4.0]]], 0, 1.0) for v in (1.0, float("nan")))
    >>> join_directions(forward, backward).values.tolist()
    [[[1.0, 4.0]]]
    """
    same_grid(stack, backward, "the backward scan")
    out = np.empty(stack.shape, dtype=np.float32)
    for forward_map, backward_map, out_map in zip(stack.values, backward.values, out, strict=True):
        count = np.isfinite(forward_map).astype(np.float32) + np.isfinite(backward_map)
        total = np.nan_to_num(forward_map, posinf=0, neginf=0) + np.nan_to_num(backward_map, posinf=0, neginf=0)
        out_map[:] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return with_history(stack, out, f"joined with {backward.attrs.get('channel', backward.name)}")
