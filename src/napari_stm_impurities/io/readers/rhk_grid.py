"""Where the spectra of an RHK file lie: recorded positions decide, however the grid was walked over.

A header may state how many columns and rows there are; often it does not, and then the first row ends where the walk
turns. Row 0 is the upper edge of the frame and column 0 its left edge, also of a grid that was walked in a meander,
from below or column by column.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .nanonis_places import Axes, find_places
from .recording import nm
from .rhk_pages import Page

#: Spectra are at one place when they lie closer than this share of the usual distance to the next place.
_SAME = 0.1
#: The walk turns where a step differs from the first by more than this share of it.
_TURN = 0.5
#: Places of a regular grid lie off it by less than this share of a step: at half a step the next one is as near.
_OFF_PX = 0.3


@dataclass(frozen=True)
class Grid:
    """A grid of spectra.

    Attributes
    ----------
    n_here
        Spectra at each place, one after the other in the file.
    place
        Shape (y, x): which place of the file lies at each pixel.
    pixel_size_nm
        (y, x); None where all places are one.
    center_nm
        (x, y).
    angle_deg
        Clockwise.
    """

    n_here: int
    place: np.ndarray
    pixel_size_nm: tuple[float, float] | None
    center_nm: tuple[float, float]
    angle_deg: float


def find_grid(page: Page) -> Grid | None:
    """The grid on which the spectra of a page lie; None when they make no rectangle.

    Parameters
    ----------
    page
        Of spectra at two places or more.
    """
    far = np.hypot(*np.diff(page.places_m, axis=0).T)
    moved = np.flatnonzero(far > _SAME * np.median(far[far > 0])) + 1
    n_here = int(moved[0])
    if len(page.places_m) % n_here:
        return None
    places = page.places_m[::n_here]
    turned_deg = -float(page.angle_deg)
    columns, rows = page.grid
    is_stated = columns * rows == len(places)
    grids = []
    for n_y, n_x in [(rows, columns)] if is_stated else _shapes(places):
        found = find_places(places[:, 0], places[:, 1], Axes(n_y, n_x, None, None, turned_deg))
        if found is not None and (found.index >= 0).all():
            # counted from the lower edge
            order = np.argsort(found.index).reshape(n_y, n_x)[::-1]
            # without a grid in the header, places that drift are not told from places chosen by hand
            if is_stated or _off_px(order, places) < _OFF_PX:
                grids.append(_measured(n_here, order, places))
    # rows of a frame are columns of the same frame on its side; the one that is turned less is meant
    return min(grids, key=lambda one: abs(one.angle_deg - turned_deg), default=None)


def _shapes(places: np.ndarray) -> Iterator[tuple[int, int]]:
    """Rows and columns to try: a line, or rows that end where the walk turns."""
    steps = np.diff(places, axis=0)
    turns: np.ndarray = np.flatnonzero(np.hypot(*(steps - steps[0]).T) > _TURN * np.hypot(*steps[0]))
    along = int(turns[0]) + 1 if len(turns) else len(places)
    if len(places) % along == 0:
        yield len(places) // along, along
        # the same walk column by column
        yield along, len(places) // along


def _fitted(order: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The steps to the right and down and the centre, by all places together; and how far each place lies off."""
    n_y, n_x = order.shape
    row, column = np.mgrid[:n_y, :n_x].reshape(2, -1)
    # the places are float32 and lie far from the origin, so single steps are coarse
    table = np.column_stack([column - (n_x - 1) / 2, row - (n_y - 1) / 2, np.ones(row.size)])
    fit, *_ = np.linalg.lstsq(table, places[order.ravel()], rcond=None)
    return fit, np.hypot(*(places[order.ravel()] - table @ fit).T)


def _off_px(order: np.ndarray, places: np.ndarray) -> float:
    """How far the worst place lies off a regular grid, in steps of it."""
    (right, down, _), off = _fitted(order, places)
    steps = [float(np.hypot(*step)) for step, n in ((right, order.shape[1]), (down, order.shape[0])) if n > 1]
    return float(off.max()) / min(steps)


def _measured(n_here: int, order: np.ndarray, places: np.ndarray) -> Grid:
    """The grid with its steps and its angle."""
    (right, down, center), _ = _fitted(order, places)
    size_y, size_x = (float(f"{np.hypot(*step) * 1e9:.5g}") for step in (down, right))
    size_y, size_x = size_y or size_x, size_x or size_y
    along = right if order.shape[1] > 1 else np.array([-down[1], down[0]])
    angle = round(-math.degrees(math.atan2(along[1], along[0])), 3)
    return Grid(
        n_here, order, (size_y, size_x) if min(size_y, size_x) > 0 else None, (nm(center[0]), nm(center[1])), angle
    )
