"""Which angular orders a kernel has, chosen by pixels that were held out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .basis import Floats, KernelBasis, orders_up_to
from .linear import RIDGE, Maps, design, penalty

#: The symmetries and the largest orders that are tried.
_SYMMETRIES, _LARGEST = (6, 4, 3, 2, 1), (4, 8, 12)
#: The ridges that are tried: more noise wants more of it.
_RIDGES = (RIDGE, 10 * RIDGE, 100 * RIDGE)
#: Blocks of pixels are held out in so many parts; a block is half a kernel's radius wide: it holds whole ripples.
_FOLDS, _BLOCK_SHARE = 4, 0.5
#: More harmonics are taken where they lower the held-out error by so many standard errors.
_LEAST_SIGMA = 2.0
#: The design may take so many bytes.
_MOST_BYTES = 4e8


class Choice(NamedTuple):
    """The orders and the ridge of a kernel, and by how many standard errors they beat a radial one."""

    orders: tuple[int, ...]
    ridge: float
    sigma_over_radial: float


def choose_orders(
    values: NDArray[np.floating],
    positions_px: Floats,
    radius_nm: float,
    pixel_nm: tuple[float, float],
    largest: int | None = None,
    symmetry: int | None = None,
) -> Choice:
    """The angular orders with which held-out pixels fit best.

    Parameters
    ----------
    values
        Shape (map, y, x).
    positions_px
        Shape (point, 2).
    radius_nm, pixel_nm
        Of the kernel, and of the pixels.
    largest, symmetry
        The largest order and the symmetry where they are known.
    """
    radial = KernelBasis(radius_nm, pixel_nm)
    shape = (values.shape[1], values.shape[2])
    room = max(1, int(_MOST_BYTES / (8 * shape[0] * shape[1] * radial.n_knots)))
    candidates = _candidates(largest, symmetry, (room - 1) // 2)
    every = KernelBasis(radius_nm, pixel_nm, tuple(sorted({m for orders in candidates for m in orders})))
    maps = Maps.of(values, every)
    if not maps.groups:
        return Choice(candidates[0], RIDGE, 0.0)
    group = max(maps.groups, key=lambda one: len(one.index))
    stamps = every.stamps(positions_px, shape)
    columns = group.nuisance.remove(design(every, stamps, np.ones(len(positions_px)))[group.nuisance.pixels])
    block, n_blocks = _blocks(shape, pixel_nm, _BLOCK_SHARE * radius_nm, group.nuisance.pixels)
    fold = np.random.default_rng(0).permutation(n_blocks) % _FOLDS
    parts = [np.flatnonzero(fold[block] == i) for i in range(_FOLDS)]
    normals = [columns[part].T @ columns[part] for part in parts]
    rights = [columns[part].T @ group.values[part] for part in parts]
    errors: dict[tuple[tuple[int, ...], float], Floats] = {}
    for orders in candidates:
        basis = KernelBasis(radius_nm, pixel_nm, orders)
        used = np.flatnonzero(np.isin(every.order_of, orders))
        for ridge in _RIDGES:
            of_block = np.zeros(n_blocks)
            for i, part in enumerate(parts):
                normal = (sum(normals) - normals[i])[np.ix_(used, used)]
                normal = normal + ridge * penalty(basis, normal.diagonal())
                found = np.linalg.solve(normal, (sum(rights) - rights[i])[used])
                off = ((group.values[part] - columns[np.ix_(part, used)] @ found) ** 2).sum(1)
                of_block += np.bincount(block[part], off, minlength=n_blocks)
            errors[orders, ridge] = of_block
    plain = min((key for key in errors if key[0] == (0,)), key=lambda key: errors[key].sum(), default=None)
    best = min(errors, key=lambda key: errors[key].sum())
    if plain is None:
        return Choice(*best, np.inf)
    # of those that are as good as the best within the error of their difference, the one with the fewest functions
    for key in sorted(errors, key=lambda key: (len(key[0]), errors[key].sum())):
        if _sigma(errors[key] - errors[best]) < _LEAST_SIGMA:
            return Choice(*key, _sigma(errors[plain] - errors[key]))
    return Choice(*best, _sigma(errors[plain] - errors[best]))


def _candidates(largest: int | None, symmetry: int | None, most_orders: int) -> list[tuple[int, ...]]:
    made: set[tuple[int, ...]] = {(0,)} if largest is None or largest == 0 else set()
    for n in _SYMMETRIES if symmetry is None else (symmetry,):
        for top in _LARGEST if largest is None else (largest,):
            orders = orders_up_to(top, n)
            if len(orders) - 1 <= max(most_orders, 1):
                made.add(orders)
    return sorted(made, key=len) or [(0,)]


def _sigma(difference: Floats) -> float:
    """The sum of differences of blocks in its standard errors; 0 where nothing differs."""
    error = float(np.sqrt((difference**2).sum()))
    return float(difference.sum()) / error if error > 0 else 0.0


def _blocks(
    shape: tuple[int, int], pixel_nm: tuple[float, float], side_nm: float, pixels: NDArray[np.int_]
) -> tuple[NDArray[np.int_], int]:
    rows, columns = np.divmod(pixels, shape[1])
    width = int(shape[1] * pixel_nm[1] // side_nm) + 1
    number = (rows * pixel_nm[0] // side_nm).astype(int) * width + (columns * pixel_nm[1] // side_nm).astype(int)
    _, back = np.unique(number, return_inverse=True)
    return back, int(back.max()) + 1
