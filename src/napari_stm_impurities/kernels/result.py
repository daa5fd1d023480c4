"""What a fit of kernels returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ..core.rows import Row
from ..physics.dispersion import Dispersion


@dataclass(frozen=True)
class Kernels:
    """What one impurity does, how many kinds there are, and which points explain the data.

    Attributes
    ----------
    kernels
        The pattern around one impurity of each kind in the stack's unit, dims (kind, bias, y, x), y and x in nm from
        the impurity.
    transform
        Its Fourier transform, complex, dims (kind, bias, qy, qx), q in rad/nm.
    dispersion
        The band; None where no band was found or given.
    k
        ``k_per_nm`` and ``k_sigma_per_nm`` against the bias of each bin in mV, and ``k_ring_per_nm`` of the band from
        which the fit started. NaN where k was not fitted.
    t
        The T matrix of each point at each bin, ``t`` complex and ``sigma`` (of its real and of its imaginary part),
        dims (bias, impurity); no impurities where it was not fitted.
    kinds
        One row a kind: ``kind, n, share, phase_rad, slope_rad_per_v, amplitude, t_abs``.
    points
        The points with further columns: ``kind, kind_confidence, amplitude, amplitude_sigma, phase_rad,
        phase_sigma_rad, y_refined_nm, x_refined_nm, position_sigma_nm, explains_sigma, suspect``.
    proposed
        Where one more impurity would explain what is left, a table of points of the source "kernel residual".
    residual, model
        Dims (bias, y, x), in the stack's unit; their sum is the stack. The model holds row offsets and background.
    explained_share
        The share of the variance, without row offsets and background, that the kernels explain.
    method
        "tmatrix", "harmonics" or "average".
    notes
        One sentence each on what a person should know.
    """

    kernels: xr.DataArray
    transform: xr.DataArray
    dispersion: Dispersion | None
    k: xr.Dataset
    t: xr.Dataset
    kinds: pd.DataFrame
    points: pd.DataFrame
    proposed: pd.DataFrame
    residual: xr.DataArray
    model: xr.DataArray
    explained_share: float
    method: str
    notes: tuple[str, ...]

    def rows(self) -> list[Row]:
        """The main numbers as rows."""
        made = [
            Row("method", self.method),
            Row("kinds of impurity", str(len(self.kinds))),
            Row("explained share", f"{self.explained_share:.1%}", "of the variance without row offsets and background"),
            Row("suspects", str(int(self.points["suspect"].sum())), "points that explain little"),
            Row("proposed", str(len(self.proposed)), "positions where one more impurity would explain the residual"),
        ]
        if self.dispersion is not None:
            band = self.dispersion
            made.append(
                Row(
                    "dispersion",
                    f"band bottom {band.band_bottom_mv:.1f} mV, effective mass {band.effective_mass:.3f},"
                    f" k to {band.k_uncertainty_share:.2%}",
                    band.source,
                )
            )
        return [*made, *(Row("note", note) for note in self.notes)]

    def dataset(self) -> xr.Dataset:
        """The maps of kernels as one data set for NetCDF: complex values as real and imaginary parts."""
        parts: dict[str, Any] = {"kernel": self.kernels}
        for name, values in (("transform", self.transform), ("t", self.t["t"])):
            parts[f"{name}_real"], parts[f"{name}_imag"] = values.real, values.imag
        renamed = {"bias": "bin_bias"}
        for name in ("t_real", "t_imag"):
            parts[name] = parts[name].rename(renamed)
        parts["t_sigma"] = self.t["sigma"].rename(renamed)
        for variable in self.k.data_vars:
            parts[str(variable)] = self.k[variable].rename(renamed)
        return xr.Dataset(parts, attrs={"method": self.method, "explained_share": float(self.explained_share)})


def no_t(bias_mv: np.ndarray) -> xr.Dataset:
    """The T matrix of nothing."""
    empty = np.zeros((len(bias_mv), 0))
    return xr.Dataset(
        {"t": (("bias", "impurity"), empty.astype(np.complex64)), "sigma": (("bias", "impurity"), empty)},
        coords={"bias": ("bias", bias_mv, {"units": "mV"})},
    )


def k_dataset(bias_mv: np.ndarray, k: np.ndarray, sigma: np.ndarray, ring: np.ndarray) -> xr.Dataset:
    """The wavevector at each bias in 1/nm, its standard deviation, and that of the ring."""
    names = {"k_per_nm": k, "k_sigma_per_nm": sigma, "k_ring_per_nm": ring}
    return xr.Dataset(
        {name: ("bias", values, {"units": "1/nm"}) for name, values in names.items()},
        coords={"bias": ("bias", bias_mv, {"units": "mV"})},
    )
