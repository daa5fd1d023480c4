"""Stacks, the maps of one area at many biases: creation, checks and selection.

A stack is an :class:`xarray.DataArray` with dimensions ``("bias", "y", "x")``, float32, the bias in mV
ascending and the pixel centres `y` and `x` in nm from the first pixel. A missing pixel is NaN. Its
``attrs`` carry ``channel``, ``units``, ``source``, ``history`` (what was done to it, a list of lines)
and, where the file states them, ``frame_center_nm`` (x, y), ``frame_angle_deg`` and ``sweep_signal``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from ..core.arguments import number, path_like, pixel_sizes, value_text
from ..core.errors import StmError
from .geometry import Rectangle
from .schemas import STACK, schema_of

DIMS = STACK.dims

#: The smallest side that can show one ripple and its surroundings.
MIN_SIDE_PX = 10


def make_stack(
    data: ArrayLike,
    bias_mv: ArrayLike,
    pixel_size_nm: float | Sequence[float],
    *,
    channel: str = "dI/dV",
    units: str = "",
    attrs: Mapping[str, Any] | None = None,
) -> xr.DataArray:
    """The stack of a plain array.

    Parameters
    ----------
    data
        Shape (bias, y, x), or (y, x) for a single map. NaN where nothing was measured. A dask array stays one.
    bias_mv
        One bias a map, in mV, in any order; the maps are sorted with it.
    pixel_size_nm
        One number, or (y, x), in nm.
    channel, units
        What was measured, and in which unit.
    attrs
        Further attributes, such as ``source``.

    Returns
    -------
    xarray.DataArray
        Dimensions (bias, y, x), float32, bias ascending in mV, y and x in nm.

    Raises
    ------
    StmError
        If the shapes do not fit, a bias occurs twice or is not a number, or the pixel size is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> stack = make_stack(np.zeros((3, 16, 20)), bias_mv=[10, -10, 0], pixel_size_nm=0.5)
    >>> stack.sizes["x"], [float(v) for v in stack.bias]
    (20, [-10.0, 0.0, 10.0])
    """
    if isinstance(data, xr.Dataset):
        raise StmError(f"a stack is made from one array, got {value_text(data)}; choose one of its variables")
    values = data.data if isinstance(data, xr.DataArray) else data
    return STACK.parse(values, bias_mv, pixel_size_nm, channel=channel, units=units, attrs=attrs)


def pixel_size_nm(stack: xr.DataArray) -> tuple[float, float]:
    """The pixel size (y, x) in nm.

    Examples
    --------
    >>> import numpy as np
    >>> pixel_size_nm(make_stack(np.zeros((1, 9, 9)), 0, (0.5, 0.25)))
    (0.5, 0.25)
    """
    sizes = []
    for axis, dim in enumerate(("y", "x")):
        if stack.sizes[dim] > 1:
            coordinate = stack[dim].values
            sizes.append(float((coordinate[-1] - coordinate[0]) / (len(coordinate) - 1)))
        elif "pixel_size_nm" in stack.attrs:
            sizes.append(pixel_sizes(stack.attrs["pixel_size_nm"])[axis])
        else:
            raise StmError(f"one pixel along {dim} does not state its size; make the stack with make_stack")
    return sizes[0], sizes[1]


def missing_share(stack: xr.DataArray) -> float:
    """The share of values that are missing (NaN), 0 to 1.

    Examples
    --------
    >>> missing_share(make_stack([[[1.0, float("nan")]]], 0, 1.0))
    0.5
    """
    return float(np.isnan(stack.values).mean())


def check_stack(stack: xr.DataArray) -> xr.DataArray:
    """Return `stack` if it is suitable for the detection of impurities.

    Raises
    ------
    StmError
        If it is not a stack, is smaller than 10 x 10 pixels, holds no value, or is constant in every map.
    """
    STACK.validate(stack)
    name = stack.attrs.get("source", "the stack")
    if min(stack.sizes["y"], stack.sizes["x"]) < MIN_SIDE_PX:
        raise StmError(
            f"{name}: a map of {stack.sizes['y']} x {stack.sizes['x']} pixels is too small to find impurities in;"
            f" at least {MIN_SIDE_PX} x {MIN_SIDE_PX} are needed"
        )
    values = stack.values
    if not np.isfinite(values).any():
        raise StmError(f"{name}: every pixel is missing (NaN); nothing was measured in the channel {stack.name!r}")
    with np.errstate(invalid="ignore"):
        spread = np.nanmax(values, axis=(1, 2), initial=-np.inf) - np.nanmin(values, axis=(1, 2), initial=np.inf)
    if not (spread > 0).any():
        raise StmError(f"{name}: every map is constant in the channel {stack.name!r}; there is nothing to find")
    return stack


def as_stack(
    data: xr.DataArray | ArrayLike,
    bias_mv: ArrayLike | None = None,
    pixel_size_nm: float | Sequence[float] | None = None,
) -> xr.DataArray:
    """Return a stack unchanged, or make one from a plain array with its bias and pixel size.

    Raises
    ------
    StmError
        If a plain array comes without `bias_mv` or `pixel_size_nm`, or a stack with one of them.
    """
    if isinstance(data, xr.DataArray):
        if bias_mv is not None or pixel_size_nm is not None:
            raise StmError("bias_mv and pixel_size_nm are for a plain array; this stack has its own, so leave them out")
        return data
    if path_like(data):
        raise StmError(f"expected a stack or an array, got {value_text(data)}; read a file with read_stack first")
    if bias_mv is None or pixel_size_nm is None:
        raise StmError("a plain array needs bias_mv (one number in mV for each map) and pixel_size_nm")
    return make_stack(data, bias_mv, pixel_size_nm)


def with_history(stack: xr.DataArray, values: np.ndarray, step: str) -> xr.DataArray:
    """The same stack with other values, and one more line in its history."""
    out = stack.copy(data=values.astype(np.float32, copy=False))
    out.attrs = {**stack.attrs, "history": [*stack.attrs.get("history", []), step]}
    return out


def select_bias(stack: xr.DataArray, low_mv: float | None = None, high_mv: float | None = None) -> xr.DataArray:
    """The maps between two biases, both included.

    Raises
    ------
    StmError
        If no map lies in the range; the message states the range of biases.

    Examples
    --------
    >>> import numpy as np
    >>> stack = make_stack(np.zeros((3, 8, 8)), [-10, 0, 10], 1.0)
    >>> select_bias(stack, low_mv=-5).sizes["bias"]
    2
    """
    low = -np.inf if low_mv is None else low_mv
    high = np.inf if high_mv is None else high_mv
    bias = stack.bias.values
    keep = (bias >= low) & (bias <= high)
    if not keep.any():
        raise StmError(
            f"no map lies between {low:g} and {high:g} mV; the stack runs from {bias[0]:g} to {bias[-1]:g} mV"
        )
    return stack.isel(bias=np.flatnonzero(keep))


def map_at(image: xr.DataArray, at: float) -> xr.DataArray:
    """The map (y, x) of a stack whose bias in mV, or of a movie whose time in s, is nearest; an image as it is."""
    schema = schema_of(image)
    if not schema.axis:
        return image
    position = number(at, f"the {schema.axis}", schema.axis_unit)
    return image.isel({schema.axis: int(np.abs(image[schema.axis].values - position).argmin())})


def rectangle_of(image: xr.DataArray) -> Rectangle:
    """The frame of an image, to the outer edges of its pixels, in nm.

    Examples
    --------
    >>> import numpy as np
    >>> rectangle_of(make_stack(np.zeros((1, 4, 8)), 0, 0.5))
    (-0.25, 1.75, -0.25, 3.75)
    """
    half_y, half_x = (size / 2 for size in pixel_size_nm(image))
    y, x = image["y"].values, image["x"].values
    return float(y[0]) - half_y, float(y[-1]) + half_y, float(x[0]) - half_x, float(x[-1]) + half_x
