"""What a model sees of a stack: levelled, brought to the model's scale, and few enough maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from ..core.errors import StmError
from ..data.images import MIN_SIDE_PX, check_stack, pixel_size_nm
from ..physics.dispersion import Dispersion
from ..prepare import average_biases, clip_saturated, level_lines, level_planes, resample
from .network_config import InputConfig

#: A new scale is chosen this far inside the range that the model was trained for.
_INSIDE = 0.9


@dataclass(frozen=True)
class ModelInput:
    """The maps that a network is shown, before they are scaled.

    Attributes
    ----------
    maps
        Shape (bias, y, x), NaN where a pixel is missing.
    bias_mv
        The bias of each map in mV, the mean where neighbours were averaged.
    pixel_size_nm
        (y, x) of these maps, in nm.
    measured
        Shape (y, x), bool: measured at one bias at least.
    k_rad_per_px
        k at the lowest and the highest bias that is shown, on these pixels; None if the band is not known.
    """

    maps: Tensor
    bias_mv: np.ndarray
    pixel_size_nm: tuple[float, float]
    measured: np.ndarray
    k_rad_per_px: tuple[float, float] | None


def prepare_input(stack: xr.DataArray, inputs: InputConfig, band: Dispersion | None) -> ModelInput:
    """Prepare a stack for a model.

    Saturated values go, planes and lines are levelled, biases below the band bottom are left out, and where the
    ripples are finer or coarser than the model was trained for the maps are resampled. Neighbouring
    biases are averaged to as many maps as the model takes.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x).
    inputs
        What the model takes.
    band
        The dispersion; when None the pixels are taken as they are.

    Raises
    ------
    StmError
        If there is nothing in the stack to look at, the ripples are so fine or coarse that the maps would be left
        with fewer than 10 pixels, or the pixels are so coarse or oblong that no ripple could be seen along a side.
    """
    check_stack(stack)
    if band is not None:
        above = stack.bias.values > band.band_bottom_mv
        if not above.any():
            raise StmError(
                f"all biases ({stack.bias.values[0]:g} to {stack.bias.values[-1]:g} mV) lie below the band bottom"
                f" ({band.band_bottom_mv:g} mV, {band.source}); there are no ripples to see"
            )
        stack = stack.isel(bias=np.flatnonzero(above))
    few = level_lines(level_planes(clip_saturated(stack)))
    if inputs.max_maps is not None:
        few = average_biases(few, inputs.max_maps)
    few = _to_scale(few, inputs, band)
    size = pixel_size_nm(few)
    k = None
    if band is not None:
        k_px = band.k_per_nm(few.bias.values) * max(size)
        k = (float(k_px.min()), float(k_px.max()))
    values = few.values
    return ModelInput(torch.from_numpy(values), few.bias.values, size, np.isfinite(values).any(0), k)


def _to_scale(stack: xr.DataArray, inputs: InputConfig, band: Dispersion | None) -> xr.DataArray:
    size_y, size_x = pixel_size_nm(stack)
    new = min(size_y, size_x) if abs(size_y - size_x) > 0.01 * size_x else None
    if band is not None:
        low, high = inputs.k_rad_per_px
        k_top = float(band.k_per_nm(stack.bias.values).max())
        k_px = k_top * min(size_y, size_x)
        if k_px > high:
            new = high * _INSIDE / k_top
        elif k_px < low:
            new = low / _INSIDE / k_top
    if new is None:
        return stack
    # half of the longest ripple pi / k that the model knows
    if max(size_y, size_x) * inputs.k_rad_per_px[0] > np.pi / 2 * new:
        raise StmError(
            f"pixels of {size_y:.4g} x {size_x:.4g} nm are too coarse or too oblong: on the model's scale, a pixel of"
            f" {new:.3g} nm, each would be drawn out over more than half of the longest ripple that the model knows;"
            " measure with finer pixels"
        )
    frame_y, frame_x = stack.sizes["y"] * size_y, stack.sizes["x"] * size_x
    if min(frame_y, frame_x) < MIN_SIDE_PX * new:
        raise StmError(
            f"the frame of {frame_y:.3g} x {frame_x:.3g} nm is too small beside its ripples: on the model's scale,"
            f" a pixel of {new:.3g} nm, it has fewer than {MIN_SIDE_PX} pixels; take a larger one, or give the material"
        )
    return resample(stack, new)
