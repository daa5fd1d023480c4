"""The frame and the pixel positions of a Nanonis grid, from the header and the recorded positions."""

from __future__ import annotations

import math

import numpy as np

from ...core.errors import ReadError
from .nanonis_header import Header
from .nanonis_places import Axes, Places, find_places, was_recorded
from .recording import Assumption, Frame, UserMetadata, nm

#: Recorded positions scatter by less than this share of a pixel when they agree with the header.
_AGREES = 0.01
#: Angles agree to a tenth of a degree.
_ANGLE_AGREES_DEG = 0.1


def grid_frame(
    header: Header,
    n_y: int,
    n_x: int,
    params: dict[str, np.ndarray],
    places: Places | None,
    user: UserMetadata,
) -> tuple[Frame, list[Assumption]]:
    """The frame of a grid, and what was assumed about it.

    Parameters
    ----------
    header
        Its ``Grid settings`` are centre x, centre y, width, height (m) and the angle (degrees).
    n_y, n_x
        Pixels.
    params
        ``X`` and ``Y`` of each pixel in m, in the order of the file, where they were recorded.
    places
        What :func:`pixel_places` found.
    user
        A pixel size from the user takes precedence.

    Raises
    ------
    ReadError
        If neither the header nor the recorded positions state the pixel size.
    """
    settings = _settings(header)
    assumptions: list[Assumption] = []
    if places is None:
        text = "row by row from the lower edge of the frame: the positions of the pixels were not recorded"
        assumptions.append(Assumption("position", text))
    positions_m = _positions_m(params, places, n_y, n_x)
    center = angle = None
    sizes: list[float | None] = [None, None]
    if settings is not None:
        center = (nm(settings[0]), nm(settings[1]))
        angle = settings[4]
        sizes = [nm(abs(settings[3])) / n_y, nm(abs(settings[2])) / n_x]
    if places is not None and abs(_wrapped_deg(places.angle_deg - (angle or 0.0))) > _ANGLE_AGREES_DEG:
        text = f"the recorded positions lie along {places.angle_deg:.4g} degrees; the positions are used"
        if angle is not None:
            assumptions.append(Assumption("position", f"the header gives an angle of {angle:.4g} degrees, {text}"))
        angle = places.angle_deg
    for axis, n in enumerate((n_y, n_x)):
        measured = _step_nm(positions_m, axis)
        by_header = sizes[axis]
        if measured is None:
            continue
        if not by_header:
            sizes[axis] = measured
        elif abs(measured - by_header) > _AGREES * by_header:
            # the points may also lie on the frame's edges, with one gap fewer than points
            on_edges = by_header * n / (n - 1)
            if abs(measured - on_edges) <= _AGREES * on_edges:
                sizes[axis] = on_edges
            else:
                sizes[axis] = measured
                text = (
                    f"the header gives pixels of {by_header:.4g} nm along {'yx'[axis]}, the recorded positions"
                    f" {measured:.4g} nm; the positions are used"
                )
                assumptions.append(Assumption("pixel size", text, "give pixel_size_nm"))
    size_y, size_x = sizes
    # a line has no width of its own
    size_y, size_x = size_y or size_x, size_x or size_y
    pixel_size = user.pixel_size_nm or (size_y and size_x and (size_y, size_x))
    if not pixel_size:
        raise ReadError(
            header.path, "neither the header nor the recorded positions state the pixel size; give pixel_size_nm"
        )
    if user.pixel_size_nm:
        assumptions = [assumption for assumption in assumptions if assumption.about != "pixel size"]
    return Frame((n_y, n_x), pixel_size, center, angle), assumptions


def _wrapped_deg(angle_deg: float) -> float:
    """An angle from -180 to 180 degrees."""
    return (angle_deg + 180) % 360 - 180


def pixel_places(header: Header, n_y: int, n_x: int, params: dict[str, np.ndarray]) -> Places | None:
    """The order of the pixels by their recorded positions; None where no positions were recorded.

    Raises
    ------
    ReadError
        If the positions do not make a grid of `n_y` x `n_x` pixels.
    """
    if "X" not in params or "Y" not in params or not was_recorded(params["X"], params["Y"]):
        return None
    center = size = None
    angle = 0.0
    settings = _settings(header)
    if settings is not None:
        center, size, angle = (settings[0], settings[1]), (abs(settings[3]), abs(settings[2])), settings[4]
    places = find_places(params["X"], params["Y"], Axes(n_y, n_x, center, size, angle))
    if places is None:
        raise ReadError(
            header.path,
            f"the recorded positions (X and Y) do not make a grid of {n_x} x {n_y} pixels, so it is not known where a"
            " pixel lies; check Grid dim and Experiment parameters in the header",
        )
    return places


def _positions_m(
    params: dict[str, np.ndarray], places: Places | None, n_y: int, n_x: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """X and Y at the place of each pixel, shape (y, x), or None where they were not recorded."""
    if places is None:
        return None
    placed = places.index >= 0
    tables = np.full((2, n_y * n_x), np.nan)
    for table, name in zip(tables, ("X", "Y"), strict=True):
        table[places.index[placed]] = params[name][placed]
    x, y = tables.reshape(2, n_y, n_x)
    return x, y


def _settings(header: Header) -> list[float] | None:
    """Centre x, centre y, width, height (m) and the clockwise angle (degrees); None where the header has none."""
    try:
        numbers = [float(part) for part in header.list("Grid settings")]
    except ValueError:
        return None
    numbers += [0.0] * (5 - len(numbers)) if len(numbers) == 4 else []
    return numbers[:5] if len(numbers) >= 5 and all(math.isfinite(v) for v in numbers[:5]) else None


def _step_nm(positions_m: tuple[np.ndarray, np.ndarray] | None, axis: int) -> float | None:
    """The distance of neighbouring pixels along y (axis 0) or x (axis 1), or None where it was not recorded."""
    if positions_m is None or positions_m[0].shape[axis] < 2:
        return None
    step = np.hypot(*(np.diff(coordinate, axis=axis) for coordinate in positions_m)) * 1e9
    step = step[np.isfinite(step)]
    median = float(np.median(step)) if step.size else 0.0
    # tip and drift shake single steps; positions that do not advance were not recorded
    return median if 1e-6 < median < 1e6 else None
