"""From t to maps: the kernel of each kind with its core, its Fourier transform, and the model of the whole stack."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from scipy.special import hankel1

from ..core.progress import ShouldStop, Stopped
from ..data.images import pixel_size_nm
from ..physics.dispersion import Dispersion
from ..physics.scattering import distances
from .bins import Bins
from .nuisance import Nuisance, cosines_for
from .scatterers import Scatterers
from .tiles import Tile, TiledFit

Floats = NDArray[np.float64]

#: The radial profile of a core has so many straight pieces.
_CORE_KNOTS = 4
#: So many pixels at a time, which bounds the memory: 16384 x 200 waves of 8 bytes are 26 MB.
_CHUNK = 16384


class StackModel(NamedTuple):
    """The model of every map.

    Attributes
    ----------
    model, residual
        Shape (bias, y, x), in the stack's unit; row offsets and background belong to the model.
    core
        The profile of each kind's core beyond its own wave, shape (bias, kind, knot), and its knots in nm.
    explained
        The share of the variance, without row offsets and background, that the scatterers explain.
    """

    model: NDArray[np.float32]
    residual: NDArray[np.float32]
    core: Floats
    core_knots_nm: Floats
    explained: float


def interpolated(t: NDArray[np.complex128], at: Floats, wanted: Floats) -> NDArray[np.complex128]:
    """The T matrix between the bins, held at its ends; shape (bias, ...)."""
    place = np.interp(wanted, at, np.arange(len(at)))
    lower = np.minimum(place.astype(int), max(len(at) - 2, 0))
    part = (place - lower)[:, None]
    upper = np.minimum(lower + 1, len(at) - 1)
    return (1 - part) * t[lower] + part * t[upper]


def model_of(
    stack: xr.DataArray,
    bins: Bins,
    tiled: TiledFit,
    kind: NDArray[np.int_],
    n_kinds: int,
    core_nm: float,
    radius_nm: float,
    should_stop: ShouldStop,
) -> StackModel:
    """The model of each map of a stack, cores included.

    Parameters
    ----------
    stack, bins, tiled
        The data and its fit.
    kind
        Of each point; those of no kind have a core profile of their own together.
    n_kinds
        The number of kinds.
    core_nm, radius_nm
        Of the core and of a kernel.
    """
    bias = stack.bias.values.astype(np.float64)
    unit = np.interp(bias, bins.bias_mv, bins.unit)
    size = np.array(pixel_size_nm(stack))
    values = stack.values
    shape = values.shape[1:]
    knots, weights, pixels = _core_design(
        shape, size, tiled.yx, np.where(kind < 0, n_kinds, kind), n_kinds + 1, core_nm
    )
    in_core = np.zeros(shape, dtype=bool)
    in_core.ravel()[pixels] = True
    made: dict[bytes, Nuisance] = {}
    model, residual = np.empty(values.shape, np.float32), np.empty(values.shape, np.float32)
    profiles = np.zeros((len(bias), n_kinds + 1, len(knots)))
    total, left = 0.0, 0.0
    modulation = _modulation(shape, bins, tiled, bias, core_nm / float(size[1]), should_stop)
    for i, (one, of_scatterers) in enumerate(zip(values.astype(np.float64), modulation, strict=True)):
        waves = unit[i] * of_scatterers
        rest = one - waves
        free = np.isfinite(one) & ~in_core
        row = np.array([np.median(r[m]) if m.any() else np.nan for r, m in zip(rest, free, strict=True)])
        row = np.where(np.isnan(row), np.nanmedian(row), row)
        at_core = (rest - row[:, None]).ravel()[pixels]
        seen = np.isfinite(at_core)
        normal = weights[seen].T @ weights[seen] + 1e-6 * max(len(pixels), 1) * np.eye(weights.shape[1])
        profile = np.linalg.solve(normal, weights[seen].T @ at_core[seen])
        profiles[i] = profile.reshape(n_kinds + 1, len(knots))
        waves = waves + np.bincount(pixels, weights @ profile, minlength=waves.size).reshape(shape)
        mask = np.isfinite(one)
        key = mask.tobytes()
        if key not in made:
            made[key] = Nuisance(mask, cosines_for(shape, (size[0], size[1]), radius_nm))
        clean = made[key].remove((one - waves)[mask])
        total += float((made[key].remove(one[mask]) ** 2).sum()) / unit[i] ** 2
        left += float((clean**2).sum()) / unit[i] ** 2
        residual[i], model[i] = np.nan, np.nan
        residual[i][mask] = clean
        model[i][mask] = one[mask] - clean
    return StackModel(model, residual, profiles, knots, 1 - left / total if total else 0.0)


def kernels_of(
    t_of_kind: NDArray[np.complex128], bias_mv: Floats, unit: Floats, band: Dispersion, size: tuple[float, float],
    radius_nm: float, core_nm: float, core: Floats, core_knots_nm: Floats,
) -> xr.DataArray:  # fmt: skip
    """The pattern of one impurity of each kind in the stack's unit, dims (kind, bias, y, x), the impurity at 0, 0.

    Parameters
    ----------
    t_of_kind
        Shape (bias, kind).
    bias_mv, unit
        Shape (bias,).
    band, size
        k(V), and the pixel size (y, x) in nm.
    radius_nm, core_nm
        Half the side of the maps, and the core.
    core, core_knots_nm
        As of :class:`StackModel`.
    """
    y, x = (np.arange(-int(radius_nm / step), int(radius_nm / step) + 1) * step for step in size)
    r = np.hypot(y[:, None], x)
    n_kinds = t_of_kind.shape[1]
    out = np.empty((n_kinds, len(bias_mv), len(y), len(x)), dtype=np.float32)
    distinct, back = np.unique(np.round(r, 9), return_inverse=True)
    for i, k in enumerate(band.k_per_nm(bias_mv)):
        square = hankel1(0, k * np.maximum(distinct, core_nm)) ** 2
        for j in range(n_kinds):
            profile = np.interp(distinct, core_knots_nm, core[i, j], right=0.0)
            out[j, i] = (unit[i] * (t_of_kind[i, j] * square).real + profile)[back].reshape(r.shape)
    coordinates = {
        "kind": np.arange(n_kinds),
        "bias": ("bias", bias_mv, {"units": "mV"}),
        "y": ("y", y, {"units": "nm"}),
        "x": ("x", x, {"units": "nm"}),
    }
    return xr.DataArray(out, dims=("kind", "bias", "y", "x"), coords=coordinates, name="kernel")


def transform_of(kernels: xr.DataArray) -> xr.DataArray:
    """The Fourier transform of each kernel about the impurity, complex, dims (kind, bias, qy, qx), q in rad/nm.

    The integral over the surface: ``sum K(r) exp(-i q r) dy dx``.
    """
    values = kernels.values.astype(np.float64)
    dy, dx = (float(np.diff(kernels[axis].values).mean()) for axis in ("y", "x"))
    moved = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(values, axes=(2, 3))), axes=(2, 3)) * dy * dx
    q = {
        f"q{axis}": (f"q{axis}", 2 * np.pi * np.fft.fftshift(np.fft.fftfreq(kernels.sizes[axis], d)), {"units": "1/nm"})
        for axis, d in (("y", dy), ("x", dx))
    }
    coordinates = {"kind": kernels.kind.values, "bias": kernels.bias, **q}
    return xr.DataArray(
        moved.astype(np.complex64), dims=("kind", "bias", "qy", "qx"), coords=coordinates, name="kernel_transform"
    )


def _modulation(
    shape: tuple[int, int], bins: Bins, tiled: TiledFit, bias_mv: Floats, core_px: float, should_stop: ShouldStop
) -> Floats:
    """rho/rho0 - 1 on the stack's pixels at each of its biases, each own wave held within its core."""
    out = np.zeros((len(bias_mv), *shape))
    k = tiled.band.k_per_nm(bias_mv) * bins.pixel_nm[1]
    aspect = bins.pixel_nm[0] / bins.pixel_nm[1]
    for tile in tiled.tiles:
        rows, columns = _own_pixels(tile, bins, shape)
        grid = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2).astype(np.float64)
        at = bins.position(grid) - tile.corner * np.array([aspect, 1.0])
        pixels = torch.as_tensor(at, dtype=torch.float32)
        fit = tile.fit
        t = interpolated(fit.t, bins.bias_mv, bias_mv)
        damping = np.interp(bias_mv, bins.bias_mv, [state.damping for state in fit.fit.states])
        yx = torch.as_tensor(fit.fit.yx, dtype=torch.float32)
        for start in range(0, len(at), _CHUNK):
            part = pixels[start : start + _CHUNK]
            apart = distances(part, yx).clamp_min(core_px / bins.coarser)
            where = tuple(grid[start : start + _CHUNK].astype(int).T)
            for i in range(len(bias_mv)):
                if should_stop():
                    raise Stopped
                one = Scatterers(yx, torch.as_tensor(t[i], dtype=torch.complex64), k[i], damping[i])
                out[i][where] = fit.scale * one.modulation_at(apart).numpy()
    return out


def _own_pixels(tile: Tile, bins: Bins, shape: tuple[int, int]) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """The stack's rows and columns of a tile without its halo; what coarsening cut off goes with the last tile."""
    sides = []
    for axis in (0, 1):
        low, high = tile.own[2 * axis] * bins.coarser, tile.own[2 * axis + 1] * bins.coarser
        last = tile.own[2 * axis + 1] == bins.values.shape[1 + axis]
        sides.append(np.arange(low, shape[axis] if last else high))
    return sides[0], sides[1]


def _core_design(
    shape: tuple[int, int], size: Floats, yx_px: Floats, kind: NDArray[np.int_], n_kinds: int, core_nm: float
) -> tuple[Floats, Floats, NDArray[np.int_]]:
    """The knots of the profile, hats of the distance for each kind (pixel, kind x knot), and the pixels in a core."""
    knots = np.linspace(0, core_nm, _CORE_KNOTS, endpoint=False)
    nearest = np.full(shape, np.inf)
    owner = np.full(shape, -1)
    reach = np.ceil(core_nm / size).astype(int) + 1
    for n, (y, x) in enumerate(yx_px):
        rows = np.arange(max(0, int(y) - reach[0]), min(shape[0], int(y) + reach[0] + 1))
        cols = np.arange(max(0, int(x) - reach[1]), min(shape[1], int(x) + reach[1] + 1))
        if not len(rows) or not len(cols):
            continue
        box = np.ix_(rows, cols)
        r = np.hypot((rows[:, None] - y) * size[0], (cols - x) * size[1])
        closer = r < nearest[box]
        nearest[box] = np.where(closer, r, nearest[box])
        owner[box] = np.where(closer, n, owner[box])
    pixels = np.flatnonzero(nearest < core_nm)
    weights = np.zeros((len(pixels), n_kinds, _CORE_KNOTS))
    place = nearest.ravel()[pixels] / (core_nm / _CORE_KNOTS)
    lower = np.minimum(place.astype(int), _CORE_KNOTS - 1)
    of_kind = kind[owner.ravel()[pixels]] if len(pixels) else np.zeros(0, dtype=int)
    row = np.arange(len(pixels))
    weights[row, of_kind, lower] += 1 - (place - lower)
    inner = lower + 1 < _CORE_KNOTS
    weights[row[inner], of_kind[inner], lower[inner] + 1] += (place - lower)[inner]
    return knots, weights.reshape(len(pixels), n_kinds * _CORE_KNOTS), pixels
