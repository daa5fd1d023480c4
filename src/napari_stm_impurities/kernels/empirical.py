"""One kernel from the points of a map or stack, its core included: the amplitude of each point, and points missing.

Unlike the T matrix it assumes nothing of the physics, and it holds the near field of an impurity, which is far
stronger than its ripples. That makes it the yardstick for points that explain nothing and for points that are missing:
:func:`empirical_kernel` fits a kernel and amplitudes in turn, :meth:`EmpiricalKernel.amplitudes` gives the amplitude of
any set of points with its standard deviation, and :meth:`EmpiricalKernel.residual_peaks` finds where one more impurity
would explain what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage, sparse
from scipy.signal import fftconvolve
from scipy.sparse.linalg import LinearOperator, cg

from ..core.arguments import number, pixel_sizes, real_array
from ..core.errors import StmError
from ..data.images import pixel_size_nm as size_of
from .basis import Floats, KernelBasis
from .linear import RIDGE, Maps, design, fitted_coefficients

#: Kernel and amplitudes are fitted in turn so many times; from the third round on they hardly change.
_ROUNDS = 4
#: The ridge on amplitudes, as a share of the mean square of a kernel: a point of which nothing was measured gets 0.
_AMPLITUDE_RIDGE = 1e-2
#: Conjugate gradients stop at this relative residual, far below the noise of any amplitude, or after so many steps.
_CG_TOLERANCE, _CG_STEPS = 1e-4, 60
#: A position counts where at least this share of a whole kernel's squares was measured.
_LEAST_SHARE = 0.2
#: How near to each other two points can be resolved, as a share of the radius: a quarter of a ripple at four ripples.
_RESOLVED = 0.0625
#: Within this share of the radius (one and a half ripples) only the highest peak is taken in one round: the others may
#: be its side maxima, one ripple away.
_SIDE_MAXIMA = 0.375
_PEAK_ROUNDS = 6


class Amplitudes(NamedTuple):
    """The amplitude of each point.

    Attributes
    ----------
    value
        1 for a usual point of those that made the kernel, 0 for none; shape (point,).
    sigma
        Its standard deviation, from what the rest of the maps does to the same fit; shape (point,).
    """

    value: Floats
    sigma: Floats

    @property
    def explains_sigma(self) -> Floats:
        """The amplitude in standard deviations, shape (point,)."""
        return self.value / self.sigma


class ResidualPeaks(NamedTuple):
    """Positions where one more impurity would explain what is left, the most significant first.

    Attributes
    ----------
    yx_px
        Shape (peak, 2).
    amplitude, sigma
        As in :class:`Amplitudes`, shape (peak,).
    """

    yx_px: Floats
    amplitude: Floats
    sigma: Floats


@dataclass(frozen=True)
class EmpiricalKernel:
    """A kernel with its core, and the maps from which it was made.

    Attributes
    ----------
    basis
        The functions of the kernel.
    coefficients
        Shape (map, function), in units of each map's spread.
    maps
        The prepared maps.
    """

    basis: KernelBasis
    coefficients: Floats
    maps: Maps

    @cached_property
    def kernel(self) -> Floats:
        """The pattern around one impurity in the maps' own units, shape (map, y, x), the impurity in the middle."""
        scaled = self.coefficients * self.maps.spread[:, None]
        return np.tensordot(scaled, self.basis.images(), axes=1)

    def amplitudes(self, positions_px: ArrayLike) -> Amplitudes:
        """The amplitude of each point, all fitted together.

        Parameters
        ----------
        positions_px
            Shape (point, 2), row and column; points that the kernel was not made from are welcome.
        """
        at = _positions(positions_px)
        stamps = self.basis.stamps(at, self.maps.shape)
        value = self._solve(stamps)
        _, power, spread = self._matched(at, value, stamps)
        index = np.rint(at).astype(int)
        inside = ((index >= 0) & (index < self.maps.shape)).all(1)
        own = np.full(len(at), _LEAST_SHARE * power.max())
        own[inside] = np.maximum(power[tuple(index[inside].T)], own[inside])
        return Amplitudes(value, spread * np.sqrt(self._inflation(at) / own))

    def _inflation(self, at: Floats) -> Floats:
        """By how much the neighbours of each point widen the variance of its amplitude, 1 for a lone point."""
        images = self.basis.images()
        overlap = np.zeros([2 * n - 1 for n in images.shape[1:]])
        for group in self.maps.groups:
            root, _ = _compressed(self.coefficients[group.index])
            for template in np.tensordot(root.T, images, axes=1):
                overlap += fftconvolve(template, template[::-1, ::-1])
        centre = np.array(overlap.shape) // 2
        overlap /= max(float(overlap[tuple(centre)]), np.finfo(float).tiny)
        apart = (at[:, None] - at).reshape(-1, 2) + centre
        gram = ndimage.map_coordinates(overlap, apart.T, order=1, mode="constant").reshape(len(at), len(at))
        gram[np.diag_indices(len(at))] = 1 + _AMPLITUDE_RIDGE
        return np.maximum(1.0, np.diag(np.linalg.pinv(gram, rcond=_AMPLITUDE_RIDGE, hermitian=True)))

    def residual_peaks(
        self,
        positions_px: ArrayLike,
        *,
        min_sigma: float = 5.0,
        min_amplitude: float = 0.3,
        most: int | None = None,
    ) -> ResidualPeaks:
        """Where one more impurity would explain what the given points leave.

        Parameters
        ----------
        positions_px
            The points that are there, shape (point, 2).
        min_sigma, min_amplitude
            The least amplitude of a peak, in its standard deviations and in that of a usual point.
        most
            Return no more than so many, the most significant ones; None returns all.
        """
        there = _positions(positions_px)
        found = np.zeros((0, 2))
        for _ in range(_PEAK_ROUNDS):
            every = np.concatenate([there, found])
            stamps = self.basis.stamps(every, self.maps.shape)
            value = self._solve(stamps)
            response, power, spread = self._matched(every, value, stamps)
            new = self._new_peaks(response, power, every, max(min_sigma * spread, 0.0), min_amplitude)
            if not len(new) or (most is not None and len(found) >= 2 * most):
                break
            found = np.concatenate([found, new])
        fitted = self.amplitudes(np.concatenate([there, found]))
        value, sigma = (values[len(there) :] for values in fitted)
        kept = np.flatnonzero((value >= min_amplitude) & (value >= min_sigma * sigma))
        kept = kept[np.argsort(-value[kept] / sigma[kept], kind="stable")][:most]
        return ResidualPeaks(found[kept], value[kept], sigma[kept])

    def _solve(self, stamps: sparse.csr_array) -> Floats:
        """The amplitudes that explain the maps best, shape (point,)."""
        n_points = stamps.shape[0]
        if not n_points:
            return np.zeros(0)
        parts = [(group, _square_root(self.coefficients[group.index])) for group in self.maps.groups]
        right = self._backward(stamps, [group.values @ self.coefficients[group.index] for group, _ in parts])
        diagonal = np.zeros(n_points)
        for _, root in parts:
            diagonal += _squares(stamps, root, self.basis.size)
        ridge = _AMPLITUDE_RIDGE * max(float(np.median(diagonal)), np.finfo(float).tiny)

        def normal(amplitude: Floats) -> Floats:
            whole = design(self.basis, stamps, amplitude)
            back = []
            for group, root in parts:
                explained = group.nuisance.remove(whole[group.nuisance.pixels] @ root)
                back.append(explained @ root.T)
            return self._backward(stamps, back) + ridge * amplitude

        operator = LinearOperator((n_points, n_points), matvec=normal, dtype=np.float64)
        scale = LinearOperator((n_points, n_points), matvec=lambda v: v / (diagonal + ridge), dtype=np.float64)
        solution, _ = cg(operator, right, rtol=_CG_TOLERANCE, maxiter=_CG_STEPS, M=scale)
        return solution

    def _backward(self, stamps: sparse.csr_array, of_groups: list[Floats]) -> Floats:
        """What each point's functions collect from values (pixel, function) of each group; shape (point,)."""
        whole = np.zeros((self.maps.shape[0] * self.maps.shape[1], self.basis.size))
        for group, values in zip(self.maps.groups, of_groups, strict=True):
            whole[group.nuisance.pixels] += values
        return stamps @ whole.ravel()

    def _matched(self, at: Floats, value: Floats, stamps: sparse.csr_array) -> tuple[Floats, Floats, float]:
        """The response of the residual to one more impurity at each pixel, its power, and the spread of their ratio.

        An amplitude is response / power, with the standard deviation spread / sqrt(power).
        """
        shape = self.maps.shape
        images = self.basis.images()
        whole = design(self.basis, stamps, value)
        response, power = np.zeros(shape), np.zeros(shape)
        for group in self.maps.groups:
            root, axes = _compressed(self.coefficients[group.index])
            pixels = group.nuisance.pixels
            left = group.values @ axes - group.nuisance.remove(whole[pixels] @ root)
            templates = np.tensordot(root.T, images, axes=1)
            for one, template in zip(left.T, templates, strict=True):
                frame = np.zeros(shape[0] * shape[1])
                frame[pixels] = one
                response += _correlated(frame.reshape(shape), template)
            measured = np.zeros(shape[0] * shape[1])
            measured[pixels] = 1.0
            power += _correlated(measured.reshape(shape), (templates**2).sum(0))
        power = np.maximum(power, 1e-12 * max(float(power.max()), np.finfo(float).tiny))
        trusted = power >= _LEAST_SHARE * power.max()
        quotient = (response / np.sqrt(power))[trusted]
        return response, power, _robust_spread(quotient)

    def _new_peaks(
        self, response: Floats, power: Floats, there: Floats, least_z: float, min_amplitude: float
    ) -> Floats:
        """The peaks of the response that stand out, none near another point or a higher peak; shape (peak, 2)."""
        size = np.array(self.basis.pixel_size_nm)
        z = response / np.sqrt(power)
        allowed = (power >= _LEAST_SHARE * power.max()) & (response / power >= min_amplitude) & (z >= least_z)
        reach = np.maximum(1, (_SIDE_MAXIMA * self.basis.radius_nm / size).astype(int))
        grids = np.mgrid[-reach[0] : reach[0] + 1, -reach[1] : reach[1] + 1]
        disc = np.hypot(grids[0] / reach[0], grids[1] / reach[1]) <= 1
        top = z == ndimage.maximum_filter(z, footprint=disc)
        peaks = np.argwhere(allowed & top)
        refined = peaks + np.array([_vertex(z, y, x) for y, x in peaks]).reshape(-1, 2)
        if len(there) and len(refined):
            apart = np.hypot(*np.moveaxis((refined[:, None] - there) * size, -1, 0)).min(1)
            refined = refined[apart > _RESOLVED * self.basis.radius_nm]
        return refined


def empirical_kernel(
    values: xr.DataArray | ArrayLike,
    positions_px: ArrayLike,
    *,
    radius_nm: float,
    pixel_size_nm: float | tuple[float, float] | None = None,
    orders: tuple[int, ...] = (0,),
) -> EmpiricalKernel:
    """The kernel that the points of one map, or of a stack, have in common, its core included.

    Kernel and amplitudes are fitted in turn, all maps together, one amplitude a point for all maps. Row offsets and a
    smooth background are fitted along; missing pixels (NaN) are left out.

    Parameters
    ----------
    values
        Shape (y, x) or (map, y, x): a stack, an image, or a bare array.
    positions_px
        The points that one is sure of, shape (point, 2), row and column.
    radius_nm
        From here on the kernel is zero; four ripples, ``4 pi / k``, are usual.
    pixel_size_nm
        One number, or (y, x), for a bare array.
    orders
        The angular orders; ``(0,)`` is a radial kernel (:func:`~napari_stm_impurities.kernels.basis.orders_up_to`).

    Raises
    ------
    StmError
        If there is no point, no value, or a bare array without a pixel size.

    Examples
    --------
    >>> y, x = np.mgrid[:64, :64]
    >>> spots = [(12, 12), (20, 48), (40, 20), (50, 50), (35, 38)]
    >>> image = sum(np.exp(-((y - a) ** 2 + (x - b) ** 2) / 8) for a, b in spots)
    >>> fitted = empirical_kernel(image, spots[:4], radius_nm=8.0, pixel_size_nm=1.0)
    >>> fitted.residual_peaks(spots[:4]).yx_px.round().tolist()
    [[35.0, 38.0]]
    >>> fitted.amplitudes([*spots, (30, 5)]).value.round(1).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 0.0]
    """
    if isinstance(values, xr.DataArray):
        pixel_size_nm = size_of(values)
    elif pixel_size_nm is None:
        raise StmError("a bare array needs pixel_size_nm, one number or (y, x) in nm")
    array = real_array(values, "the maps")
    array = array[None] if array.ndim == 2 else array
    if array.ndim != 3:
        raise StmError(f"a kernel is fitted to maps of shape (y, x) or (map, y, x), got {array.shape}")
    at = _positions(positions_px)
    if not len(at):
        raise StmError("a kernel needs one point at least")
    basis = KernelBasis(number(radius_nm, "the kernel's radius", "nm", above=0), pixel_sizes(pixel_size_nm), orders)
    maps = Maps.of(array, basis)
    if not maps.groups:
        raise StmError("no map has enough measured pixels for a kernel of that radius; take a smaller radius")
    return shared_kernel(maps, basis, at)


def shared_kernel(maps: Maps, basis: KernelBasis, positions_px: Floats, ridge: float = RIDGE) -> EmpiricalKernel:
    """Kernel and amplitudes fitted in turn to prepared maps."""
    stamps = basis.stamps(positions_px, maps.shape)
    amplitude = np.ones(len(positions_px))
    coefficients = fitted_coefficients(maps, basis, stamps, amplitude, ridge)
    for _ in range(_ROUNDS - 1):
        found = EmpiricalKernel(basis, coefficients, maps)._solve(stamps)
        usual = float(np.median(found))
        amplitude = found / usual if usual > 0 else amplitude
        coefficients = fitted_coefficients(maps, basis, stamps, amplitude, ridge)
    return EmpiricalKernel(basis, coefficients, maps)


def _positions(positions_px: ArrayLike) -> Floats:
    at = real_array(positions_px, "the positions (px)").astype(np.float64).reshape(-1, 2)
    if not np.isfinite(at).all():
        raise StmError("a position (px) is not a finite number")
    return at


def _compressed(coefficients: Floats) -> tuple[Floats, Floats]:
    """The maps turned into as few as the functions need: root (function, axis), and the axes (map, axis)."""
    axes, singular, functions = np.linalg.svd(coefficients, full_matrices=False)
    used = singular > 1e-6 * max(float(singular.max(initial=0.0)), np.finfo(float).tiny)
    return (functions[used] * singular[used, None]).T, axes[:, used]


def _square_root(coefficients: Floats) -> Floats:
    """A matrix (function, axis) whose product with its transpose is that of the coefficients."""
    return _compressed(coefficients)[0]


def _squares(stamps: sparse.csr_array, root: Floats, n_functions: int) -> Floats:
    """The sum of squares of each point's own pattern, shape (point,)."""
    out = np.zeros(stamps.shape[0])
    product = root @ root.T
    for n in range(stamps.shape[0]):
        part = slice(stamps.indptr[n], stamps.indptr[n + 1])
        pixel, function = np.divmod(stamps.indices[part], n_functions)
        _, pixel = np.unique(pixel, return_inverse=True)
        if not len(pixel):
            continue
        own = sparse.csr_array((stamps.data[part], (pixel, function)), shape=(pixel.max() + 1, n_functions))
        gram = (own.T @ own).toarray()
        out[n] = float((gram * product).sum())
    return out


def _correlated(frame: Floats, template: Floats) -> Floats:
    return fftconvolve(frame, template[::-1, ::-1], mode="same")


def _robust_spread(values: NDArray[np.floating]) -> float:
    """The spread of the lower half about the median: peaks of missing impurities are above it."""
    middle = float(np.median(values))
    below = values[values <= middle]
    return float(np.sqrt(np.mean((below - middle) ** 2)))


def _vertex(z: Floats, row: int, column: int) -> Floats:
    """By how much the top of a peak lies off its pixel along y and x, from parabolas through its neighbours."""
    off = np.zeros(2)
    for axis, at in enumerate((row, column)):
        if 0 < at < z.shape[axis] - 1:
            line = z[at - 1 : at + 2, column] if axis == 0 else z[row, at - 1 : at + 2]
            curvature = line[0] - 2 * line[1] + line[2]
            if curvature < 0:
                off[axis] = np.clip(0.5 * (line[0] - line[2]) / curvature, -0.5, 0.5)
    return off
