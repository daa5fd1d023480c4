"""What one impurity does: the public call."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from ..core.arguments import instance
from ..core.errors import StmError
from ..core.progress import Progress, ShouldStop, never, silent
from ..data.images import as_stack, check_stack, pixel_size_nm
from ..data.points import positions_nm
from ..physics.dispersion import Dispersion, band_given
from ..qpi.dispersion_fit import NoRing, fit_dispersion
from .config import KernelConfig
from .harmonics import fit_harmonics, is_anisotropic
from .result import Kernels
from .t_matrix_result import fit_t_matrix

#: The usual radius of a kernel, in ripples of length pi / k.
RADIUS_RIPPLES = 4.0
#: Maps nearer to the band bottom than this share of the highest energy above it have ripples longer than the kernel.
_LEAST_ENERGY_SHARE = 0.02


def fit_kernels(
    stack: xr.DataArray | ArrayLike,
    points: pd.DataFrame,
    *,
    config: KernelConfig | None = None,
    dispersion: Dispersion | str | None = None,
    bias_mv: ArrayLike | None = None,
    pixel_size_nm: float | Sequence[float] | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> Kernels:
    """The dI/dV pattern of one impurity at every bias, k(V), the kinds of impurity, and what each point explains.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x), or a bare array with `bias_mv` and `pixel_size_nm`. Drift between the maps should have
        been corrected; missing pixels are left out. Maps below the band bottom are left out too.
    points
        A table of points. Their columns stay as they are; further ones are added.
    config
        The settings; None takes the defaults.
    dispersion
        The band, or a material's name, where the fit of k starts; None reads it off the ring in the Fourier transforms.
    bias_mv, pixel_size_nm
        Of a bare array.
    progress, should_stop
        As everywhere (:mod:`napari_stm_impurities.core.progress`).

    Raises
    ------
    StmError
        If there is no point, or neither a ring nor a band nor a radius.

    References
    ----------
    Crommie, Lutz, Eigler, Science 262, 218 (1993) and Fiete and Heller, Rev. Mod. Phys. 75, 933 (2003) for the T
    matrix; Sharma et al., npj Quantum Mater. 6, 7 (2021) for the average around all impurities; Cheung et al., Nat.
    Commun. 11, 1081 (2020) for the shared kernel.
    """
    config = KernelConfig() if config is None else instance(config, KernelConfig, "the settings")
    whole = check_stack(as_stack(stack, bias_mv, pixel_size_nm))
    band, notes, below = _band(whole, config, band_given(dispersion)), [], 0
    maps = whole
    if band is not None:
        energy = whole.bias.values - band.band_bottom_mv
        above = energy > _LEAST_ENERGY_SHARE * max(float(energy.max()), 0.0)
        below = int((~above).sum())
        if not above.any():
            raise StmError(
                f"all biases lie below the band bottom of {band.band_bottom_mv:.4g} mV; there are no ripples to fit"
            )
        maps = whole.isel(bias=np.flatnonzero(above))
    if below:
        notes.append(f"{below} maps at or below the band bottom were left out")
    size = np.array(_size_of(maps))
    at = (positions_nm(points) - [float(maps.y.values[0]), float(maps.x.values[0])]) / size
    inside = ((at >= -0.5) & (at <= np.array(maps.shape[1:]) - 0.5)).all(1)
    if not inside.any():
        raise StmError("a kernel needs one point at least in the frame; find or place points first")
    radius = config.radius_nm
    if radius is None:
        assert band is not None
        radius = RADIUS_RIPPLES * np.pi / float(np.median(band.k_per_nm(maps.bias.values)))
    shortest = float(min(np.multiply(maps.shape[1:], size)))
    if radius > shortest / 2:
        radius = shortest / 2
        notes.append(f"the kernel's radius was cut to half of the frame, {radius:.3g} nm")
    method, why = _method(maps, at, band, config, radius)
    notes.append(why)
    if method == "tmatrix":
        assert band is not None
        return fit_t_matrix(maps, points, at, band, config, radius, notes, progress=progress, should_stop=should_stop)
    return fit_harmonics(
        maps, points, at, band, config, radius, notes, averaged=method == "average", progress=progress,
        should_stop=should_stop,
    )  # fmt: skip


def _band(stack: xr.DataArray, config: KernelConfig, given: Dispersion | None) -> Dispersion | None:
    """The band to start from; None where a kernel of any shape is fitted with a radius that was given."""
    if given is not None:
        return given
    try:
        return fit_dispersion(stack)
    except NoRing as error:
        if config.radius_nm is not None and config.method != "tmatrix":
            return None
        raise NoRing(f"{error}; or give radius_nm with the method harmonics") from None


def _method(
    stack: xr.DataArray, at: np.ndarray, band: Dispersion | None, config: KernelConfig, radius_nm: float
) -> tuple[str, str]:
    """The method, and why."""
    if config.method != "auto":
        return config.method, f"method {config.method}, as was set"
    if band is None:
        return "harmonics", "method harmonics: no ring is seen and no band was given"
    if is_anisotropic(stack, at, radius_nm):
        return "harmonics", "method harmonics: the kernel is not isotropic (held-out pixels fit better with harmonics)"
    return "tmatrix", "method tmatrix: a band is known and held-out pixels show no anisotropy"


def _size_of(stack: xr.DataArray) -> tuple[float, float]:
    return pixel_size_nm(stack)
