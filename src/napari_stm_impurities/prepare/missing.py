"""Missing pixels: where they are, and what stands in for them before a network looks."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import ndimage

from ..data import images
from ..data.images import with_history
from .record import recorded

#: Width, in pixels, of the neighbourhood that a missing pixel is filled from, and where it ends.
_FILL_SIGMA_PX = 1.0
_FILL_REACH_PX = 3


def missing_mask(stack: xr.DataArray) -> xr.DataArray:
    """Where no bias at all was measured.

    Returns
    -------
    xarray.DataArray
        Dimensions (y, x), bool, True where every map is NaN.

    Examples
    --------
    >>> from napari_stm_impurities import make_stack
    >>> stack = make_stack([[[1.0, float("nan")]]], 0, 1.0)
    >>> missing_mask(stack).values.tolist()
    [[False, True]]
    """
    return stack.isnull().all("bias").rename("missing").drop_attrs()


@recorded
def fill_missing(stack: xr.DataArray) -> xr.DataArray:
    """Fill missing pixels so that a network can look at the stack; it invents as little as it can.

    A missing pixel gets the mean of the measured pixels within 3 pixels in its own map, the nearer ones
    weighing more. Farther from any measured pixel it gets the median of its map, which shows nothing. A
    map without any value becomes zero. Ask :func:`missing_mask` before, and trust nothing found there.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_stm_impurities import make_stack
    >>> data = np.ones((1, 9, 9))
    >>> data[0, 4, 4] = np.nan
    >>> float(fill_missing(make_stack(data, 0, 1.0))[0, 4, 4])
    1.0
    """
    share = images.missing_share(stack)
    if share == 0:
        return with_history(stack, stack.values, "no missing pixels")
    return with_history(stack, filled(stack.values), f"missing pixels filled ({share:.2%} of all values)")


def filled(values: np.ndarray) -> np.ndarray:
    """The maps (map, y, x) with every NaN filled, as :func:`fill_missing` does."""
    out = values.astype(np.float32)
    hole_of_last, weight = None, None
    for one in out:
        hole = np.isnan(one)
        if not hole.any():
            continue
        one[hole] = np.median(one[~hole]) if not hole.all() else 0.0
        if hole_of_last is None or not np.array_equal(hole, hole_of_last):
            hole_of_last, weight = hole, _spread((~hole).astype(np.float32))
        assert weight is not None
        known = _spread(np.where(hole, np.float32(0), one))
        near = hole & (weight > 1e-6)
        one[near] = known[near] / weight[near]
    return out


def _spread(one: np.ndarray) -> np.ndarray:
    spread: np.ndarray = ndimage.gaussian_filter(one, _FILL_SIGMA_PX, radius=_FILL_REACH_PX, mode="constant")
    return spread
