"""What a map holds besides kernels: one offset a row and a smooth background, projected out of data and model alike.

Projecting both out is the same as fitting them along, and needs no unknowns.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float64]

#: The background has waves longer than so many kernel radii: at the usual radius of four ripples, six ripples.
LONGEST_OF_KERNEL = 1.5
#: At most so many cosines along each axis, so that the background stays far smaller than the number of pixels.
_MOST_COSINES = 8
#: A cosine that is so far the same as the others on the measured pixels adds nothing.
_DEPENDENT = 1e-6


class Nuisance:
    """The projection onto what row offsets and a smooth background cannot explain.

    Parameters
    ----------
    measured
        The pixels that count, shape (y, x), bool.
    n_cosines
        The cosines of the background along (y, x), the constant among them.
    """

    def __init__(self, measured: NDArray[np.bool_], n_cosines: tuple[int, int]) -> None:
        rows, columns = np.nonzero(measured)
        self.pixels = np.flatnonzero(measured)
        self._row = rows
        self._n_rows = len(measured)
        self._count = np.maximum(np.bincount(rows, minlength=self._n_rows), 1.0)
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        self._starts, self._rows_there = starts, rows[starts]
        n_y, n_x = n_cosines
        along_y = np.cos(np.pi * np.arange(n_y) * (rows[:, None] + 0.5) / measured.shape[0])
        along_x = np.cos(np.pi * np.arange(1, n_x) * (columns[:, None] + 0.5) / measured.shape[1])
        # what depends on y alone are the row offsets
        waves = (along_y[:, :, None] * along_x[:, None, :]).reshape(len(rows), n_y * (n_x - 1))
        self._tensors: tuple[Tensor, Tensor, Tensor] | None = None
        self._waves: Floats = np.zeros((len(rows), 0))
        if waves.size:
            left, singular, _ = np.linalg.svd(self._without_rows(waves), full_matrices=False)
            self._waves = left[:, singular > singular.max() * _DEPENDENT]

    @property
    def n_unknowns(self) -> int:
        """How many numbers were fitted along."""
        return len(self._starts) + self._waves.shape[1]

    def remove(self, values: Floats) -> Floats:
        """Values at the measured pixels without row offsets and background, shape (pixel, ...)."""
        flat = self._without_rows(values.reshape(len(values), int(np.prod(values.shape[1:]))))
        flat -= self._waves @ (self._waves.T @ flat)
        return flat.reshape(values.shape)

    def remove_tensor(self, columns: Tensor) -> Tensor:
        """As :meth:`remove`, for columns (pixel, n) in single precision."""
        if self._tensors is None:
            self._tensors = (
                torch.as_tensor(self._row),
                torch.as_tensor(1 / self._count, dtype=columns.dtype)[:, None],
                torch.as_tensor(self._waves, dtype=columns.dtype),
            )
        row, share, waves = self._tensors
        mean = torch.zeros(self._n_rows, columns.shape[1]).index_add_(0, row, columns) * share
        flat = columns - mean[row]
        return flat - waves @ (waves.T @ flat)

    def _without_rows(self, flat: Floats) -> Floats:
        if not len(self._starts):
            return flat.copy()
        mean = np.zeros((self._n_rows, flat.shape[1]))
        mean[self._rows_there] = np.add.reduceat(flat, self._starts, axis=0)
        mean /= self._count[:, None]
        return flat - mean[self._row]


def cosines_for(shape: tuple[int, int], pixel_size_nm: tuple[float, float], radius_nm: float) -> tuple[int, int]:
    """How many cosines (y, x) a background needs whose waves are longer than 1.5 kernel radii.

    Examples
    --------
    >>> cosines_for((80, 80), (0.5, 0.5), 8.0)
    (7, 7)
    """
    n_y, n_x = (
        min(_MOST_COSINES, 1 + int(2 * n * size / (LONGEST_OF_KERNEL * radius_nm)))
        for n, size in zip(shape, pixel_size_nm, strict=True)
    )
    return n_y, n_x
