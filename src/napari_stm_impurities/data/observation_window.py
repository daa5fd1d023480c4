"""The observation window of a point pattern: the set of measured pixels, of any shape.

An aborted grid measured only its first lines, and a map may have holes. Densities and edge corrections
use the measured pixels, not the frame.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import xarray as xr
from scipy.ndimage import map_coordinates
from scipy.signal import fftconvolve

from ..core.arguments import rectangle
from ..core.errors import StmError
from .geometry import Rectangle, disc_area_in
from .images import pixel_size_nm
from .schemas import schema_of

#: A point on the outer edge of the frame belongs to it, whatever the last digit of its position.
_SLACK_PX = 1e-6


@dataclass(frozen=True, eq=False)
class ObservationWindow:
    """The observation window: a set of measured pixels in the plane.

    Attributes
    ----------
    mask
        Shape (y, x), bool: which pixels were measured.
    pixel_size_nm
        (y, x).
    corner_nm
        (y, x) of the outer corner of the first pixel.

    Examples
    --------
    >>> area = ObservationWindow.of((0.0, 10.0, 0.0, 20.0))
    >>> area.area_nm2, area.contains(np.array([[5.0, 5.0], [5.0, 25.0]])).tolist()
    (200.0, [True, False])
    """

    mask: np.ndarray
    pixel_size_nm: tuple[float, float]
    corner_nm: tuple[float, float]

    @classmethod
    def of(cls, frame: xr.DataArray | Sequence[float]) -> Self:
        """The area of a stack or a map, or a rectangle.

        Parameters
        ----------
        frame
            A stack (bias, y, x), a movie (time, y, x) or an image (y, x): the pixels that have a value in one map at
            least; or (y from, y to, x from, x to) in nm.

        Raises
        ------
        StmError
            If nothing was measured, or the rectangle has no area.
        """
        if isinstance(frame, xr.DataArray):
            schema_of(frame).validate(frame)
            measured = abs(frame) < np.inf  # neither NaN nor infinite
            mask = np.asarray(measured.any([dim for dim in frame.dims if dim not in ("y", "x")]).values)
            size = pixel_size_nm(frame)
            corner = [float(frame[axis].values[0]) - step / 2 for axis, step in zip(("y", "x"), size, strict=True)]
            if not mask.any():
                raise StmError(f"{frame.attrs.get('source', 'the stack')}: every pixel is missing (NaN)")
            if mask.all():  # a complete frame is a rectangle, stored as one large pixel
                mask, size = np.ones((1, 1), dtype=bool), (mask.shape[0] * size[0], mask.shape[1] * size[1])
            return cls(mask, size, (corner[0], corner[1]))
        y_from, y_to, x_from, x_to = rectangle(frame, "the frame")
        return cls(np.ones((1, 1), dtype=bool), (y_to - y_from, x_to - x_from), (y_from, x_from))

    @property
    def area_nm2(self) -> float:
        """The area of all measured pixels, in nm^2."""
        return float(self.mask.sum() * self.pixel_size_nm[0] * self.pixel_size_nm[1])

    @property
    def box_nm(self) -> Rectangle:
        """The rectangle of all pixels, measured or not."""
        (y, x), (height, width) = self.corner_nm, np.multiply(self.mask.shape, self.pixel_size_nm)
        return y, y + float(height), x, x + float(width)

    @property
    def shorter_side_nm(self) -> float:
        """The shorter side of the box around all measured pixels, in nm."""
        spans = [np.ptp(np.flatnonzero(self.mask.any(axis=axis))) + 1 for axis in (1, 0)]
        return float(min(np.multiply(spans, self.pixel_size_nm)))

    def contains(self, yx_nm: np.ndarray) -> np.ndarray:
        """Whether each position lies on a measured pixel; shape (n, 2) to (n,)."""
        at = (np.asarray(yx_nm, dtype=np.float64).reshape(-1, 2) - self.corner_nm) / self.pixel_size_nm
        inside = ((at > -_SLACK_PX) & (at < np.array(self.mask.shape) + _SLACK_PX)).all(axis=1)
        row, column = np.clip(np.floor(at), 0, np.array(self.mask.shape) - 1).astype(np.intp).T
        return inside & self.mask[row, column]

    def random_positions(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Positions placed at random, each as likely anywhere in the area; shape (n, 2), in nm."""
        pixels = np.argwhere(self.mask)
        return (pixels[rng.integers(len(pixels), size=n)] + rng.random((n, 2))) * self.pixel_size_nm + self.corner_nm

    def disc_share(self, centres_nm: np.ndarray, radius_nm: float) -> np.ndarray:
        """The area of the disc around each position that was measured, over the whole measured area.

        It is the probability that a point placed at random in the area falls into the disc.

        Parameters
        ----------
        centres_nm
            Shape (n, 2), y and x.
        radius_nm
            Of the discs.

        Returns
        -------
        numpy.ndarray
            Shape (n,), 0 to 1.

        Examples
        --------
        >>> import numpy as np
        >>> half = np.full((1, 8, 8), np.nan)
        >>> half[:, :4] = 1.0
        >>> from napari_stm_impurities import make_stack
        >>> window = ObservationWindow.of(make_stack(half, 0.0, 1.0))
        >>> bool(np.isclose(window.disc_share(np.array([[3.5, 3.5]]), 1.0)[0], np.pi / 2 / 32))
        True
        """
        y, x = np.asarray(centres_nm, dtype=np.float64).reshape(-1, 2).T
        height, width = self.pixel_size_nm
        area = np.zeros(len(y))
        reach = [math.ceil(radius_nm / size) for size in self.pixel_size_nm]
        if math.prod(2 * reach_px + 1 for reach_px in reach) > self.mask.size:
            # a disc of more pixels than the frame: its parts in the runs of measured pixels are fewer
            for box in self._runs_nm():
                area += disc_area_in(y, x, radius_nm, box)
            return np.clip(area / self.area_nm2, 0.0, 1.0)
        # a disc whose centre lies farther out than its radius has no part in the frame, wherever that is
        row, column = (
            np.clip(np.floor((coordinate - corner) / size), -reach_px - 1, n + reach_px).astype(np.intp)
            for coordinate, corner, size, reach_px, n in zip(
                (y, x), self.corner_nm, self.pixel_size_nm, reach, self.mask.shape, strict=True
            )
        )
        for i in range(-reach[0], reach[0] + 1):
            for j in range(-reach[1], reach[1] + 1):
                inside = (row + i >= 0) & (row + i < self.mask.shape[0])
                inside &= (column + j >= 0) & (column + j < self.mask.shape[1])
                inside[inside] = self.mask[row[inside] + i, column[inside] + j]
                top = self.corner_nm[0] + (row[inside] + i) * height
                left = self.corner_nm[1] + (column[inside] + j) * width
                area[inside] += disc_area_in(y[inside], x[inside], radius_nm, (top, top + height, left, left + width))
        return np.clip(area / self.area_nm2, 0.0, 1.0)

    def _runs_nm(self) -> list[Rectangle]:
        """The measured pixels as rectangles: each row's runs of neighbours, from edge to edge in nm."""
        edges = np.diff(np.pad(self.mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
        rows, first = np.nonzero(edges == 1)
        _, last = np.nonzero(edges == -1)
        (y, x), (height, width) = self.corner_nm, self.pixel_size_nm
        return [
            (y + row * height, y + (row + 1) * height, x + begin * width, x + end * width)
            for row, begin, end in zip(rows.tolist(), first.tolist(), last.tolist(), strict=True)
        ]

    def overlap_nm2(self, shift_nm: np.ndarray) -> np.ndarray:
        """The area's overlap with itself, moved by each shift: its set covariance, for the translation edge correction.

        Between shifts of whole pixels the overlap of squares is bilinear, so this is exact for any set of pixels; for a
        rectangle a x b it is ``(a - |dy|) (b - |dx|)``.

        Parameters
        ----------
        shift_nm
            Shape (n, 2), y and x.

        Returns
        -------
        numpy.ndarray
            Shape (n,), in nm^2.

        Examples
        --------
        >>> ObservationWindow.of((0.0, 10.0, 0.0, 20.0)).overlap_nm2(np.array([[0.0, 10.0]])).tolist()
        [100.0]
        """
        at = np.asarray(shift_nm, dtype=np.float64) / self.pixel_size_nm + self.mask.shape
        return np.asarray(map_coordinates(self._overlaps_nm2, at.T, order=1, mode="constant"))

    @cached_property
    def _overlaps_nm2(self) -> np.ndarray:
        """The overlap for shifts of whole pixels, from minus to plus the whole size, where nothing overlaps."""
        mask = self.mask.astype(np.float64)
        pixels = np.rint(fftconvolve(mask, mask[::-1, ::-1]))
        return np.pad(pixels, 1) * self.pixel_size_nm[0] * self.pixel_size_nm[1]
