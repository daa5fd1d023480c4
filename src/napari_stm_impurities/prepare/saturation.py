"""Removal of saturated values, single-pixel spikes and infinite values."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ..core.robust import MAD_TO_STD, nan_median
from ..data.images import with_history
from .record import recorded

#: A rail is an extreme value that occurs so many times, and so many times more often than the values next to it.
_RAIL_COUNT = 5
#: A spike exceeds its map by this number of robust standard deviations ...
_SPIKE_SIGMA = 20.0
#: ... and none of its neighbours by this share of it; the narrowest real peak reaches half.
_SPIKE_NEIGHBOURS = 0.1


@recorded
def clip_saturated(stack: xr.DataArray) -> xr.DataArray:
    """The stack with saturated values and single-pixel spikes set to NaN.

    A rail is the largest or smallest value of the whole stack when it occurs many times, such as 10 V at
    the limit of an amplifier. A stack whose maps were each scaled to the same extremes has no rail there. A
    spike exceeds its map by 20 robust standard deviations while none of its neighbours shows a
    tenth of it; the narrowest peak that a tip draws is wider than that.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_stm_impurities import make_stack
    >>> data = np.random.default_rng(0).normal(size=(4, 16, 16))
    >>> data[2, 4:7, 4:7] = 10.0
    >>> int(clip_saturated(make_stack(data, range(4), 1.0)).isnull().sum())
    9
    """
    values = stack.values
    bad = [(name, np.flatnonzero(mask)) for name, mask in _rails(values)]
    bad.append(("infinite", np.flatnonzero(np.isinf(values))))
    bad.append(("spikes", _spikes(values)))
    counts = [f"{len(where)} {name}" for name, where in bad if len(where)]
    if not counts:
        return with_history(stack, values, "no saturated values")
    out = values.astype(np.float32)
    for _, where in bad:
        out.reshape(-1)[where] = np.nan
    return with_history(stack, out, f"saturated values set to missing: {', '.join(counts)}")


def _rails(values: np.ndarray) -> list[tuple[str, np.ndarray]]:
    found = []
    is_finite = np.isfinite(values)
    finite = values if is_finite.all() else values[is_finite]
    if finite.size == 0 or finite.min() == finite.max():
        return []
    low, high = finite.min(), finite.max()
    # the values next to each extreme: those within a hundredth of the span
    margin = (float(high) - float(low)) / 100
    for rail, near in ((high, finite[finite > high - margin]), (low, finite[finite < low + margin])):
        n_at_extreme = int((near == rail).sum())
        if n_at_extreme < _RAIL_COUNT:
            continue
        others, counts = np.unique(near[near != rail], return_counts=True)
        nearest_counts = counts[np.argsort(np.abs(others - rail))[:_RAIL_COUNT]]
        if len(nearest_counts) and n_at_extreme < _RAIL_COUNT * nearest_counts.mean():
            continue
        at_rail = values == rail
        in_map = at_rail.sum(axis=(1, 2))
        scaled = len(in_map) > 1 and (in_map > 0).mean() > 0.9 and np.median(in_map) < 3
        # where half of all values are the extreme one it is the background, not a rail
        if not scaled and n_at_extreme < finite.size / 2:
            found.append((f"at the rail {rail:.4g}", at_rail))
    return found


def _spikes(values: np.ndarray) -> np.ndarray:
    """Flat indices of the single-pixel spikes."""
    median, _ = nan_median(_thinned(values))
    off = np.abs(np.where(np.isinf(values), np.nan, values) - median[:, None, None])
    sigma = MAD_TO_STD * nan_median(_thinned(off))[0]
    where = np.flatnonzero(off > _SPIKE_SIGMA * sigma[:, None, None])
    if len(where) == 0:
        return where
    n_y, n_x = values.shape[1:]
    m, y, x = np.unravel_index(where, values.shape)
    largest_neighbour = np.zeros(len(where), dtype=off.dtype)
    for dy, dx in ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)):
        inside = (y + dy >= 0) & (y + dy < n_y) & (x + dx >= 0) & (x + dx < n_x)
        neighbour = off[m, np.clip(y + dy, 0, n_y - 1), np.clip(x + dx, 0, n_x - 1)]
        largest_neighbour = np.fmax(largest_neighbour, np.where(inside, neighbour, 0.0))
    spikes: np.ndarray = where[largest_neighbour < _SPIKE_NEIGHBOURS * off.reshape(-1)[where]]
    return spikes


def _thinned(values: np.ndarray) -> np.ndarray:
    # some 2500 pixels a map are enough for a median; the stride is odd so that it walks over all columns
    flat = values.reshape(len(values), -1)
    return flat[:, :: max(1, flat.shape[1] // 2500) | 1]
