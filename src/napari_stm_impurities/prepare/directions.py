"""The way there and the way back: two measurements of the same surface, joined into one."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ..core.errors import StmError
from ..data.images import with_history
from .record import recorded


def same_grid(stack: xr.DataArray, other: xr.DataArray, what: str) -> None:
    """Refuse another stack that does not lie on the same pixels at the same biases.

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
    """Average the way there and the way back; where only one was measured it stands alone.

    Noise that differs between the two falls by the square root of two. What piezo creep moved between them is
    blurred, so look at both before.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x), such as the channel ``LI Demod 1 X``.
    backward
        The same measured on the way back, ``LI Demod 1 X [bwd]``.

    Raises
    ------
    StmError
        If the two do not lie on the same grid.

    Examples
    --------
    >>> from napari_stm_impurities import make_stack
    >>> there, back = (make_stack([[[v, 4.0]]], 0, 1.0) for v in (1.0, float("nan")))
    >>> join_directions(there, back).values.tolist()
    [[[1.0, 4.0]]]
    """
    same_grid(stack, backward, "the way back")
    out = np.empty(stack.shape, dtype=np.float32)
    for one, other, to in zip(stack.values, backward.values, out, strict=True):
        count = np.isfinite(one).astype(np.float32) + np.isfinite(other)
        total = np.nan_to_num(one, posinf=0, neginf=0) + np.nan_to_num(other, posinf=0, neginf=0)
        to[:] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return with_history(stack, out, f"joined with {backward.attrs.get('channel', backward.name)}")
