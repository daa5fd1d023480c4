"""What the instrument adds to the maps, in the order of time in which their pixels were measured.

Each function gives maps of shape (bias, y, x) and standard deviation 1 (or height 1, where it says so); every bias has
its own noise. A line is measured forwards and then backwards, and the backward half is not kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Reals = NDArray[np.float64]
Shape = tuple[int, int, int]

#: White noise of one bias differs from that of another by this share (standard deviation of its logarithm).
_NOISE_SPREAD = 0.2
#: How much of a line's offset the next line keeps.
_LINE_MEMORY = 0.7
#: Exponents of 1/f noise of current amplifiers and tips: from flicker noise nearly to a random walk.
_EXPONENT = (0.8, 1.5)
#: Cycles of the pick-up in a pixel: 50 Hz and its harmonics at 1 to 5 ms a pixel.
_MAINS_PER_PX = (0.05, 0.25)
#: Part of the third harmonic, and how the phase wanders from line to line, in radians.
_THIRD_HARMONIC, _WANDER_RAD = 0.3, 0.15
#: Pixels in a state of a random telegraph signal: some lines of the smallest map.
_TELEGRAPH_PX = (150.0, 1500.0)
#: A scar: lines that it touches, decay of its ringing and the ringing's period in pixels.
_SCAR_LINES, _RINGING_DECAY_PX, _RINGING_PERIOD_PX = (1, 3), (4.0, 12.0), (3.0, 7.0)


def white(shape: Shape, rng: np.random.Generator) -> Reals:
    """Noise that no pixel shares with another one, in each bias a little more or less."""
    return rng.normal(size=shape) * np.exp(_NOISE_SPREAD * rng.normal(size=(shape[0], 1, 1)))


def lines(shape: Shape, rng: np.random.Generator) -> Reals:
    """Offsets of lines, each keeping a part of the one before (AR(1))."""
    kicks = rng.normal(size=shape[:2])
    # the first one is drawn as if the series had always been going on
    kicks[:, 1:] *= np.sqrt(1 - _LINE_MEMORY**2)
    return np.broadcast_to(lfilter([1], [1, -_LINE_MEMORY], kicks, axis=1)[..., None], shape)


def flicker(shape: Shape, rng: np.random.Generator) -> Reals:
    """Noise with a power of 1/f^a along the time of a map."""
    n_biases, n_lines, n_columns = shape
    n = 2 * n_columns * n_lines
    frequency = np.fft.rfftfreq(n)
    frequency[0] = np.inf
    phasors = rng.normal(size=(n_biases, len(frequency), 2)) @ np.array([1, 1j])
    series = np.fft.irfft(phasors * frequency ** (-rng.uniform(*_EXPONENT) / 2), n)
    forward = series.reshape(n_biases, n_lines, 2, n_columns)[:, :, 0]
    return forward / forward.std(axis=(1, 2), keepdims=True)


def mains(shape: Shape, rng: np.random.Generator) -> Reals:
    """Pick-up of one frequency and its third harmonic, its phase wandering slowly: stripes across the map."""
    n_biases, n_lines, n_columns = shape
    begin = 2 * n_columns * np.arange(n_lines)[:, None] + np.arange(n_columns)
    wander = np.cumsum(_WANDER_RAD * rng.normal(size=(n_biases, n_lines)), axis=1)
    phase = (
        2 * np.pi * rng.uniform(*_MAINS_PER_PX) * begin + (wander + rng.uniform(0, 2 * np.pi, (n_biases, 1)))[..., None]
    )
    wave = np.sin(phase) + _THIRD_HARMONIC * np.sin(3 * phase + rng.uniform(0, 2 * np.pi))
    return wave / np.sqrt((1 + _THIRD_HARMONIC**2) / 2)


def telegraph(shape: Shape, rng: np.random.Generator) -> Reals:
    """A signal that jumps between two states a distance of 1 apart, as an atom on the tip does."""
    n_biases, n_lines, n_columns = shape
    rate = 1 / np.exp(rng.uniform(*np.log(_TELEGRAPH_PX)))
    jumps = rng.random((n_biases, n_lines, 2 * n_columns)) < rate
    state = (np.cumsum(jumps.reshape(n_biases, -1), axis=1) + rng.integers(2, size=(n_biases, 1))) % 2
    return state.reshape(n_biases, n_lines, 2, n_columns)[:, :, 0] - 0.5


def scars(shape: Shape, per_map: float, rng: np.random.Generator) -> Reals:
    """Scars: from somewhere in a line on, the tip is off by about 1 and rings, and so for a line or two more."""
    out = np.zeros(shape)
    for bias in range(shape[0]):
        for _ in range(rng.poisson(per_map)):
            line, begin = rng.integers(shape[1]), rng.integers(shape[2])
            decay, period = rng.uniform(*_RINGING_DECAY_PX), rng.uniform(*_RINGING_PERIOD_PX)
            after = np.arange(shape[2] - begin)
            trail = rng.normal() * np.exp(-after / decay) * np.cos(2 * np.pi * after / period) + 0.5 * rng.normal()
            last = line + rng.integers(_SCAR_LINES[0], _SCAR_LINES[1] + 1)
            out[bias, line:last, begin:] += trail
    return out


def missing_lines(
    shape: Shape, per_map: float, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Lines that were not measured, and lines that repeat the one before, each of shape (bias, y)."""
    lost = rng.random(shape[:2]) < per_map / shape[1]
    repeated = rng.random(shape[:2]) < 0.5
    repeated[:, 0] = False
    return lost & ~repeated, lost & repeated
