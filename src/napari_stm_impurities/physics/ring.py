"""Reading k(V) off the data: the ring of radius 2k in the Fourier transform of each map."""

from __future__ import annotations

import xarray as xr

from ..errors import StmError
from .dispersion import Dispersion


class NoRing(StmError):
    """No ring stands out, so the scale of the ripples cannot be read off the data."""


def fit_dispersion(stack: xr.DataArray) -> Dispersion:
    raise NoRing("no ring")
