"""The grid of the spectra of an RHK file, from their recorded positions in any order of scanning.

A header may state the number of columns and rows; where it does not, the first row ends where the scan turns. Row 0
is the upper edge of the frame and column 0 its left edge, also of a grid that was scanned in a meander, from below or
column by column.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .nanonis_places import Axes, find_places
from .recording import nm
from .rhk_pages import Page

#: Spectra are at one position when they lie closer than this share of the median distance to the next one.
_SAME_POSITION_SHARE = 0.1
#: The scan turns where a step differs from the first by more than this share of it.
_TURN_SHARE = 0.5
#: The largest distance of a position from a regular grid, in steps; at 0.5 the next position is as near.
_OFF_PX = 0.3


@dataclass(frozen=True)
class Grid:
    """A grid of spectra.

    Attributes
    ----------
    n_repeated
        Spectra at each position, one after the other in the file.
    position_index
        Shape (y, x): the number of the position in the file of each pixel.
    pixel_size_nm
        (y, x); None where all positions are the same.
    center_nm
        (x, y).
    angle_deg
        Clockwise.
    """

    n_repeated: int
    position_index: np.ndarray
    pixel_size_nm: tuple[float, float] | None
    center_nm: tuple[float, float]
    angle_deg: float


def find_grid(page: Page) -> Grid | None:
    """The grid on which the spectra of a page lie; None when they make no rectangle.

    Parameters
    ----------
    page
        With spectra at two positions or more.
    """
    far = np.hypot(*np.diff(page.places_m, axis=0).T)
    moved = np.flatnonzero(far > _SAME_POSITION_SHARE * np.median(far[far > 0])) + 1
    n_repeated = int(moved[0])
    if len(page.places_m) % n_repeated:
        return None
    places = page.places_m[::n_repeated]
    rotation_deg = -float(page.angle_deg)
    columns, rows = page.grid
    is_stated = columns * rows == len(places)
    grids = []
    for n_y, n_x in [(rows, columns)] if is_stated else _shapes(places):
        found = find_places(places[:, 0], places[:, 1], Axes(n_y, n_x, None, None, rotation_deg))
        if found is not None and (found.index >= 0).all():
            # counted from the lower edge
            order = np.argsort(found.index).reshape(n_y, n_x)[::-1]
            # without a grid in the header, drifting positions cannot be distinguished from positions chosen by hand
            if is_stated or _off_px(order, places) < _OFF_PX:
                grids.append(_measured(n_repeated, order, places))
    # rows of a frame are columns of the frame rotated by 90 degrees; the smaller rotation is taken
    return min(grids, key=lambda grid: abs(grid.angle_deg - rotation_deg), default=None)


def _shapes(places: np.ndarray) -> Iterator[tuple[int, int]]:
    """Candidates of rows and columns: a line, or rows that end where the scan turns."""
    steps = np.diff(places, axis=0)
    turns: np.ndarray = np.flatnonzero(np.hypot(*(steps - steps[0]).T) > _TURN_SHARE * np.hypot(*steps[0]))
    along = int(turns[0]) + 1 if len(turns) else len(places)
    if len(places) % along == 0:
        yield len(places) // along, along
        # the same scan column by column
        yield along, len(places) // along


def _fitted(order: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The steps to the right and down and the centre, fitted to all positions; and the distances from the fit."""
    n_y, n_x = order.shape
    row, column = np.mgrid[:n_y, :n_x].reshape(2, -1)
    # the positions are float32 and lie far from the origin, so single steps are coarse
    table = np.column_stack([column - (n_x - 1) / 2, row - (n_y - 1) / 2, np.ones(row.size)])
    fit, *_ = np.linalg.lstsq(table, places[order.ravel()], rcond=None)
    return fit, np.hypot(*(places[order.ravel()] - table @ fit).T)


def _off_px(order: np.ndarray, places: np.ndarray) -> float:
    """The largest distance of a position from a regular grid, in steps of it."""
    (right, down, _), off = _fitted(order, places)
    steps = [float(np.hypot(*step)) for step, n in ((right, order.shape[1]), (down, order.shape[0])) if n > 1]
    return float(off.max()) / min(steps)


def _measured(n_repeated: int, order: np.ndarray, places: np.ndarray) -> Grid:
    """The grid with its steps and its angle."""
    (right, down, center), _ = _fitted(order, places)
    size_y, size_x = (float(f"{np.hypot(*step) * 1e9:.5g}") for step in (down, right))
    size_y, size_x = size_y or size_x, size_x or size_y
    along = right if order.shape[1] > 1 else np.array([-down[1], down[0]])
    angle = round(-math.degrees(math.atan2(along[1], along[0])), 3)
    return Grid(
        n_repeated, order, (size_y, size_x) if min(size_y, size_x) > 0 else None, (nm(center[0]), nm(center[1])), angle
    )
