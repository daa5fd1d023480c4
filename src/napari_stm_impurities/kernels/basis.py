"""The functions in which a kernel is expanded: hats of the distance times angular harmonics.

``K(r, phi) = sum_j hat_j(r) [c_j0 + sum_m c_jm cos(m phi) + s_jm sin(m phi)]``, zero from the kernel's radius on. Order
0 alone is a radial kernel. With an n-fold symmetry only multiples of n occur.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

#: Knots along the radius, where the pixels are fine enough: a radius of four ripples then has ten knots a ripple, and a
#: cosine is off by 2 % rms between them.
N_KNOTS = 40

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class KernelBasis:
    """Hats of r times angular harmonics.

    Attributes
    ----------
    radius_nm
        From here on a kernel is zero.
    pixel_size_nm
        (y, x).
    orders
        The angular orders m, ascending from 0.
    """

    radius_nm: float
    pixel_size_nm: tuple[float, float]
    orders: tuple[int, ...] = (0,)

    @cached_property
    def n_knots(self) -> int:
        """The number of hats along r; impurities lie anywhere on their pixels, so that half a pixel is resolved."""
        return max(2, min(N_KNOTS, int(2 * self.radius_nm / max(self.pixel_size_nm))))

    @cached_property
    def knots_nm(self) -> Floats:
        """Where each hat is 1, shape (knot,); the first at r = 0."""
        knots: Floats = np.linspace(0.0, self.radius_nm, self.n_knots, endpoint=False)
        return knots

    @cached_property
    def angular(self) -> tuple[tuple[int, bool], ...]:
        """The harmonics: order m, and whether it is the sine."""
        return tuple((m, sine) for m in self.orders for sine in ((False, True) if m else (False,)))

    @property
    def size(self) -> int:
        """The number of functions."""
        return self.n_knots * len(self.angular)

    @cached_property
    def order_of(self) -> NDArray[np.int_]:
        """The angular order of each function, shape (function,)."""
        return np.tile([m for m, _ in self.angular], self.n_knots)

    def values(self, dy_nm: Floats, dx_nm: Floats) -> tuple[NDArray[np.int64], Floats]:
        """The functions that are not zero at positions relative to an impurity.

        Parameters
        ----------
        dy_nm, dx_nm
            Shape (n,), nearer than the radius.

        Returns
        -------
        tuple
            Number of each function and its value, both of shape (n, 2 x harmonics); a value of 0 where the second hat
            would be that at the radius.
        """
        at = np.hypot(dy_nm, dx_nm) * (self.n_knots / self.radius_nm)
        lower = np.minimum(at.astype(np.int64), self.n_knots - 1)
        part = at - lower
        angle = np.arctan2(dy_nm, dx_nm)
        waves = np.stack([np.sin(m * angle) if sine else np.cos(m * angle) for m, sine in self.angular], axis=1)
        upper = np.minimum(lower + 1, self.n_knots - 1)
        hats = np.stack([1 - part, np.where(lower + 1 < self.n_knots, part, 0.0)], axis=1)
        n_waves = len(self.angular)
        index = np.stack([lower, upper], axis=1)[:, :, None] * n_waves + np.arange(n_waves)
        value = hats[:, :, None] * waves[:, None, :]
        width = 2 * n_waves
        return index.reshape(len(at), width), value.reshape(len(at), width)

    @property
    def reach_px(self) -> tuple[int, int]:
        """Half the side of the box that holds a kernel, in pixels (y, x)."""
        return tuple(int(self.radius_nm / size) for size in self.pixel_size_nm)  # type: ignore[return-value]  # two of them

    def images(self) -> Floats:
        """Each function on pixels around an impurity at the centre of a pixel, shape (function, y, x)."""
        reach_y, reach_x = self.reach_px
        shape = (2 * reach_y + 1, 2 * reach_x + 1)
        rows = self.stamps(np.array([[reach_y, reach_x]], dtype=np.float64), shape)
        return rows.toarray().reshape(*shape, self.size).transpose(2, 0, 1)

    def stamps(self, positions_px: Floats, shape: tuple[int, int]) -> sparse.csr_array:
        """The functions around each impurity on the pixels of a frame.

        Parameters
        ----------
        positions_px
            Shape (impurity, 2), inside the frame or outside.
        shape
            Of the frame, (y, x).

        Returns
        -------
        scipy.sparse.csr_array
            Shape (impurity, pixel x function): row n, reshaped to (pixel, function), is the design of impurity n.
        """
        (size_y, size_x), (reach_y, reach_x) = self.pixel_size_nm, self.reach_px
        columns, values, ends = [], [], [0]
        for y, x in np.asarray(positions_px, dtype=np.float64).reshape(-1, 2):
            rows = np.arange(max(0, int(y) - reach_y - 1), min(shape[0], int(y) + reach_y + 2))
            cols = np.arange(max(0, int(x) - reach_x - 1), min(shape[1], int(x) + reach_x + 2))
            dy, dx = (grid.ravel() for grid in np.meshgrid((rows - y) * size_y, (cols - x) * size_x, indexing="ij"))
            pixel = (rows[:, None] * shape[1] + cols).ravel()
            near = np.hypot(dy, dx) < self.radius_nm
            index, value = self.values(dy[near], dx[near])
            columns.append((pixel[near][:, None] * self.size + index).ravel())
            values.append(value.ravel())
            ends.append(ends[-1] + value.size)
        data = np.concatenate(values) if values else np.zeros(0)
        indices = np.concatenate(columns) if columns else np.zeros(0, dtype=np.int64)
        n_columns = shape[0] * shape[1] * self.size
        return sparse.csr_array((data, indices, np.array(ends)), shape=(len(ends) - 1, n_columns))


def orders_up_to(most: int, symmetry: int = 1) -> tuple[int, ...]:
    """The angular orders from 0 to `most` that an n-fold symmetry allows.

    Examples
    --------
    >>> orders_up_to(8, 4)
    (0, 4, 8)
    """
    return tuple(range(0, most + 1, symmetry))
