"""The maps of a stack as the T-matrix fit takes them: in units of rho0, neighbouring biases averaged, pixels coarsened.

A bin is narrow in k, not in V: within it the phase 2 k r changes by about one radian at the kernel's edge.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..core.robust import mad_std
from ..data.images import pixel_size_nm
from ..physics.dispersion import Dispersion

Floats = NDArray[np.float64]

#: By how much the phase 2 k r may change within a bin, at the edge of the kernel, in rad: it then loses 4 % there.
_PHASE_IN_BIN_RAD = 1.0
#: At least so many bins where there are as many biases, so that a parabola can be told from its errors.
_LEAST_BINS, _MOST_BINS = 6, 24
#: Pixels are averaged until a ripple has between so many and twice as many: it loses 6 % of its height then.
_PIXELS_PER_RIPPLE = 5.0
#: A map whose mean is so many of its spreads above zero is a conductance, not one about zero.
_CONDUCTANCE_SPREADS = 2.0


class Bins(NamedTuple):
    """Maps averaged over neighbouring biases.

    Attributes
    ----------
    values
        Shape (bin, y, x), rho/rho0 - 1, NaN where nothing was measured.
    bias_mv
        The mean bias of each bin, shape (bin,).
    unit
        What the values were divided by, in the unit of the stack, shape (bin,).
    unit_known
        Whether the maps had a mean to be divided by; if not the unit is the spread, and t is known up to a factor.
    coarser
        So many pixels along each side were averaged into one.
    pixel_nm
        Of the coarser pixels, (y, x).
    """

    values: Floats
    bias_mv: Floats
    unit: Floats
    unit_known: bool
    coarser: int
    pixel_nm: tuple[float, float]

    def position(self, yx_px: Floats) -> Floats:
        """Positions on the stack's pixels in coarser square pixels along x, shape (n, 2)."""
        scale = np.array(self.pixel_nm) / self.pixel_nm[1]
        return (yx_px - (self.coarser - 1) / 2) / self.coarser * scale

    def back(self, yx: Floats) -> Floats:
        """The opposite of :meth:`position`."""
        scale = np.array(self.pixel_nm) / self.pixel_nm[1]
        return yx / scale * self.coarser + (self.coarser - 1) / 2


def binned(stack: xr.DataArray, band: Dispersion, radius_nm: float, n_bins: int | None) -> Bins:
    """The bins of a stack whose biases all lie above the band bottom."""
    values = stack.values.astype(np.float64)
    bias = stack.bias.values.astype(np.float64)
    k = band.k_per_nm(bias)
    if n_bins is None:
        n_bins = int(np.clip(np.ceil(2 * np.ptp(k) * radius_nm / _PHASE_IN_BIN_RAD), _LEAST_BINS, _MOST_BINS))
    coarser = max(1, int(np.pi / k.max() / min(pixel_size_nm(stack)) / _PIXELS_PER_RIPPLE))
    edges = np.linspace(k[0], k[-1], min(n_bins, len(k)) + 1)
    number = np.clip(np.searchsorted(edges, k, side="right") - 1, 0, len(edges) - 2)
    with np.errstate(invalid="ignore"):
        mean = np.array([one[np.isfinite(one)].mean() if np.isfinite(one).any() else np.nan for one in values])
        spread = np.array([mad_std(one[np.isfinite(one)]) if np.isfinite(one).any() else np.nan for one in values])
    known = bool(np.nanmin(mean - _CONDUCTANCE_SPREADS * spread) > 0)
    unit = mean if known else spread
    relative = (values - mean[:, None, None]) / np.where(unit > 0, unit, np.nan)[:, None, None]
    maps, at, units = [], [], []
    for i in np.unique(number):
        chosen = np.flatnonzero((number == i) & (unit > 0))
        if not len(chosen):
            continue
        maps.append(_coarse(_mean_of(relative[chosen]), coarser))
        at.append(bias[chosen].mean())
        units.append(unit[chosen].mean())
    size_y, size_x = pixel_size_nm(stack)
    return Bins(np.array(maps), np.array(at), np.array(units), known, coarser, (size_y * coarser, size_x * coarser))


def _mean_of(maps: Floats) -> Floats:
    """The mean over maps at pixels that all of them have."""
    mean: Floats = maps.mean(0)
    return mean


def _coarse(one: Floats, n: int) -> Floats:
    """Blocks of n x n pixels averaged; a block with a missing pixel is missing."""
    rows, columns = (size // n for size in one.shape)
    mean: Floats = one[: rows * n, : columns * n].reshape(rows, n, columns, n).mean((1, 3))
    return mean
