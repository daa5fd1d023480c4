"""Which components a mixture should have: what the data gain by each, against what chance would give."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter
from scipy.signal import fftconvolve
from scipy.sparse import csc_array, eye_array
from scipy.sparse.linalg import splu

from .density import MAD_TO_STD
from .mixture import Mixture, PaddedFrame, Profile

#: The share of a spot's height that its round profile may be wrong by; it counts as noise there.
PROFILE_ERROR = 0.05


def filtered(
    residual: np.ndarray, observed: np.ndarray, profile: Profile, aspect: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """The best mass of a spot centred at each half pixel, and the norm of its profile there: a matched filter.

    Mass times norm over the noise is the signal-to-noise ratio. Whole pixels alone would lose a quarter of the
    signal of a narrow spot that lies between four of them.

    Returns
    -------
    tuple of numpy.ndarray
        Mass and norm, both (2 y - 1, 2 x - 1): the element [i, j] belongs to the position (i / 2, j / 2).
    """
    shape = (2 * observed.shape[0] - 1, 2 * observed.shape[1] - 1)
    mass, norm = np.zeros(shape), np.ones(shape)
    step = np.arange(-profile.reach_px, profile.reach_px + 1)
    measured, seen = np.where(observed, residual, 0.0), observed.astype(float)
    for half_y in (0, 1):
        for half_x in (0, 1):
            squared = ((step[:, None] + half_y / 2) * aspect[0]) ** 2 + ((step[None, :] + half_x / 2) * aspect[1]) ** 2
            kernel = profile.at(squared)
            top = fftconvolve(measured, kernel, mode="same")
            power = fftconvolve(seen, kernel**2, mode="same")
            power = np.maximum(power, 1e-3 * (kernel**2).sum())
            part = mass[half_y::2, half_x::2].shape
            mass[half_y::2, half_x::2] = (top / power)[: part[0], : part[1]]
            norm[half_y::2, half_x::2] = np.sqrt(power)[: part[0], : part[1]]
    return mass, norm


def seeds(mass: np.ndarray, norm: np.ndarray, noise_std: float, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Local maxima of the signal-to-noise ratio above `threshold`: positions in pixels (n, 2), and masses."""
    ratio = mass * norm / noise_std
    peak = (ratio == maximum_filter(ratio, size=5, mode="nearest")) & (ratio > threshold)
    return np.argwhere(peak) / 2, mass[peak]


def false_alarms(ratio: np.ndarray, n_pixels: int, std_px: float) -> np.ndarray:
    """How many maxima above a signal-to-noise ratio white noise gives in a whole map (Rice; Adler 1981, chapter 6).

    The matched filter of a Gaussian of width s makes of white noise a field whose gradient has the variance 1/(2 s^2).
    """
    return n_pixels / (2 * std_px**2) / (2 * np.pi) ** 1.5 * ratio * np.exp(-(ratio**2) / 2)


def signal_to_noise(mixture: Mixture, observed: np.ndarray, noise_std: float) -> np.ndarray:
    """Each component's mass over its standard error, all others free to move; shape (k,).

    The standard error comes from the Fisher information of all masses and centres together, so two components on one
    spot have large errors and small ratios.
    """
    k = len(mixture)
    shape = (observed.shape[0], observed.shape[1])
    frame = PaddedFrame(shape, mixture.profile.reach_px)
    windows = frame.windows(mixture)
    squared = windows.dy[:, :, None] ** 2 + windows.dx[:, None, :] ** 2
    unit = mixture.profile.at(squared)
    slope = mixture.profile.slopes(squared)[0] * mixture.mass[:, None, None]
    model = frame.add_up(windows, unit * mixture.mass[:, None, None])
    weight = frame.pad(observed, False) / (noise_std**2 + (PROFILE_ERROR * model) ** 2)
    root = np.sqrt(weight)[windows.flat]
    columns = [unit * root, slope * windows.dy[:, :, None] * root, slope * windows.dx[:, None, :] * root]
    n = windows.flat[0].size
    size = frame.padded_shape[0] * frame.padded_shape[1]
    # scaled to a unit diagonal, so that the tiny ridge means the same for every parameter
    scaled, length = [], []
    for column in columns:
        norm = np.maximum(np.sqrt((column**2).sum(axis=(1, 2))), 1e-300)
        length.append(norm)
        scaled.append((column / norm[:, None, None]).reshape(k, n))
    flat = windows.flat.reshape(k, n)
    jacobian = csc_array(
        (np.concatenate(scaled).ravel(), np.tile(flat, (3, 1)).ravel(), np.arange(0, 3 * k * n + 1, n)),
        shape=(size, 3 * k),
    )
    information = (jacobian.T @ jacobian + 1e-6 * eye_array(3 * k)).tocsc()
    solver = splu(information)
    variance = np.empty(k)
    for start in range(0, k, 512):
        part = np.arange(start, min(start + 512, k))
        right = np.zeros((3 * k, len(part)))
        right[part, np.arange(len(part))] = 1.0
        variance[part] = solver.solve(right)[part, np.arange(len(part))]
    return mixture.mass * length[0] / np.sqrt(np.maximum(variance, 1e-12))


def spread_of(ratio: np.ndarray, observed: np.ndarray) -> float:
    """The standard deviation of a signal-to-noise map that holds no spot any more: 1 for white noise, more for smooth noise."""
    inside = ratio[::2, ::2][observed]
    return float(MAD_TO_STD * np.median(np.abs(inside - np.median(inside))))
