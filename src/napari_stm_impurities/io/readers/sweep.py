"""The bias axis of a spectroscopy grid: from its ends, its segments, or the bias that was recorded.

A linear axis is correct for a simple sweep only. A sweep of several segments has other steps in each,
and a recorded bias is nearer to the truth than any header, unless it is a channel that happens
to be called bias and does not follow the sweep.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ...core.errors import StmError
from ...core.units import unit_mv

#: The largest difference of the ends of a recorded bias from the header's, as a share of the sweep's span.
_RECORDED_TOLERANCE = 0.25


def unit_factor_mv(signal: str) -> float | None:
    """The factor of the sweep signal to mV, or None when the signal is no bias.

    Examples
    --------
    >>> unit_factor_mv("Bias (V)"), unit_factor_mv("Bias calc (meV)"), unit_factor_mv("Z rel (m)")
    (1000.0, 1.0, None)
    """
    match = re.match(r"\s*bias(?![a-z])[^(]*(?:\((.*)\))?", signal, re.IGNORECASE)
    return unit_mv(match.group(1) or "V") if match else None


def decimal_of_float32(value: np.float32 | float) -> float:
    """The shortest decimal number of a float32, so that -0.22 V does not become -219.99999 mV.

    Examples
    --------
    >>> decimal_of_float32(np.float32(-0.22))
    -0.22
    """
    return float(str(np.float32(value)))


def linear_mv(start_v: float, end_v: float, n_points: int, factor: float = 1000.0) -> np.ndarray:
    """A sweep in equal steps, both ends included, in mV."""
    return np.round(np.linspace(start_v * factor, end_v * factor, n_points), 9)


def segments_mv(text: str, n_points: int) -> np.ndarray:
    """The axis of a sweep of several segments.

    Parameters
    ----------
    text
        ``start,end,settling,integration,steps,...`` for each segment, in V, with ``;`` between them.
    n_points
        How many points the sweep has. Where one segment ends at the bias that the next one starts
        with, that point occurs once or twice in the file; the number decides.

    Raises
    ------
    StmError
        If the text cannot be read, or its points are not as many as the sweep has.

    Examples
    --------
    >>> segments_mv("-0.1,0,0,0,3;0,0.01,0,0,2", 4).tolist()
    [-100.0, -50.0, 0.0, 10.0]
    """
    parts: list[np.ndarray] = []
    try:
        for segment in text.strip().strip('"').strip(";").split(";"):
            fields = segment.split(",")
            start, end, steps = float(fields[0]), float(fields[1]), int(float(fields[4]))
            if not (np.isfinite([start, end]).all() and 1 <= steps <= n_points):
                raise ValueError
            parts.append(linear_mv(start, end, steps))
    except (ValueError, IndexError, OverflowError):
        raise StmError(f"the segments of the sweep cannot be read: {text[:80]!r}") from None
    twice = np.concatenate(parts)
    once = np.concatenate(
        [parts[0]] + [part[1:] if part[0] == before[-1] else part for before, part in pairwise(parts)]
    )
    for axis in (once, twice):
        if len(axis) == n_points:
            return axis
    raise StmError(f"the segments of the sweep give {len(once)} points, but each spectrum has {n_points}")


def follows(recorded_mv: np.ndarray, nominal_mv: np.ndarray | None) -> bool:
    """Whether a recorded bias is the sweep: it is monotonic, between the nominal ends where they are known."""
    if not np.isfinite(recorded_mv).all() or len(recorded_mv) < 2:
        return False
    steps = np.diff(recorded_mv)
    if not ((steps >= 0).all() or (steps <= 0).all()) or recorded_mv[0] == recorded_mv[-1]:
        return False
    if nominal_mv is None:
        return True
    span = float(np.ptp(nominal_mv))
    off = np.abs(recorded_mv - nominal_mv)[[0, -1]].max()
    return bool(off <= _RECORDED_TOLERANCE * span)


def merge(values: np.ndarray, axis_mv: np.ndarray) -> np.ndarray:
    """Maps (bias, y, x) sorted by their bias, with those at the same bias averaged."""
    order = np.argsort(axis_mv, kind="stable")
    _, first = np.unique(axis_mv[order], return_index=True)
    if len(first) == len(order):
        # what is sorted stays as it is, and a sweep downwards is turned round, without a copy
        for step in (1, -1):
            if np.array_equal(order[::step], np.arange(len(order))):
                return values[::step]
        return values[order]
    groups: Sequence[np.ndarray] = np.split(order, first[1:])
    out = np.empty((len(groups), *values.shape[1:]), dtype=np.float32)
    for group, out_map in zip(groups, out, strict=True):
        part = values[group]
        count = np.isfinite(part).sum(axis=0)
        out_map[:] = np.where(count > 0, np.nansum(part, axis=0) / np.maximum(count, 1), np.nan)
    return out
