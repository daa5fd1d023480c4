"""The order of the pixels of a Nanonis grid, from the positions that were recorded with them.

The format stores a grid row by row from the lower edge of the frame, and the header has no entry for another order. A
grid that was scanned in a meander, from the top, or column by column is recognised by its recorded positions alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

#: The largest distance of a recorded position from the grid in pixels; at 0.5 the next pixel is as near.
_OFF_PX = 0.3
#: Jumps below this share of the distance of consecutive pixels are noise: the pixels lie in one row.
_FLAT_PX = 0.1
#: Where drift distorts the grid, the least share of neighbours that have to follow in the order of the file.
_IN_ORDER = 0.95
#: A sorted coordinate jumps from one column to the next by more than this share of its largest jump.
_JUMP = 0.5


@dataclass(frozen=True)
class Axes:
    """The frame of a grid, as far as the header states it.

    Attributes
    ----------
    n_y, n_x
        Pixels.
    center_m
        (x, y); None where the header does not state it.
    size_m
        Height and width; None where the header does not state it.
    angle_deg
        Clockwise.
    """

    n_y: int
    n_x: int
    center_m: tuple[float, float] | None
    size_m: tuple[float, float] | None
    angle_deg: float


@dataclass(frozen=True)
class Places:
    """The position of each pixel of the file in the frame.

    Attributes
    ----------
    index
        For each pixel of the file its number in the frame, row by row from the lower edge; -1 where it has no position.
    angle_deg
        Of the axes along which the positions lie, clockwise.
    """

    index: np.ndarray
    angle_deg: float

    @property
    def in_order(self) -> bool:
        """Whether the file has its pixels row by row from the lower edge already."""
        placed = self.index >= 0
        return bool((self.index[placed] == np.flatnonzero(placed)).all())


def was_recorded(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether the positions differ; some programs write the same one for each pixel."""
    finite = np.isfinite(x) & np.isfinite(y)
    return bool(finite.any() and max(np.ptp(x[finite]), np.ptp(y[finite])) > 0)


def find_places(x: np.ndarray, y: np.ndarray, axes: Axes) -> Places | None:
    """The order of the pixels by their recorded positions, or None when these do not make a grid.

    Parameters
    ----------
    x, y
        In m, in the order of the file; NaN for pixels that were not measured.
    axes
        The frame by the header.

    Examples
    --------
    >>> x, y = np.array([0.0, 1, 1, 0]) * 1e-9, np.array([0.0, 0, 1, 1]) * 1e-9
    >>> find_places(x, y, Axes(2, 2, None, None, 0.0)).index.tolist()
    [0, 1, 3, 2]
    """
    measured = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    points = np.column_stack([x[measured], y[measured]])
    # other programs count the angle counter-clockwise; the order of the file decides the sense
    for angles in ((axes.angle_deg, -axes.angle_deg), tuple(_angles(points))):
        first = None
        for angle in dict.fromkeys(angles):
            found = _on_grid(points, axes, angle, from_start=bool(measured[0] == 0))
            if found is None:
                continue
            index = np.full(len(x), -1)
            index[measured] = found
            places = Places(index, angle)
            if places.in_order:
                return places
            first = first or places
        if first is not None:
            return first
    if any(_follows_order(x, y, axes, angle) for angle in (axes.angle_deg, -axes.angle_deg)):
        return Places(np.arange(len(x)), axes.angle_deg)
    return None


def along(points: np.ndarray, angle_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates along the rows (to the right) and along the columns (upwards) of a frame turned clockwise."""
    cos, sin = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    return points @ np.array([cos, -sin]), points @ np.array([sin, cos])


def _on_grid(points: np.ndarray, axes: Axes, angle_deg: float, from_start: bool) -> np.ndarray | None:
    """The number of the pixel on which each point lies, or None when one lies on none or two lie on the same."""
    center = np.array(axes.center_m or points.mean(axis=0))
    distance = _median_distance(points)
    height, width = axes.size_m or (0.0, 0.0)
    numbers = []
    for c, n, size in zip(along(points - center, angle_deg), (axes.n_x, axes.n_y), (width, height), strict=True):
        found = next((k for step in _steps(c, n, size, distance) if (k := _numbered(c, n, step)) is not None), None)
        if found is None:
            return None
        anchored = axes.center_m is not None and size > 0
        numbers.append(_shifted(c, n, found, size / n if anchored else None, from_start))
    column, row = numbers
    index: np.ndarray = row.astype(np.int64) * axes.n_x + column
    return index if len(np.unique(index)) == len(index) else None


def _median_distance(points: np.ndarray) -> float:
    """The median distance of consecutive points, 0 where they do not move."""
    distances = np.hypot(*np.diff(points, axis=0).T)
    return float(np.median(distances[distances > 0])) if distances.any() else 0.0


def _steps(c: np.ndarray, n: int, size: float, distance: float) -> Iterator[float]:
    """The distances of neighbouring rows to try: the recorded one, the header's, and that of points on the edges."""
    in_order = np.sort(c)
    jumps = np.diff(in_order)
    largest = float(jumps.max(initial=0.0))
    if largest > _FLAT_PX * distance:
        groups = np.split(in_order, np.flatnonzero(jumps > _JUMP * largest) + 1)
        yield float(groups[-1].mean() - groups[0].mean()) / (len(groups) - 1)
    if size > 0:
        yield size / n
        yield size / max(n - 1, 1)
    if distance > 0:
        yield distance


def _numbered(c: np.ndarray, n: int, step: float) -> np.ndarray | None:
    """The number of each point's row, from 0 for the lowest, or None when the points do not lie on `n` rows."""
    row_position = (c - c.min()) / step
    # the lowest point may itself lie off its row
    row_position -= np.median(row_position - np.round(row_position))
    nearest_row = np.round(row_position)
    number: np.ndarray = (nearest_row - nearest_row.min()).astype(np.int32)
    return number if np.abs(row_position - nearest_row).max() <= _OFF_PX and number.max() < n else None


def _shifted(c: np.ndarray, n: int, number: np.ndarray, step: float | None, from_start: bool) -> np.ndarray:
    """The numbers in the whole frame, of which an aborted grid has reached a part only."""
    missing = n - 1 - int(number.max())
    if missing == 0:
        return number
    if from_start and number.max() > 0 and number[0] in (0, number.max()):
        # a scan begins in a corner of the frame, and so the part that is missing lies at the other end
        return number if number[0] == 0 else number + missing
    if step is None:
        return number
    lowest = float(c[number == 0].mean()) / step + (n - 1) / 2
    # points lie anywhere within their pixels, so a single row belongs to the nearer edge of the frame
    if number.max() == 0 and from_start:
        return number + (missing if lowest > missing / 2 else 0)
    return number + int(np.clip(round(lowest), 0, missing))


def _angles(points: np.ndarray) -> Iterator[float]:
    """The angles of a grid whose header has another one, from the steps between consecutive points."""
    steps = np.diff(points, axis=0)
    lengths = np.hypot(*steps.T)
    short = (lengths > 0) & (lengths <= 1.5 * np.median(lengths[lengths > 0])) if lengths.any() else lengths > 0
    if not short.any():
        return
    # rows scanned in opposite directions have opposite steps, which are the same angle when it is doubled
    doubled = np.exp(2j * np.arctan2(steps[short, 1], steps[short, 0])).mean()
    angle = -math.degrees(float(np.angle(doubled))) / 2
    nearest = (angle + 45) % 90 - 45
    yield from (nearest, nearest + 90 if nearest <= 0 else nearest - 90)


def _follows_order(x: np.ndarray, y: np.ndarray, axes: Axes, angle_deg: float) -> bool:
    """Whether nearly all neighbours lie to the right and above in the order of the file, in spite of drift."""
    u, v = along(np.column_stack([x, y]), angle_deg)
    for c, axis in ((u, 1), (v, 0)):
        steps = np.diff(c.reshape(axes.n_y, axes.n_x), axis=axis)
        steps = steps[np.isfinite(steps)]
        if steps.size and (steps > 0).mean() < _IN_ORDER:
            return False
    return True
