"""The same surface on another grid: other pixels, fewer biases, a part of the frame."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import ndimage
from scipy.interpolate import make_interp_spline

from ..core.errors import StmError
from ..data import images
from ..data.images import with_history
from .missing import filled
from .record import recorded


@recorded
def resample(stack: xr.DataArray, pixel_size_nm: float) -> xr.DataArray:
    """Bring a stack to square pixels of another size, without aliasing.

    The first pixel keeps its position and the coordinates stay in nm, so that positions on the new grid
    equal those on the old one. For coarser pixels a Gaussian anti-aliasing filter is applied first; values
    between pixels come from a cubic spline. A new pixel is missing where more than half of its weight
    lies on missing pixels.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x).
    pixel_size_nm
        The new pixel size, along y and x.

    Raises
    ------
    StmError
        If the size is not positive, or so large that no two pixels are left along the longer side.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_stm_impurities import make_stack
    >>> stack = make_stack(np.zeros((2, 33, 65)), [0, 1], (1.0, 0.5))
    >>> resample(stack, 2.0).shape
    (2, 17, 17)
    """
    if not (np.isfinite(pixel_size_nm) and pixel_size_nm > 0):
        raise StmError(f"the new pixel size must be positive, in nm, got {pixel_size_nm!r}")
    old = images.pixel_size_nm(stack)
    if np.allclose(old, pixel_size_nm, rtol=1e-6):
        return with_history(stack, stack.values, f"pixels left at {pixel_size_nm:.6g} nm")
    step_y, step_x = (pixel_size_nm / size for size in old)
    extent = max((n - 1) * size for n, size in zip(stack.shape[1:], old, strict=True))
    if extent < pixel_size_nm:
        raise StmError(
            f"pixels of {pixel_size_nm:g} nm are larger than the frame of {extent:.4g} nm; give a smaller size"
        )
    along_y, along_x = _to_grid(stack.sizes["y"], step_y), _to_grid(stack.sizes["x"], step_x)
    out = np.empty((len(stack), len(along_y), len(along_x)), dtype=np.float32)
    holes = bool(np.isnan(stack.values).any())
    for map_, out_map in zip(stack.values, out, strict=True):
        np.matmul(along_y @ (filled(map_[None])[0] if holes else map_), along_x.T, out=out_map)
        if holes:
            out_map[along_y @ np.isfinite(map_).astype(np.float32) @ along_x.T < 0.5] = np.nan
    history = f"resampled from {old[0]:.6g} x {old[1]:.6g} nm to {pixel_size_nm:.6g} nm pixels"
    attrs = {**stack.attrs, "history": [*stack.attrs.get("history", []), history]}
    attrs.pop("pixel_size_nm", None)
    return images.make_stack(
        out,
        stack.bias.values,
        pixel_size_nm,
        channel=str(stack.name),
        units=str(stack.attrs.get("units", "")),
        attrs=attrs,
    )


def _to_grid(n: int, step: float) -> np.ndarray:
    """The matrix (new, old) that takes a line of n pixels to pixels `step` times as wide; its rows sum to 1."""
    if n == 1:
        return np.ones((1, 1), dtype=np.float32)
    at = np.arange(int(np.floor((n - 1) / step + 1e-6)) + 1) * step
    identity = np.eye(n)
    if step > 1:
        # what a pixel `step` wide averages, less what the old pixel already did
        identity = ndimage.gaussian_filter1d(identity, 0.5 * np.sqrt(step**2 - 1), axis=0, mode="nearest")
    spline = make_interp_spline(np.arange(n), identity, k=min(3, n - 1))
    matrix: np.ndarray = spline(np.minimum(at, n - 1)).astype(np.float32)
    return matrix


@recorded
def average_biases(stack: xr.DataArray, n_maps: int) -> xr.DataArray:
    """Average neighbouring biases until `n_maps` maps are left; a missing value does not count.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x).
    n_maps
        How many maps to make; a stack that has no more than that is left as it is.

    Raises
    ------
    StmError
        If `n_maps` is less than 1.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_stm_impurities import make_stack
    >>> stack = make_stack(np.zeros((5, 8, 8)), [0, 1, 2, 3, 4], 1.0)
    >>> average_biases(stack, 2).bias.values.tolist()
    [1.0, 3.5]
    """
    if n_maps < 1:
        raise StmError(f"at least one map must be left, got n_maps={n_maps}")
    n = stack.sizes["bias"]
    if n <= n_maps:
        return with_history(stack, stack.values, f"all {n} maps kept")
    groups = np.array_split(np.arange(n), n_maps)
    out = np.empty((n_maps, *stack.shape[1:]), dtype=np.float32)
    for group, out_map in zip(groups, out, strict=True):
        part = stack.values[group[0] : group[-1] + 1]
        out_map[:] = part.mean(axis=0)
        if np.isnan(out_map).any():
            count = np.isfinite(part).sum(axis=0)
            out_map[:] = np.where(count > 0, np.nansum(part, axis=0) / np.maximum(count, 1), np.nan)
    bias = np.array([stack.bias.values[group].mean() for group in groups])
    averaged = stack.isel(bias=[int(group[0]) for group in groups]).assign_coords(bias=("bias", bias, stack.bias.attrs))
    return with_history(averaged, out, f"{n} maps averaged into {n_maps}")


@recorded
def crop(
    stack: xr.DataArray,
    y_nm: tuple[float, float] | None = None,
    x_nm: tuple[float, float] | None = None,
) -> xr.DataArray:
    """Cut a rectangle out of a stack; its coordinates begin at zero again.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x).
    y_nm, x_nm
        The first and the last position to keep, in nm; None keeps all.

    Returns
    -------
    xarray.DataArray
        A stack whose attribute ``crop_origin_nm`` (y, x) is the position of its first pixel in the recorded frame;
        ``frame_center_nm`` still means the recorded frame.

    Raises
    ------
    StmError
        If no pixel lies in the rectangle.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_stm_impurities import make_stack
    >>> stack = make_stack(np.zeros((1, 20, 20)), 0, 0.5)
    >>> part = crop(stack, y_nm=(2, 6), x_nm=(0, 4.5))
    >>> part.shape, part.attrs["crop_origin_nm"]
    ((1, 9, 10), [2.0, 0.0])
    """
    keep = {}
    for dim, limits in (("y", y_nm), ("x", x_nm)):
        at = stack[dim].values
        low, high = (at[0], at[-1]) if limits is None else sorted(limits)
        # a rounding error in the position of the outermost pixel must not lose it
        slack = 1e-6 * images.pixel_size_nm(stack)[dim == "x"]
        keep[dim] = np.flatnonzero((at >= low - slack) & (at <= high + slack))
        if len(keep[dim]) == 0:
            raise StmError(f"no pixel lies between {low:g} and {high:g} nm; {dim} runs from 0 to {at[-1]:.4g} nm")
    part = stack.isel({dim: slice(int(at[0]), int(at[-1]) + 1) for dim, at in keep.items()})
    earlier = stack.attrs.get("crop_origin_nm", (0.0, 0.0))
    origin = [float(part[dim].values[0]) + float(before) for dim, before in zip(("y", "x"), earlier, strict=True)]
    part = part.assign_coords({dim: (dim, part[dim].values - part[dim].values[0], part[dim].attrs) for dim in keep})
    size = f"{part.sizes['y']} x {part.sizes['x']} pixels from y = {origin[0]:.4g}, x = {origin[1]:.4g} nm"
    out = with_history(part, part.values.copy(), f"cropped to {size}")
    out.attrs["crop_origin_nm"] = origin
    return out
