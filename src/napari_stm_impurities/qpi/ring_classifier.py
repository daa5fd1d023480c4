"""A small trained network for the log odds that the ring of radius 2k lies at each frequency of a map's spectrum.

A ring has no fixed shape: with the phase shift of the scatterers it is an edge that falls off beyond 2k, a peak on it,
or a slope that only begins there, and a near field, a blunt tip and multiple scattering bend it further. So a small
convolutional network on the logarithm of the power against the logarithm of the frequency was trained on
simulated maps of exact scattering, and from maps without any ring (``studies/ring.py``). Its output is
equivariant to a shift in log frequency.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import NamedTuple

import numpy as np

from .spectrum import RadialSpectrum

#: Step of the logarithm of the frequency.
STEP = 0.025
#: The lowest frequency of the inputs, and the lowest of a ring, in widths of the finest feature.
_LOWEST_WIDTHS = 1.5
FEWEST_WIDTHS = 3.0
#: Brings the inputs to the order of one.
_SCALE = 3.0
#: The log odds of an impossible ring.
_NEVER = -30.0


class RingLogOdds(NamedTuple):
    """The log odds of a ring in each map at each frequency.

    Attributes
    ----------
    log_q
        Natural logarithm of the frequency in rad/nm, shape (q,), evenly spaced.
    log_odds
        Of a ring at this frequency against no ring in the map, natural logarithm, shape (map, q).
    """

    log_q: np.ndarray
    log_odds: np.ndarray


def can_show_ring(spectrum: RadialSpectrum) -> bool:
    """Whether the spectrum contains a frequency at which a ring could be resolved.

    The shorter side of the frame sets the width of the finest feature, the shorter side of a pixel the highest
    frequency: in a frame of a few pixels the two meet.
    """
    return bool(spectrum.q_per_nm.size and spectrum.q_per_nm[-1] > FEWEST_WIDTHS * spectrum.resolution_per_nm)


def ring_inputs(spectrum: RadialSpectrum) -> tuple[np.ndarray, np.ndarray]:
    """The frequencies and the inputs of the network.

    Returns
    -------
    log_q
        Shape (q,).
    inputs
        Shape (map, channel, q): the logarithm of the power about its mean, that of the frequency in widths of the
        finest feature, which carries how rough and how blurred the spectrum is, and 1.
    """
    q, resolution = spectrum.q_per_nm, spectrum.resolution_per_nm
    step = q[1] - q[0]
    log_q = np.arange(np.log(_LOWEST_WIDTHS * resolution), np.log(q[-1]), STEP)
    centre = np.exp(log_q)
    half = np.maximum(step / 2, centre * STEP / 2)
    edges = np.append(q - step / 2, q[-1] + step / 2)
    low, high = np.clip(centre - half, edges[0], edges[-1]), np.clip(centre + half, edges[0], edges[-1])
    total = np.concatenate([np.zeros((len(spectrum.log_power), 1)), np.cumsum(spectrum.log_power, axis=1)], axis=1)
    power = np.stack([np.interp(high, edges, row) - np.interp(low, edges, row) for row in total]) * step / (high - low)
    power -= power.mean(1, keepdims=True)
    width = np.broadcast_to(np.log(centre / resolution), power.shape)
    return log_q, np.stack([power / _SCALE, width / _SCALE, np.ones_like(power)], axis=1).astype(np.float32)


def ring_log_odds(spectrum: RadialSpectrum) -> RingLogOdds:
    """The odds of a ring at each frequency, in each map."""
    log_q, signal = ring_inputs(spectrum)
    layers = _layers()
    for index, (weight, bias) in enumerate(layers):
        last = index == len(layers) - 1
        signal = _convolved(signal, weight, 1 if last else 2**index) + bias[:, None]
        signal = signal if last else np.maximum(signal, 0)
    resolved = log_q > np.log(FEWEST_WIDTHS * spectrum.resolution_per_nm)
    return RingLogOdds(log_q, np.where(resolved, signal[:, 0].astype(np.float64), _NEVER))


def _convolved(signal: np.ndarray, weight: np.ndarray, dilation: int) -> np.ndarray:
    """A convolution along the last axis with taps that lie `dilation` samples apart; beyond the ends there is 0."""
    taps = weight.shape[2]
    reach = dilation * (taps // 2)
    padded = np.pad(signal, ((0, 0), (0, 0), (reach, reach)))
    n = signal.shape[2]
    out = np.zeros((len(signal), len(weight), n), np.float32)
    for tap in range(taps):
        out += weight[:, :, tap] @ padded[:, :, tap * dilation : tap * dilation + n]
    return out


@cache
def _layers() -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Weight (out, in, tap) and bias of each layer; the taps of layer i lie 2^i samples apart, the last has one."""
    with resources.as_file(resources.files(__package__) / "ring_classifier.npz") as path, np.load(path) as file:
        return tuple((file[f"weight{i}"], file[f"bias{i}"]) for i in range(len(file.files) // 2))
