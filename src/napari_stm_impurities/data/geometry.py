"""Rectangles in nm, and how much of a disc lies inside one: the chance that a random point falls near a given one."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

#: y from, y to, x from, x to, in nm.
Rectangle = tuple[float, float, float, float]


def disc_share(centres: np.ndarray, radius: float, box: Rectangle) -> np.ndarray:
    """The area of a disc inside a rectangle, over the rectangle's area.

    Parameters
    ----------
    centres
        Shape (n, 2), y and x.
    radius
        In the unit of `centres`.
    box
        y from, y to, x from, x to.

    Returns
    -------
    numpy.ndarray
        Shape (n,), 0 to 1.

    Examples
    --------
    A quarter of the disc around a corner lies inside:

    >>> share = disc_share(np.array([[0.0, 0.0], [5.0, 5.0]]), 1.0, (0.0, 10.0, 0.0, 10.0))
    >>> bool(np.allclose(share, [np.pi / 400, np.pi / 100]))
    True
    """
    y_from, y_to, x_from, x_to = box
    y, x = np.asarray(centres, dtype=np.float64).T
    area = disc_area_in(y, x, radius, box)
    return np.clip(area / ((y_to - y_from) * (x_to - x_from)), 0.0, 1.0)


def disc_area_in(
    y: np.ndarray, x: np.ndarray, radius: float, box: tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike]
) -> np.ndarray:
    """The area of the discs around positions inside one rectangle, or inside one rectangle each.

    Parameters
    ----------
    y, x
        Shape (n,).
    radius
        In the same unit.
    box
        y from, y to, x from, x to; numbers, or arrays of shape (n,).
    """
    y_from, y_to, x_from, x_to = (np.asarray(edge, dtype=np.float64) for edge in box)
    below, above, left, right = y - y_from, y_to - y, x - x_from, x_to - x
    return np.sum([_quadrant(a, b, radius) for a in (below, above) for b in (left, right)], axis=0)


def _quadrant(a: np.ndarray, b: np.ndarray, radius: float) -> np.ndarray:
    """The area of u^2 + v^2 <= r^2 with 0 <= u <= a, 0 <= v <= b; a negative side takes it away again."""
    sign = np.sign(a) * np.sign(b)
    a, b = np.minimum(np.abs(a), radius), np.minimum(np.abs(b), radius)
    # up to `flat` the strip of height b lies under the arc; from there to a the arc is the lower one
    flat = np.minimum(np.sqrt(radius**2 - b**2), a)
    # the difference first: the two are large where the disc is much larger than the rectangle
    return sign * (b * flat + (_under_arc(a, radius) - _under_arc(flat, radius)))


def _under_arc(u: np.ndarray, radius: float) -> np.ndarray:
    return 0.5 * (u * np.sqrt(radius**2 - u**2) + radius**2 * np.arcsin(u / radius))
