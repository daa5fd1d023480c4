"""The kernel that all impurities share, by linear least squares over all measured pixels.

``map(r) = sum_n a_n K(r - r_n) + row offset + smooth background``, with K expanded in the functions of
:class:`~napari_stm_impurities.kernels.basis.KernelBasis`. Overlapping kernels are separated, unlike by an average
around the impurities. With known positions and one kernel this is the convex half of blind deconvolution (Cheung et
al., Nat. Commun. 11, 1081 (2020)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..core.robust import mad_std
from .basis import Floats, KernelBasis
from .nuisance import Nuisance, cosines_for

#: The ridge on each coefficient and on its curvature along r, as a share of the coefficient's own diagonal of the
#: normal equations: a prior that falls off like a wave on a surface, since the diagonal grows with r.
RIDGE = 3e-3
#: A knot that no pixel sees is interpolated by a curvature penalty of this share of the mean diagonal.
_UNSEEN = 1e-2
#: A map counts where so many times more pixels were measured than there are unknowns.
_LEAST_PIXELS_PER_UNKNOWN = 2


@dataclass(frozen=True)
class MapGroup:
    """Maps with the same measured pixels, row offsets and background taken out.

    Attributes
    ----------
    index
        The numbers of the maps.
    nuisance
        The projection of this mask.
    values
        Shape (pixel, map), each map in units of its own spread.
    """

    index: NDArray[np.int_]
    nuisance: Nuisance
    values: Floats


@dataclass(frozen=True)
class Maps:
    """Maps of one area, ready for least squares.

    Attributes
    ----------
    shape
        (y, x).
    spread
        The robust spread of each map in its own unit, shape (map,); 0 for a map that has nothing to fit.
    groups
        The maps by their measured pixels.
    """

    shape: tuple[int, int]
    spread: Floats
    groups: tuple[MapGroup, ...]

    @classmethod
    def of(cls, values: NDArray[np.floating], basis: KernelBasis) -> Maps:
        """The maps (map, y, x), NaN where nothing was measured."""
        n_maps, *sides = values.shape
        shape = (sides[0], sides[1])
        cosines = cosines_for(shape, basis.pixel_size_nm, basis.radius_nm)
        measured = np.isfinite(values)
        by_mask: dict[bytes, list[int]] = {}
        for i in range(n_maps):
            by_mask.setdefault(measured[i].tobytes(), []).append(i)
        spread, groups = np.zeros(n_maps), []
        for index in by_mask.values():
            mask = measured[index[0]]
            nuisance = Nuisance(mask, cosines)
            if mask.sum() < _LEAST_PIXELS_PER_UNKNOWN * (nuisance.n_unknowns + basis.n_knots):
                continue
            clean = nuisance.remove(values[index][:, mask].T.astype(np.float64))
            scale = np.array([mad_std(one) or one.std() for one in clean.T])
            used = scale > 0
            if used.any():
                spread[np.array(index)[used]] = scale[used]
                groups.append(MapGroup(np.array(index)[used], nuisance, clean[:, used] / scale[used]))
        return cls(shape, spread, tuple(groups))


def fitted_coefficients(
    maps: Maps, basis: KernelBasis, stamps: sparse.csr_array, amplitude: Floats, ridge: float = RIDGE
) -> Floats:
    """The coefficients of the shared kernel in each map, shape (map, function), in units of the map's spread.

    Parameters
    ----------
    maps, basis
        The data and the functions.
    stamps
        The functions around each impurity (:meth:`KernelBasis.stamps`).
    amplitude
        a_n, shape (impurity,).
    ridge
        Share of the diagonal; for order m it is multiplied by 1 + m^2.
    """
    out = np.zeros((len(maps.spread), basis.size))
    whole = design(basis, stamps, amplitude)
    for group in maps.groups:
        of_pixels = group.nuisance.remove(whole[group.nuisance.pixels])
        normal = of_pixels.T @ of_pixels
        normal += ridge * penalty(basis, normal.diagonal())
        out[group.index] = np.linalg.solve(normal, of_pixels.T @ group.values).T
    return out


def penalty(basis: KernelBasis, diagonal: Floats) -> Floats:
    """The ridge on values and curvatures, for a share of 1; shape (function, function)."""
    seen = diagonal + _UNSEEN * max(float(diagonal.mean()), np.finfo(float).tiny)
    strength = seen * (1 + basis.order_of.astype(np.float64) ** 2)
    n_waves = len(basis.angular)
    curvature = np.zeros((max(basis.size - 2 * n_waves, 0), basis.size))
    row = np.arange(len(curvature))
    for off, weight in enumerate((1.0, -2.0, 1.0)):
        curvature[row, row + off * n_waves] = weight
    middle = strength[n_waves : n_waves + len(row)]
    return np.diag(strength) + curvature.T @ (middle[:, None] * curvature)


def design(basis: KernelBasis, stamps: sparse.csr_array, amplitude: Floats) -> Floats:
    """The sum of each function around all impurities, weighted by their amplitudes; shape (pixel, function)."""
    total: Floats = stamps.T @ amplitude
    return total.reshape(-1, basis.size)


def averaged_coefficients(maps: Maps, basis: KernelBasis, stamps: sparse.csr_array) -> Floats:
    """The plain average around all impurities, shape (map, function): the baseline, where neighbours stay in it.

    References
    ----------
    Sharma et al., npj Quantum Mater. 6, 7 (2021).
    """
    out = np.zeros((len(maps.spread), basis.size))
    whole = design(basis, stamps, np.ones(stamps.shape[0]))
    radial = np.repeat(whole[:, :: len(basis.angular)], len(basis.angular), axis=1)
    # the mean of cos^2 over the angles is a half
    factor = np.where(basis.order_of > 0, 2.0, 1.0)
    for group in maps.groups:
        pixels = group.nuisance.pixels
        seen = np.maximum(radial[pixels].sum(0), np.finfo(float).tiny)
        out[group.index] = ((whole[pixels].T @ group.values) * (factor / seen)[:, None]).T
    return out
