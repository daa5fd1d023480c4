"""Missing pixels: their mask, and values that replace them for a network."""

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
    """The mask of pixels at which no bias was measured.

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
    """The stack with missing pixels filled, as a network needs it.

    A missing pixel gets the mean of the measured pixels within 3 pixels in its own map, the nearer ones
    weighing more. Farther from any measured pixel it gets the median of its map. A
    map without any value becomes zero. Detections on filled pixels are not valid: compute :func:`missing_mask` first.

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
    previous_missing, weight = None, None
    for map_ in out:
        missing = np.isnan(map_)
        if not missing.any():
            continue
        map_[missing] = np.median(map_[~missing]) if not missing.all() else 0.0
        if previous_missing is None or not np.array_equal(missing, previous_missing):
            previous_missing, weight = missing, _spread((~missing).astype(np.float32))
        assert weight is not None
        summed = _spread(np.where(missing, np.float32(0), map_))
        near = missing & (weight > 1e-6)
        map_[near] = summed[near] / weight[near]
    return out


def _spread(values: np.ndarray) -> np.ndarray:
    spread: np.ndarray = ndimage.gaussian_filter(values, _FILL_SIGMA_PX, radius=_FILL_REACH_PX, mode="constant")
    return spread
