"""dI/dV spectra of a stack: at one position, and of the surface away from impurities (Fig. 5a of Wang et al. 2020)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.spatial import cKDTree

from ..core.arguments import number, real_array, value_text
from ..core.errors import StmError
from ..data.images import pixel_size_nm

#: A position on the very edge is inside: sums of steps are off by less than this, in pixels.
_SLACK = 1e-6


class SurfaceSpectrum(NamedTuple):
    """The spectrum of the surface away from impurities.

    Attributes
    ----------
    mean, std
        Over the pixels, dimension (bias,), in the unit of the stack; NaN where nothing was measured.
    n_pixels
        How many pixels were taken.
    """

    mean: xr.DataArray
    std: xr.DataArray
    n_pixels: int


def spectrum_at(stack: xr.DataArray, y_nm: float, x_nm: float, radius_nm: float | None = None) -> xr.DataArray:
    """The spectrum at a position: the mean over a small disc, at each bias.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x).
    y_nm, x_nm
        The position, in the stack's own coordinates in nm.
    radius_nm
        The radius of the disc in nm; one pixel when not given. The pixel nearest to the position always counts.

    Returns
    -------
    xarray.DataArray
        Dimension (bias,); NaN where nothing was measured in the disc.

    Raises
    ------
    StmError
        If the position lies outside the frame.

    Examples
    --------
    >>> from napari_stm_impurities.data.images import make_stack
    >>> maps = np.zeros((2, 9, 9)); maps[1, 4, 4] = 5
    >>> spectrum_at(make_stack(maps, [-10, 10], 0.5), 2.0, 2.0).values.tolist()
    [0.0, 1.0]
    """
    row, column = pixel_at(stack, y_nm, x_nm)
    radius = max(pixel_size_nm(stack)) if radius_nm is None else number(radius_nm, "the radius", "nm", least=0)
    near_y, near_x = (
        np.flatnonzero(np.abs(stack[axis].values - position) <= radius * (1 + 1e-9))
        for axis, position in (("y", y_nm), ("x", x_nm))
    )
    rows = slice(min([row, *near_y]), max([row, *near_y]) + 1)
    columns = slice(min([column, *near_x]), max([column, *near_x]) + 1)
    part = stack.isel(y=rows, x=columns)
    square = (part.y.values[:, None] - y_nm) ** 2 + (part.x.values[None] - x_nm) ** 2
    disc = square <= (radius * (1 + 1e-9)) ** 2
    disc[row - rows.start, column - columns.start] = True
    mean, _ = _mean_and_std(part, disc)
    return mean.rename("spectrum")


def surface_spectrum(stack: xr.DataArray, points_nm: np.ndarray) -> SurfaceSpectrum:
    """The spectrum of the surface away from impurities, with its spread.

    It is the mean over the half of the pixels that lies farthest from any point, at every density of points.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x).
    points_nm
        Shape (n, 2): y and x of the impurities, in the stack's own coordinates in nm. Without any, all pixels count.

    Raises
    ------
    StmError
        If the points have another shape, or are not finite.

    Examples
    --------
    >>> from napari_stm_impurities.data.images import make_stack
    >>> maps = np.zeros((1, 9, 10)); maps[0, :, :5] = 1
    >>> surface_spectrum(make_stack(maps, 0, 1.0), np.array([[y, 0.0] for y in range(9)])).mean.values.tolist()
    [0.0]
    """
    points_nm = real_array(points_nm, "the points").astype(np.float64)
    if points_nm.size and (points_nm.ndim != 2 or points_nm.shape[1] != 2 or not np.isfinite(points_nm).all()):
        raise StmError(f"the points must be finite, of shape (n, 2), y and x in nm, got {value_text(points_nm)}")
    mask = np.ones((stack.sizes["y"], stack.sizes["x"]), dtype=bool)
    if points_nm.size:
        grid = np.stack(np.meshgrid(stack.y.values, stack.x.values, indexing="ij"), axis=-1)
        away, _ = cKDTree(points_nm).query(grid)
        mask = away >= np.median(away)
    mean, std = _mean_and_std(stack, mask)
    return SurfaceSpectrum(mean.rename("surface mean"), std.rename("surface std"), int(mask.sum()))


def pixel_at(maps: xr.DataArray, y_nm: float, x_nm: float) -> tuple[int, int]:
    """The pixel (row, column) that contains a position.

    Raises
    ------
    StmError
        If the position lies outside the frame.
    """
    pixels = []
    for axis, position, step in zip(("y", "x"), (y_nm, x_nm), pixel_size_nm(maps), strict=True):
        position = number(position, f"the position along {axis}", "nm")
        pixel, last = (position - float(maps[axis].values[0])) / step, maps.sizes[axis] - 1
        if not -0.5 - _SLACK <= pixel <= last + 0.5 + _SLACK:
            raise StmError(f"the position y {y_nm:.4g} nm, x {x_nm:.4g} nm lies outside the image; choose one on it")
        pixels.append(min(max(round(pixel), 0), last))
    return pixels[0], pixels[1]


def _mean_and_std(stack: xr.DataArray, mask: np.ndarray) -> tuple[xr.DataArray, xr.DataArray]:
    """Mean and standard deviation over the pixels of `mask`, read map by map to save memory."""
    mean, std = np.full((2, stack.sizes["bias"]), np.nan)
    for index in range(stack.sizes["bias"]):
        values = stack.isel(bias=index).values[mask].astype(np.float64)
        values = values[np.isfinite(values)]
        if values.size:
            mean[index], std[index] = values.mean(), values.std()
    attrs = {"units": stack.attrs.get("units", "")}
    spectra = (xr.DataArray(v, dims="bias", coords={"bias": stack.bias}, attrs=attrs) for v in (mean, std))
    return next(spectra), next(spectra)
