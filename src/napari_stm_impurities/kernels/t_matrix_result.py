"""From the T-matrix fit of a stack to the result: kinds, columns of the points, proposals, maps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from ..core.progress import Progress, ShouldStop
from ..core.robust import mad_std
from ..data.images import pixel_size_nm
from ..data.points import make_points
from ..physics.dispersion import Dispersion
from .bins import binned
from .config import KernelConfig
from .kernel_maps import interpolated, kernels_of, model_of, transform_of
from .kinds import LEAST_BIASES, LEAST_IMPURITIES, Kinds, find_kinds, phase_features
from .one_kind import explained_by_one_kernel
from .result import Kernels, k_dataset
from .surface_fit import LEAST_BIASES_TO_REFINE
from .tiles import TiledFit, fit_tiles

Floats = NDArray[np.float64]

#: A kind is stated where it is so probable.
_SURE = 0.5
#: The errors of t at neighbouring biases are largely the same: position, neighbours. So many biases are independent.
_INDEPENDENT_BIASES = 3.0
#: A point explains little whose amplitude is so few of its standard deviations, or so small beside a usual one.
SUSPECT_SIGMA, SUSPECT_AMPLITUDE = 3.0, 0.25
#: A position is proposed where one more impurity would have so large an amplitude, in sigma and beside a usual one.
_PROPOSED_SIGMA, _PROPOSED_AMPLITUDE = 4.0, 0.3
SOURCE = "kernel residual"


def fit_t_matrix(
    stack: xr.DataArray,
    points: pd.DataFrame,
    positions_px: Floats,
    band: Dispersion,
    config: KernelConfig,
    radius_nm: float,
    notes: list[str],
    *,
    progress: Progress,
    should_stop: ShouldStop,
) -> Kernels:
    """The kernels of a stack above the band bottom, by the T matrix of each impurity."""
    bins = binned(stack, band, radius_nm, config.n_bins)
    tiled = fit_tiles(
        bins,
        positions_px,
        band,
        config,
        radius_nm,
        progress=lambda share, what: progress(0.8 * share, what),
        should_stop=should_stop,
    )
    size = pixel_size_nm(stack)
    kinds = _kinds(tiled, config, notes)
    kind = np.where(kinds.confidence >= _SURE, kinds.kind, -1)
    t_of_kind = _mean_t(tiled, kinds)
    amplitude, amplitude_sigma = _amplitudes(tiled.t, tiled.t_sigma, t_of_kind, kind)
    progress(0.82, "model of the stack")
    core_nm = config.core_share * 2 * np.pi / float(np.mean(tiled.band.k_per_nm(bins.bias_mv)))
    n_kinds = len(kinds.mean)
    modelled = model_of(stack, bins, tiled, kind, n_kinds, core_nm, radius_nm, should_stop)
    bias = stack.bias.values.astype(np.float64)
    unit = np.interp(bias, bins.bias_mv, bins.unit) * tiled.scale
    kernels = kernels_of(
        interpolated(t_of_kind, bins.bias_mv, bias), bias, unit, tiled.band, size, radius_nm, core_nm,
        modelled.core[:, :n_kinds], modelled.core_knots_nm,
    )  # fmt: skip
    kernels.attrs["units"] = stack.attrs.get("units", "")
    if not bins.unit_known:
        notes.append(
            "the maps have no mean to be divided by, so t is known up to a factor; phases and k are not affected"
        )
    if config.refine_positions and len(bins.bias_mv) < LEAST_BIASES_TO_REFINE:
        notes.append(f"positions are refined from {LEAST_BIASES_TO_REFINE} biases on, so that some can be held out")
    elif config.refine_positions and not tiled.refined:
        notes.append("refined positions did not fit the held-out biases better, so the points were left where they are")
    features = phase_features(tiled.t, tiled.t_sigma)
    proposed = _missing(tiled, t_of_kind)
    if n_kinds == 1:
        by_core = explained_by_one_kernel(
            bins, tiled.yx, tiled.unlisted_px, radius_nm, _PROPOSED_SIGMA, _PROPOSED_AMPLITUDE
        )
        if by_core is not None:
            amplitude, amplitude_sigma = by_core.of_points
            proposed = by_core.missing_px, *by_core.of_missing
    explains = amplitude / amplitude_sigma
    corner = np.array([stack.y.values[0], stack.x.values[0]], dtype=np.float64)
    refined = tiled.yx * size + corner
    table = points.assign(
        kind=kind,
        kind_confidence=kinds.confidence,
        amplitude=amplitude,
        amplitude_sigma=amplitude_sigma,
        phase_rad=features.values[:, 0],
        phase_sigma_rad=np.sqrt(features.covariance[:, 0, 0]),
        y_refined_nm=refined[:, 0] if tiled.refined else positions_px[:, 0] * size[0] + corner[0],
        x_refined_nm=refined[:, 1] if tiled.refined else positions_px[:, 1] * size[1] + corner[1],
        position_sigma_nm=tiled.position_sigma_px * size[1],
        explains_sigma=explains,
        suspect=(explains < SUSPECT_SIGMA) | (amplitude < SUSPECT_AMPLITUDE),
    )
    dims = ("bias", "y", "x")
    coordinates = {"bias": stack.bias, "y": stack.y, "x": stack.x}
    pixel = bins.pixel_nm[1]
    return Kernels(
        kernels=kernels,
        transform=transform_of(kernels),
        dispersion=tiled.band,
        k=k_dataset(bins.bias_mv, tiled.k.k / pixel, tiled.k.sigma / pixel, band.k_per_nm(bins.bias_mv)),
        t=xr.Dataset(
            {"t": (("bias", "impurity"), tiled.t), "sigma": (("bias", "impurity"), tiled.t_sigma)},
            coords={"bias": ("bias", bins.bias_mv, {"units": "mV"})},
        ),
        kinds=_kinds_table(kinds, kind, amplitude, t_of_kind, bins.bias_mv),
        points=table,
        proposed=proposed_table(*proposed, size, corner),
        residual=xr.DataArray(modelled.residual, dims=dims, coords=coordinates, name="residual", attrs=stack.attrs),
        model=xr.DataArray(modelled.model, dims=dims, coords=coordinates, name="model", attrs=stack.attrs),
        explained_share=modelled.explained,
        method="tmatrix",
        notes=tuple(notes),
    )


def _kinds(tiled: TiledFit, config: KernelConfig, notes: list[str]) -> Kinds:
    n_biases, n = tiled.t.shape
    if n_biases < LEAST_BIASES or n < LEAST_IMPURITIES:
        notes.append(
            f"kinds need at least {LEAST_BIASES} biases and {LEAST_IMPURITIES} points; with {n_biases} biases and {n}"
            " points all count as one kind"
        )
        one = np.column_stack([np.ones(n), np.zeros(n)])
        features = phase_features(tiled.t, tiled.t_sigma)
        return Kinds(np.median(features.values, axis=0)[None], np.ones(1), one, 0.0)
    wanted = None if config.n_kinds == "auto" else config.n_kinds
    return find_kinds(phase_features(tiled.t, tiled.t_sigma), wanted)


def _mean_t(tiled: TiledFit, kinds: Kinds) -> NDArray[np.complex128]:
    """The mean t of the members of each kind, robust against those that lie off; shape (bias, kind)."""
    out = np.zeros((len(tiled.t), len(kinds.mean)), dtype=complex)
    for j in range(len(kinds.mean)):
        weight = kinds.probability[:, j].copy() + 1e-9
        for _ in range(3):
            of_each = weight / (tiled.t_sigma**2 + np.median(np.abs(tiled.t)) ** 2 * 0.05)
            out[:, j] = (of_each * tiled.t).sum(1) / of_each.sum(1)
            off = np.sqrt((np.abs(tiled.t - out[:, [j]]) ** 2).mean(0))
            spread = max(mad_std(off[weight > 0.5], 0.0) if (weight > 0.5).any() else 0.0, 1e-6)
            weight = (kinds.probability[:, j] + 1e-9) / (1 + (off / (2 * spread)) ** 2)
    return out


def _amplitudes(
    t: NDArray[np.complex128], sigma: Floats, t_of_kind: NDArray[np.complex128], kind: NDArray[np.int_]
) -> tuple[Floats, Floats]:
    """The strength along the mean t of the kind, or of the kind that fits best, and its error; shape (impurity,)."""
    weight = 1 / sigma**2
    power = np.einsum("vk,vn->kn", np.abs(t_of_kind) ** 2, weight).clip(1e-12)
    strength = np.einsum("vk,vn,vn->kn", t_of_kind.conj(), t, weight).real / power
    chosen = np.where(kind >= 0, kind, (strength * np.sqrt(power)).argmax(0))
    column = np.arange(t.shape[1])
    common = max(1.0, len(t) / _INDEPENDENT_BIASES)
    return strength[chosen, column], np.sqrt(common / power[chosen, column])


def _kinds_table(
    kinds: Kinds, kind: NDArray[np.int_], amplitude: Floats, t_of_kind: NDArray[np.complex128], bias_mv: Floats
) -> pd.DataFrame:
    n = np.array([(kind == j).sum() for j in range(len(kinds.mean))])
    span_v = float(np.ptp(bias_mv)) / 1000
    return pd.DataFrame(
        {
            "kind": np.arange(len(kinds.mean)),
            "n": n,
            "share": n / max(len(kind), 1),
            "phase_rad": np.angle(t_of_kind[len(t_of_kind) // 2]),
            "slope_rad_per_v": kinds.mean[:, 1] / span_v if span_v else np.nan,
            "amplitude": [
                float(np.median(amplitude[kind == j])) if (kind == j).any() else np.nan for j in range(len(n))
            ],
            "t_abs": np.abs(t_of_kind).mean(0),
        }
    )


def _missing(tiled: TiledFit, t_of_kind: NDArray[np.complex128]) -> tuple[Floats, Floats, Floats]:
    """The unlisted scatterers in the frame that are like one of the kinds: positions, amplitudes and their errors."""
    n = len(tiled.unlisted_px)
    amplitude, sigma = _amplitudes(tiled.unlisted_t, tiled.unlisted_sigma, t_of_kind, np.full(n, -1))
    kept = np.flatnonzero((amplitude >= _PROPOSED_AMPLITUDE) & (amplitude >= _PROPOSED_SIGMA * sigma))
    kept = kept[np.argsort(-amplitude[kept] / sigma[kept], kind="stable")]
    return tiled.unlisted_px[kept], amplitude[kept], sigma[kept]


def proposed_table(
    yx_px: Floats, amplitude: Floats, sigma: Floats, size: tuple[float, float], corner_nm: Floats
) -> pd.DataFrame:
    """Proposed positions as a table of points, the most significant first."""
    table = make_points(yx_px, size, source=SOURCE, score=amplitude / sigma)
    table["y_nm"] += corner_nm[0]
    table["x_nm"] += corner_nm[1]
    return table.assign(amplitude=amplitude, amplitude_sigma=sigma, explains_sigma=amplitude / sigma)
