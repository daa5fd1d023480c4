"""The kernel by least squares, for any shape of kernel: hats of r times angular harmonics, or the plain average."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from ..core.progress import Progress, ShouldStop, Stopped
from ..data.images import pixel_size_nm
from ..physics.dispersion import Dispersion
from .basis import Floats, KernelBasis
from .config import KernelConfig
from .empirical import EmpiricalKernel, shared_kernel
from .kernel_maps import transform_of
from .linear import Maps, averaged_coefficients, design
from .orders import Choice, choose_orders
from .result import Kernels, k_dataset, no_t
from .t_matrix_result import SUSPECT_AMPLITUDE, SUSPECT_SIGMA, proposed_table

#: The shape of a kernel is chosen on so many maps spread over the biases.
_MAPS_TO_CHOOSE_ON = 4
#: A kernel is anisotropic where harmonics lower the held-out error by so many standard errors.
_ANISOTROPIC_SIGMA = 5.0


def is_anisotropic(stack: xr.DataArray, positions_px: Floats, radius_nm: float) -> bool:
    """Whether pixels that were held out fit better with angular harmonics."""
    choice = _chosen(stack, positions_px, radius_nm, None, None)
    return choice.orders != (0,) and choice.sigma_over_radial > _ANISOTROPIC_SIGMA


def fit_harmonics(
    stack: xr.DataArray,
    points: pd.DataFrame,
    positions_px: Floats,
    band: Dispersion | None,
    config: KernelConfig,
    radius_nm: float,
    notes: list[str],
    *,
    averaged: bool,
    progress: Progress,
    should_stop: ShouldStop,
) -> Kernels:
    """The kernels of a stack by least squares with known positions, or by the average around the points."""
    largest = None if config.harmonics == "auto" else config.harmonics
    symmetry = None if config.symmetry == "auto" else config.symmetry
    choice = _chosen(stack, positions_px, radius_nm, largest, symmetry)
    notes.append(f"angular orders {', '.join(map(str, choice.orders))} of the kernel, by held-out pixels")
    notes.append("least squares knows one kernel, so all points count as one kind")
    if should_stop():
        raise Stopped
    progress(0.3, "least squares")
    size = pixel_size_nm(stack)
    basis = KernelBasis(radius_nm, size, choice.orders)
    maps = Maps.of(stack.values, basis)
    stamps = basis.stamps(positions_px, maps.shape)
    if averaged:
        kernel = EmpiricalKernel(basis, averaged_coefficients(maps, basis, stamps), maps)
        value = np.ones(len(positions_px))
    else:
        kernel = shared_kernel(maps, basis, positions_px, choice.ridge)
        value = kernel.amplitudes(positions_px).value
    progress(0.7, "points that explain the maps")
    found = kernel.amplitudes(positions_px)
    peaks = kernel.residual_peaks(positions_px)
    if should_stop():
        raise Stopped
    model, residual, explained = _maps(stack, kernel, design(basis, stamps, value))
    bias = stack.bias.values.astype(np.float64)
    reach = basis.reach_px
    kernels = xr.DataArray(
        kernel.kernel[None].astype(np.float32),
        dims=("kind", "bias", "y", "x"),
        coords={
            "kind": [0],
            "bias": ("bias", bias, {"units": "mV"}),
            "y": ("y", np.arange(-reach[0], reach[0] + 1) * size[0], {"units": "nm"}),
            "x": ("x", np.arange(-reach[1], reach[1] + 1) * size[1], {"units": "nm"}),
        },
        name="kernel",
        attrs={"units": stack.attrs.get("units", "")},
    )
    corner = np.array([stack.y.values[0], stack.x.values[0]], dtype=np.float64)
    unknown = np.full(len(bias), np.nan)
    n = len(points)
    dims, coordinates = ("bias", "y", "x"), {"bias": stack.bias, "y": stack.y, "x": stack.x}
    return Kernels(
        kernels=kernels,
        transform=transform_of(kernels),
        dispersion=band,
        k=k_dataset(bias, unknown, unknown, unknown if band is None else band.k_per_nm(bias)),
        t=no_t(bias),
        kinds=pd.DataFrame(
            {
                "kind": [0],
                "n": [n],
                "share": [1.0],
                "phase_rad": [np.nan],
                "slope_rad_per_v": [np.nan],
                "amplitude": [float(np.median(found.value))],
                "t_abs": [np.nan],
            }
        ),
        points=points.assign(
            kind=0,
            kind_confidence=np.nan,
            amplitude=found.value,
            amplitude_sigma=found.sigma,
            phase_rad=np.nan,
            phase_sigma_rad=np.nan,
            y_refined_nm=positions_px[:, 0] * size[0] + corner[0],
            x_refined_nm=positions_px[:, 1] * size[1] + corner[1],
            position_sigma_nm=np.nan,
            explains_sigma=found.explains_sigma,
            suspect=(found.explains_sigma < SUSPECT_SIGMA) | (found.value < SUSPECT_AMPLITUDE),
        ),
        proposed=proposed_table(peaks.yx_px, peaks.amplitude, peaks.sigma, size, corner),
        residual=xr.DataArray(residual, dims=dims, coords=coordinates, name="residual", attrs=stack.attrs),
        model=xr.DataArray(model, dims=dims, coords=coordinates, name="model", attrs=stack.attrs),
        explained_share=explained,
        method="average" if averaged else "harmonics",
        notes=tuple(notes),
    )


def _chosen(
    stack: xr.DataArray, positions_px: Floats, radius_nm: float, largest: int | None, symmetry: int | None
) -> Choice:
    """The shape of the kernel, on a few groups of averaged maps."""
    groups = np.array_split(np.arange(stack.sizes["bias"]), min(_MAPS_TO_CHOOSE_ON, stack.sizes["bias"]))
    spread = stack.values.std((1, 2))
    spread[~(spread > 0)] = 1.0
    few = np.array([(stack.values[group] / spread[group, None, None]).mean(0) for group in groups])
    return choose_orders(few, positions_px, radius_nm, pixel_size_nm(stack), largest, symmetry)


def _maps(
    stack: xr.DataArray, kernel: EmpiricalKernel, whole: Floats
) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """The model, the residual and the explained share; NaN where nothing was measured."""
    values = stack.values
    model = np.full(values.shape, np.nan, np.float32)
    residual = np.full(values.shape, np.nan, np.float32)
    total = left = 0.0
    for group in kernel.maps.groups:
        pixels = group.nuisance.pixels
        off = group.values - group.nuisance.remove(whole[pixels] @ kernel.coefficients[group.index].T)
        total += float((group.values**2).sum())
        left += float((off**2).sum())
        for column, i in enumerate(group.index):
            rest = off[:, column] * kernel.maps.spread[i]
            residual[i].ravel()[pixels] = rest
            model[i].ravel()[pixels] = values[i].ravel()[pixels] - rest
    return model, residual, 1 - left / total if total else 0.0
