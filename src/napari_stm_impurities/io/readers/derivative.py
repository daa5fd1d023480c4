"""dI/dV from a recorded current, for sweeps that were measured without a lock-in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...core.errors import StmError
from .channels import preferred
from .recording import Channel, Recording

#: The name of the channel that is computed from the current.
NUMERICAL = "dI/dV (numerical)"

#: Points in the window and degree of the polynomial: a parabola through seven points.
WINDOW = 7
DEGREE = 2


def numerical_didv(current: np.ndarray, bias_mv: np.ndarray) -> np.ndarray:
    """The derivative of a current by the bias, with the filter of Savitzky and Golay.

    A parabola is fitted to each seven neighbouring points and its slope is taken, at the positions where
    the points really are, so that the sweep may have segments of different steps.

    Parameters
    ----------
    current
        Shape (bias, y, x), in A.
    bias_mv
        Shape (bias,), ascending.

    Returns
    -------
    numpy.ndarray
        dI/dV in A/V, same shape, float32; NaN where a point of the window is missing.

    Raises
    ------
    StmError
        If there are fewer than seven biases.

    References
    ----------
    A. Savitzky and M. J. E. Golay, Anal. Chem. 36, 1627 (1964).

    Examples
    --------
    >>> bias = np.linspace(-10, 10, 21)
    >>> didv = numerical_didv((bias / 1000)[:, None, None] ** 2, bias)
    >>> bool(np.allclose(didv[:, 0, 0], 2 * bias / 1000, atol=1e-6))
    True
    """
    n = len(bias_mv)
    if n < WINDOW:
        raise StmError(f"a numerical dI/dV needs at least {WINDOW} biases, there are {n}")
    bias_v = np.asarray(bias_mv, dtype=np.float64) / 1000
    slope = np.zeros((n, n), dtype=np.float64)
    for i in range(n):
        first = min(max(i - WINDOW // 2, 0), n - WINDOW)
        window = slice(first, first + WINDOW)
        offset = bias_v[window] - bias_v[i]
        width = np.abs(offset).max()
        powers = np.vander(offset / width, DEGREE + 1, increasing=True)
        slope[i, window] = np.linalg.pinv(powers)[1] / width
    flat = current.reshape(n, -1)
    missing = np.isnan(flat)
    # float64: a current of 1e-9 A differs from its neighbour by a hundredth of itself
    out = slope @ np.where(missing, 0.0, flat)
    if missing.any():
        out[(slope != 0).astype(np.float32) @ missing.astype(np.float32) > 0] = np.nan
    return out.reshape(current.shape).astype(np.float32)


def with_numerical(recording: Recording) -> Recording:
    """The recording with the numerical dI/dV as a further channel, where a current was recorded in a bias sweep.

    Parameters
    ----------
    recording
        Of one file; a series of maps has no sweep, since the tip's height differs between its maps.
    """
    current = preferred([channel for channel in recording.channels if channel.what == "current"])
    if current is None or not recording.sweep_signal or len(recording.bias_mv) < WINDOW:
        return recording
    numerical = Channel(NUMERICAL, f"{current.unit}/V" if current.unit else "", "numerical derivative", is_didv=True)

    def load(channel: Channel) -> np.ndarray:
        if channel != numerical:
            return recording.load(channel)
        return numerical_didv(recording.load(current), np.asarray(recording.bias_mv))

    hint = f"the current is not dI/dV; read the channel {NUMERICAL!r} for its derivative"
    return replace(
        recording,
        channels=(*recording.channels, numerical),
        load=load,
        warnings=(*recording.warnings, hint) if recording.default == current.name else recording.warnings,
    )
