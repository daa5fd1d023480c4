"""What is done to a stack before anything is looked for in it: levelling, bad values, another grid.

Every function takes a stack and returns another one, with a line more in its ``history``. A missing
pixel (NaN) stays missing unless :func:`fill_missing` is called, one bias is as good as many, and the
frame may be oblong. The work goes map by map, so that beside the result no second stack is held.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import xarray as xr
from scipy import ndimage
from scipy.interpolate import make_interp_spline

from . import stacks
from .errors import StmError
from .stacks import with_history

#: Blocks a side whose medians carry the plane; 100 of them outvote the few that a defect covers.
_BLOCKS = 10
#: At most so many pixels a side of each block are looked at: more of them would not move its median.
_BLOCK_PX = 8
#: A rail is an extreme value met so often, and so much more often than the values next to it.
_RAIL_COUNT = 5
#: A spike stands out of its map by so many robust standard deviations ...
_SPIKE_SIGMA = 20.0
#: ... and none of its neighbours by this share of it; the narrowest real peak reaches half.
_SPIKE_NEIGHBOURS = 0.1
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
    >>> stack = stacks.make_stack([[[1.0, float("nan")]]], 0, 1.0)
    >>> missing_mask(stack).values.tolist()
    [[False, True]]
    """
    return stack.isnull().all("bias").rename("missing").drop_attrs()


def level_planes(stack: xr.DataArray) -> xr.DataArray:
    """Take from each map the plane that lies under it.

    The plane is fitted to the medians of some hundred blocks, and those that lie off it (a defect, a
    step) lose their weight (Tukey's biweight), so that impurities do not tilt it.

    Returns
    -------
    xarray.DataArray
        The same stack with each map about zero and without a tilt.

    Examples
    --------
    >>> y, x = np.mgrid[:16, :20]
    >>> level = level_planes(stacks.make_stack(3.0 + 0.1 * y - 0.2 * x, 0, 1.0))
    >>> bool(abs(level).max() < 1e-5)
    True
    """
    values = stack.values
    n_y, n_x = values.shape[1:]
    y, x = _centred(n_y), _centred(n_x)
    plane = _fit_planes(*_block_medians(values, y, x))
    out = np.empty(values.shape, dtype=np.float32)
    for one, to, (offset, slope_y, slope_x) in zip(values, out, plane.astype(np.float32), strict=True):
        np.subtract(one, offset + slope_y * y[:, None] + slope_x * x, out=to)
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
            medians[:, i, j], share[:, i, j] = _nan_median(values[:, of_y, of_x].reshape(len(values), -1))
    return medians, np.array([y[s].mean() for s in rows]), np.array([x[s].mean() for s in columns]), share


def _block_slices(n: int) -> list[slice]:
    edges = np.unique(np.linspace(0, n, min(n, _BLOCKS) + 1).astype(int))
    return [slice(a, b, -(-(b - a) // _BLOCK_PX)) for a, b in pairwise(edges)]


def _nan_median(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The median over the last axis without the NaN, and the share that is not NaN.

    A sort puts the NaN last, so the middle is found by counting: many times faster than nanmedian.
    """
    ordered = np.sort(values, axis=-1)
    n = values.shape[-1]
    count = n - np.isnan(ordered).sum(axis=-1) if np.isnan(ordered[..., -1]).any() else np.full(ordered.shape[:-1], n)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0)[..., None], -1)[..., 0]
    high = np.take_along_axis(ordered, np.minimum(count // 2, n - 1)[..., None], -1)[..., 0]
    return np.where(count % 2 == 1, low, 0.5 * (low + high)), count / n


def _fit_planes(medians: np.ndarray, y: np.ndarray, x: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Offset, slope along y and slope along x of each map, shape (map, 3); zeros where a map is all NaN."""
    n_maps = len(medians)
    medians = np.where(share > 0, medians, np.nan)
    # only the scale of the numbers, so that currents of 1e-12 A are fitted as well as heights in nm
    scale = np.fmax.reduce(np.abs(medians).reshape(n_maps, -1), axis=1, initial=0.0)[:, None]
    scale[scale == 0] = 1.0
    medians = medians / scale[..., None]
    # the median slope between neighbouring blocks is a start that no defect near the edge can tilt
    slopes = [np.diff(medians, axis=1) / np.diff(y)[:, None], np.diff(medians, axis=2) / np.diff(x)]
    plane = np.zeros((n_maps, 3))
    for i, slope in enumerate(slopes, start=1):
        if slope.size:
            plane[:, i] = np.nan_to_num(_nan_median(slope.reshape(n_maps, -1))[0])
    design = np.column_stack([np.ones(len(y) * len(x)), np.repeat(y, len(x)), np.tile(x, len(y))])
    blocks, share = medians.reshape(n_maps, -1), share.reshape(n_maps, -1)
    plane[:, 0] = np.nan_to_num(_nan_median(blocks - plane @ design.T)[0])
    for _ in range(4):
        residual = blocks - plane @ design.T
        sigma = 1.4826 * np.nan_to_num(_nan_median(np.abs(residual))[0])[:, None]
        reach = np.nan_to_num(residual) / np.maximum(4.7 * sigma, 1e-6)
        weight = share * np.clip(1 - reach**2, 0, None) ** 2
        normal = np.einsum("mb,bi,bj->mij", weight, design, design)
        pseudo = np.linalg.pinv(normal, rcond=1e-9, hermitian=True)
        plane = np.einsum("mij,mj->mi", pseudo, (weight * np.nan_to_num(blocks)) @ design)
    fitted: np.ndarray = plane * scale
    return fitted


def level_lines(stack: xr.DataArray) -> xr.DataArray:
    """Take from each line (one row of a map) its median; the tip jumps between lines, the surface does not.

    Examples
    --------
    >>> lines = np.zeros((16, 20)) + np.arange(16)[:, None]
    >>> bool(abs(level_lines(stacks.make_stack(lines, 0, 1.0))).max() == 0)
    True
    """
    median, _ = _nan_median(stack.values)
    return with_history(stack, stack.values - median[..., None], "median taken from each line")


def clip_saturated(stack: xr.DataArray) -> xr.DataArray:
    """Set to NaN what the instrument could not measure: values stuck at a rail, and single-pixel spikes.

    A rail is the largest or smallest value of the whole stack when it is met again and again, as 10 V at
    an amplifier's end. A stack whose maps were each scaled to the same extremes has no rail there. A
    spike stands out of its map by 20 robust standard deviations while none of its neighbours shows a
    tenth of it; the narrowest peak that a tip draws is wider than that.

    Examples
    --------
    >>> data = np.random.default_rng(0).normal(size=(4, 16, 16))
    >>> data[2, 4:7, 4:7] = 10.0
    >>> int(clip_saturated(stacks.make_stack(data, range(4), 1.0)).isnull().sum())
    9
    """
    values = stack.values
    bad = [(name, np.flatnonzero(mask)) for name, mask in _rails(values)]
    bad.append(("infinite", np.flatnonzero(np.isinf(values))))
    bad.append(("spikes", _spikes(values)))
    counts = [f"{len(where)} {name}" for name, where in bad if len(where)]
    if not counts:
        return with_history(stack, values, "no saturated values")
    out = values.astype(np.float32)
    for _, where in bad:
        out.reshape(-1)[where] = np.nan
    return with_history(stack, out, f"saturated values set to missing: {', '.join(counts)}")


def _rails(values: np.ndarray) -> list[tuple[str, np.ndarray]]:
    found = []
    known = np.isfinite(values)
    finite = values if known.all() else values[known]
    if finite.size == 0 or finite.min() == finite.max():
        return []
    low, high = finite.min(), finite.max()
    # the values next to each extreme: those within a hundredth of the span
    margin = (float(high) - float(low)) / 100
    for rail, near in ((high, finite[finite > high - margin]), (low, finite[finite < low + margin])):
        met = int((near == rail).sum())
        if met < _RAIL_COUNT:
            continue
        others, counts = np.unique(near[near != rail], return_counts=True)
        beside = counts[np.argsort(np.abs(others - rail))[:_RAIL_COUNT]]
        if len(beside) and met < _RAIL_COUNT * beside.mean():
            continue
        at_rail = values == rail
        in_map = at_rail.sum(axis=(1, 2))
        scaled = len(in_map) > 1 and (in_map > 0).mean() > 0.9 and np.median(in_map) < 3
        # where half of all values are the extreme one it is the background, not a rail
        if not scaled and met < finite.size / 2:
            found.append((f"at the rail {rail:.4g}", at_rail))
    return found


def _spikes(values: np.ndarray) -> np.ndarray:
    """Flat indices of the single-pixel spikes."""
    median, _ = _nan_median(_thinned(values))
    off = np.abs(np.where(np.isinf(values), np.nan, values) - median[:, None, None])
    sigma = 1.4826 * _nan_median(_thinned(off))[0]
    where = np.flatnonzero(off > _SPIKE_SIGMA * sigma[:, None, None])
    if len(where) == 0:
        return where
    n_y, n_x = values.shape[1:]
    m, y, x = np.unravel_index(where, values.shape)
    beside = np.zeros(len(where), dtype=off.dtype)
    for dy, dx in ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)):
        inside = (y + dy >= 0) & (y + dy < n_y) & (x + dx >= 0) & (x + dx < n_x)
        neighbour = off[m, np.clip(y + dy, 0, n_y - 1), np.clip(x + dx, 0, n_x - 1)]
        beside = np.fmax(beside, np.where(inside, neighbour, 0.0))
    spikes: np.ndarray = where[beside < _SPIKE_NEIGHBOURS * off.reshape(-1)[where]]
    return spikes


def _thinned(values: np.ndarray) -> np.ndarray:
    # some 2500 pixels a map are enough for a median; the stride is odd so that it walks over all columns
    flat = values.reshape(len(values), -1)
    return flat[:, :: max(1, flat.shape[1] // 2500) | 1]


def fill_missing(stack: xr.DataArray) -> xr.DataArray:
    """Fill missing pixels so that a network can look at the stack; it invents as little as it can.

    A missing pixel gets the mean of the measured pixels within 3 pixels in its own map, the nearer ones
    weighing more. Farther from any measured pixel it gets the median of its map, which shows nothing. A
    map without any value becomes zero. Ask :func:`missing_mask` before, and trust nothing found there.

    Examples
    --------
    >>> data = np.ones((1, 9, 9))
    >>> data[0, 4, 4] = np.nan
    >>> float(fill_missing(stacks.make_stack(data, 0, 1.0))[0, 4, 4])
    1.0
    """
    share = stacks.missing_share(stack)
    if share == 0:
        return with_history(stack, stack.values, "no missing pixels")
    return with_history(stack, _filled(stack.values), f"missing pixels filled ({share:.2%} of all values)")


def _filled(values: np.ndarray) -> np.ndarray:
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


def resample(stack: xr.DataArray, pixel_size_nm: float) -> xr.DataArray:
    """Bring a stack to square pixels of another size, without aliasing.

    The first pixel keeps its place and the coordinates stay in nm, so that what is found on the new grid
    lies where it lies on the old one. Coarser pixels are reached through a Gaussian that takes out what
    they cannot show; between pixels a cubic spline is drawn. A new pixel is missing where more than
    half of what it is made of is.

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
    >>> stack = stacks.make_stack(np.zeros((2, 33, 65)), [0, 1], (1.0, 0.5))
    >>> resample(stack, 2.0).shape
    (2, 17, 17)
    """
    if not (np.isfinite(pixel_size_nm) and pixel_size_nm > 0):
        raise StmError(f"the new pixel size must be positive, in nm, got {pixel_size_nm!r}")
    old = stacks.pixel_size_nm(stack)
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
    for one, to in zip(stack.values, out, strict=True):
        np.matmul(along_y @ (_filled(one[None])[0] if holes else one), along_x.T, out=to)
        if holes:
            to[along_y @ np.isfinite(one).astype(np.float32) @ along_x.T < 0.5] = np.nan
    history = f"resampled from {old[0]:.6g} x {old[1]:.6g} nm to {pixel_size_nm:.6g} nm pixels"
    attrs = {**stack.attrs, "history": [*stack.attrs.get("history", []), history]}
    attrs.pop("pixel_size_nm", None)
    return stacks.make_stack(
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
    >>> stack = stacks.make_stack(np.zeros((5, 8, 8)), [0, 1, 2, 3, 4], 1.0)
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
    for group, to in zip(groups, out, strict=True):
        part = stack.values[group[0] : group[-1] + 1]
        to[:] = part.mean(axis=0)
        if np.isnan(to).any():
            count = np.isfinite(part).sum(axis=0)
            to[:] = np.where(count > 0, np.nansum(part, axis=0) / np.maximum(count, 1), np.nan)
    bias = np.array([stack.bias.values[group].mean() for group in groups])
    averaged = stack.isel(bias=[int(group[0]) for group in groups]).assign_coords(bias=("bias", bias, stack.bias.attrs))
    return with_history(averaged, out, f"{n} maps averaged into {n_maps}")


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
        A stack whose attribute ``crop_origin_nm`` (y, x) says where its first pixel was in the recorded frame;
        ``frame_center_nm`` still means the recorded frame.

    Raises
    ------
    StmError
        If no pixel lies in the rectangle.

    Examples
    --------
    >>> stack = stacks.make_stack(np.zeros((1, 20, 20)), 0, 0.5)
    >>> part = crop(stack, y_nm=(2, 6), x_nm=(0, 4.5))
    >>> part.shape, part.attrs["crop_origin_nm"]
    ((1, 9, 10), [2.0, 0.0])
    """
    keep = {}
    for dim, limits in (("y", y_nm), ("x", x_nm)):
        at = stack[dim].values
        low, high = (at[0], at[-1]) if limits is None else sorted(limits)
        # a rounding error in the position of the outermost pixel must not lose it
        slack = 1e-6 * stacks.pixel_size_nm(stack)[dim == "x"]
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
