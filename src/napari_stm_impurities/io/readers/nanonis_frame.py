"""Where a Nanonis grid lies and how large its pixels are, from the header and from the recorded positions."""

from __future__ import annotations

import math

import numpy as np

from ...core.errors import ReadError
from .nanonis_header import Header
from .recording import Frame, Given, nm

#: Recorded positions scatter by less than this share of a pixel when they agree with the header.
_AGREES = 0.01


def grid_frame(
    header: Header, n_y: int, n_x: int, params: dict[str, np.ndarray], given: Given
) -> tuple[Frame, list[str]]:
    """The frame of a grid, and what is doubtful about it.

    Parameters
    ----------
    header
        Its ``Grid settings`` are centre x, centre y, width, height (m) and the angle (degrees).
    n_y, n_x
        Pixels.
    params
        ``X`` and ``Y`` of each pixel in m, shape (y, x), where they were recorded.
    given
        A pixel size from the person wins over everything.

    Raises
    ------
    ReadError
        If neither the header nor the recorded positions tell the pixel size.
    """
    settings = _settings(header)
    warnings: list[str] = []
    center = angle = None
    sizes: list[float | None] = [None, None]
    if settings is not None:
        center = (nm(settings[0]), nm(settings[1]))
        angle = settings[4]
        sizes = [nm(abs(settings[3])) / n_y, nm(abs(settings[2])) / n_x]
    for axis, n in enumerate((n_y, n_x)):
        measured = _step_nm(params, axis)
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
                warnings.append(
                    f"the header gives pixels of {by_header:.4g} nm along {'yx'[axis]}, the recorded positions"
                    f" {measured:.4g} nm; the positions are believed"
                )
    size_y, size_x = sizes
    # a line has no width of its own
    size_y, size_x = size_y or size_x, size_x or size_y
    pixel_size = given.pixel_size_nm or (size_y and size_x and (size_y, size_x))
    if not pixel_size:
        raise ReadError(
            header.path, "neither the header nor the recorded positions tell the pixel size; give pixel_size_nm"
        )
    return Frame((n_y, n_x), pixel_size, center, angle), warnings


def _settings(header: Header) -> list[float] | None:
    try:
        numbers = [float(part) for part in header.list("Grid settings")]
    except ValueError:
        return None
    numbers += [0.0] * (5 - len(numbers)) if len(numbers) == 4 else []
    return numbers[:5] if len(numbers) >= 5 and all(math.isfinite(v) for v in numbers[:5]) else None


def _step_nm(params: dict[str, np.ndarray], axis: int) -> float | None:
    """The distance of neighbouring pixels along y (axis 0) or x (axis 1), or None where it was not recorded."""
    if "X" not in params or "Y" not in params or params["X"].shape[axis] < 2:
        return None
    step = np.hypot(*(np.diff(params[name], axis=axis) for name in ("X", "Y"))) * 1e9
    step = step[np.isfinite(step)]
    median = float(np.median(step)) if step.size else 0.0
    # tip and drift shake single steps; positions that do not advance were not recorded
    return median if 1e-6 < median < 1e6 else None
