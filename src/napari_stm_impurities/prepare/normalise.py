"""Normalisation of maps against the set point and the transmission of the tunnelling barrier."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ..core.errors import StmError
from ..data.images import with_history
from .directions import same_grid
from .record import recorded

#: Two biases give one slope of I(V) and nothing to smooth over; the third makes it a sweep.
MIN_BIASES = 3


@recorded
def normalise_by_mean(stack: xr.DataArray) -> xr.DataArray:
    """The stack with each map divided by the mean of its measured pixels, so that all maps vary about 1.

    Raises
    ------
    StmError
        If a map's mean is zero, as it is after a plane was taken from it.

    Examples
    --------
    >>> from napari_stm_impurities import make_stack
    >>> normalise_by_mean(make_stack([[[1.0, 3.0]]], 0, 1.0)).values.tolist()
    [[[0.5, 1.5]]]
    """
    out = np.empty(stack.shape, dtype=np.float32)
    for bias, map_, out_map in zip(stack.bias.values, stack.values, out, strict=True):
        finite = map_[np.isfinite(map_)].astype(np.float64)
        mean, spread = (float(finite.mean()), float(finite.std())) if finite.size else (1.0, 0.0)
        if abs(mean) <= 1e-3 * spread or mean == 0:
            raise StmError(f"the mean of the map at {bias:g} mV is zero; normalise before the plane is taken from it")
        np.divide(map_, np.float32(mean), out=out_map)
    return with_history(stack, out, "each map divided by its mean")


@recorded
def normalise_by_conductance(stack: xr.DataArray, current: xr.DataArray, broadening_mv: float = 20.0) -> xr.DataArray:
    """The normalised conductance (dI/dV) / (I/V), in which the tip's distance cancels.

    I/V is smoothed along the bias by a Gaussian, since both I and V vanish at zero bias. Where I/V is below a
    thousandth of its median size, the result is missing.

    Parameters
    ----------
    stack
        dI/dV, dimensions (bias, y, x).
    current
        The current of the same sweep. It may have an offset of a few per cent.
    broadening_mv
        The width (standard deviation) of the Gaussian, in mV.

    Raises
    ------
    StmError
        If the two do not lie on the same grid, there are fewer than three biases, or the width is not positive.

    References
    ----------
    R. M. Feenstra, Phys. Rev. B 50, 4561 (1994), Eq. 1 to 3.

    Examples
    --------
    >>> from napari_stm_impurities import make_stack
    >>> bias = np.linspace(-100, 100, 41)
    >>> current = make_stack(np.broadcast_to(bias[:, None, None] * 2e-12, (41, 2, 2)), bias, 1.0)
    >>> didv = make_stack(np.full((41, 2, 2), 2e-9), bias, 1.0)
    >>> bool(np.allclose(normalise_by_conductance(didv, current), 1.0, rtol=1e-3))
    True
    """
    bias = stack.bias.values
    if len(bias) < MIN_BIASES:
        biases = ", ".join(f"{value:g}" for value in bias)
        raise StmError(
            f"I/V needs a sweep of {MIN_BIASES} biases or more, got {len(bias)} ({biases} mV); read the whole sweep"
        )
    if not broadening_mv > 0:
        raise StmError(f"the width that smooths I/V must be above 0 mV, got {broadening_mv:g} mV")
    same_grid(stack, current, "the current")
    # I/V is undefined at zero bias; the neighbouring biases are used
    usable = np.abs(bias) > 1e-3 * np.abs(bias).max()
    weight = np.exp(-0.5 * ((bias[:, None] - bias[None, usable]) / broadening_mv) ** 2) + 1e-30
    weight /= weight.sum(axis=1, keepdims=True)
    over_v = (weight / (bias[usable] / 1000)).astype(np.float64)
    out = np.empty(stack.shape, dtype=np.float32)
    for row in range(stack.sizes["y"]):
        conductance = over_v @ current.values[usable, row].astype(np.float64)
        typical = np.nanmedian(np.abs(conductance)) if np.isfinite(conductance).any() else 0.0
        usable_pixels = np.abs(conductance) > 1e-3 * typical
        out[:, row] = np.where(usable_pixels, stack.values[:, row] / np.where(usable_pixels, conductance, 1.0), np.nan)
    normalised = with_history(stack, out, f"divided by I/V, smoothed over {broadening_mv:g} mV")
    normalised.attrs["units"] = ""
    return normalised
