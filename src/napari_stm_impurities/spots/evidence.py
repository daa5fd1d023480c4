"""The number of components: the gain in log-likelihood of each against an information criterion.

BIC takes ln n / 2 for each parameter, with n the number of data points. The pixels of a noisy map are not counts, so
n is not the sum of their weights; and a position is known the better the stronger the spot is. So the
integral that BIC approximates (Laplace's, Bishop 2006, Eq. 4.137) is taken before its last step: a component of
signal-to-noise ratio z, anywhere on A pixels and with a mass from 0 to the largest, has the evidence

    ln B = z^2 / 2 - ln[ A z^2 z_max / ((2 pi)^(3/2) 2 s^2) ],

where z contains the measured noise and 2 s^2 / z^2 is the area in which its position is known. Components are
exchangeable (K! orders of the same mixture, Bishop 2006, section 10.2.4), which adds ln K.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_array, csr_array

from .mixture import Mixture, PaddedFrame
from .profile import FWHM_PER_STD

#: The share of a spot's height that its round profile may be wrong by; it counts as noise there.
PROFILE_ERROR = 0.05

#: The factor by which the evidence of a weak spot is too large, measured on simulated maps: shape, width and
#: background are fitted too. With it the posterior probabilities agree with the share of true spots
#: (benchmarks/reference_maps.py).
MISTAKES = 2.0

#: Added to the diagonal of the information, which is 1, so that two spots on one place can be solved for.
_RIDGE = 1e-6

#: A map whose strongest spot white noise reaches in more than this share of maps holds none.
FALSE_ALARM = 1e-3


def needed_gain(ratio: np.ndarray | float, mixture: Mixture, n_pixels: int, largest_ratio: float) -> np.ndarray:
    """The gain in log-likelihood that a component of a signal-to-noise ratio needs, in nats."""
    std = mixture.profile.fwhm_px / FWHM_PER_STD
    cells = MISTAKES * n_pixels / ((2 * np.pi) ** 1.5 * 2 * std**2)
    return np.asarray(np.log(cells * np.square(ratio) * max(largest_ratio, 10.0) / max(len(mixture) - 1, 1)))


def posterior(ratio: np.ndarray, mixture: Mixture, n_pixels: int) -> np.ndarray:
    """The posterior probability of each component, given the others; shape (k,)."""
    if not len(ratio):
        return np.zeros(0)
    odds = ratio**2 / 2 - needed_gain(ratio, mixture, n_pixels, float(ratio.max()))
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -50, 50))))


def false_alarms(ratio: float, mixture: Mixture, n_pixels: int) -> float:
    """The expected number of maxima of white noise above a signal-to-noise ratio in a map (Adler 1981, chapter 6).

    The matched filter of a Gaussian of width s makes of white noise a field whose gradient has the variance 1/(2 s^2).
    """
    std = mixture.profile.fwhm_px / FWHM_PER_STD
    return float(n_pixels / (2 * std**2) / (2 * np.pi) ** 1.5 * ratio * np.exp(-(ratio**2) / 2))


def prune(mixture: Mixture, observed: np.ndarray, noise_std: float, min_confidence: float) -> Mixture:
    """The mixture without insignificant components and those outside the frame.

    In each neighbourhood the weakest is removed first, since its neighbours gain when it is gone: call it again after
    another fit. Nothing is kept where even the strongest could be noise.
    """
    if not len(mixture):
        return mixture
    n_pixels = int(observed.sum())
    ratio = signal_to_noise(mixture, observed, noise_std)
    if false_alarms(float(ratio.max()), mixture, n_pixels) > FALSE_ALARM:
        return mixture.only(np.zeros(0, dtype=np.intp))
    bad = posterior(ratio, mixture, n_pixels) < min_confidence
    bad |= ((mixture.yx < -0.5) | (mixture.yx > np.array(observed.shape) - 0.5)).any(axis=1)
    reach = 2 * mixture.profile.fwhm_px
    gone: list[int] = []
    for k in np.flatnonzero(bad)[np.argsort(ratio[bad])]:
        if not gone or np.abs(mixture.yx[gone] - mixture.yx[k]).max(axis=1).min() > reach:
            gone.append(int(k))
    return mixture.only(np.setdiff1d(np.arange(len(mixture)), gone))


def signal_to_noise(mixture: Mixture, observed: np.ndarray, noise_std: float) -> np.ndarray:
    """Each component's mass over its standard error, all others free to move; shape (k,).

    The standard error comes from the Fisher information of all masses and centres together, so two components on
    one spot have large errors and small ratios.
    """
    k = len(mixture)
    if not k:
        return np.zeros(0)
    frame = PaddedFrame(observed.shape, mixture.profile.reach_px)
    windows = frame.windows(mixture.yx, mixture.aspect)
    squared_width = (mixture.width**2)[:, None, None]
    unit, slope, _ = mixture.profile.with_slopes(windows.squared / squared_width)
    unit, slope = unit / squared_width, slope / squared_width**2 * mixture.mass[:, None, None]
    model = frame.add_up(windows, unit * mixture.mass[:, None, None])
    weight = frame.pad(observed, False) / (noise_std**2 + (PROFILE_ERROR * model) ** 2)
    root_weight = np.sqrt(weight)[windows.flat]
    columns = np.stack([unit, slope * windows.dy[:, :, None], slope * windows.dx[:, None, :]]) * root_weight
    # scaled to a unit diagonal, so that the small ridge means the same for every parameter
    norm = np.maximum(np.sqrt((columns**2).sum(axis=(2, 3))), 1e-300)
    columns /= norm[:, :, None, None]
    n = windows.flat[0].size
    rows = np.broadcast_to(windows.flat, columns.shape)
    size = frame.padded_shape[0] * frame.padded_shape[1]
    jacobian = csc_array((columns.ravel(), rows.ravel(), np.arange(0, 3 * k * n + 1, n)), shape=(size, 3 * k))
    variance = _mass_variance(csr_array(jacobian.T @ jacobian), mixture.yx, 2 * frame.margin)
    return np.maximum(mixture.mass * norm[0] / np.sqrt(np.maximum(variance, 1e-12)), 1e-3)


def _mass_variance(information: csr_array, yx: np.ndarray, apart_px: int) -> np.ndarray:
    """The diagonal of the inverse that belongs to the masses; shape (k,).

    The information is solved cell by cell, each with what lies around it: spots that are `apart_px` away in y or in x
    share no pixel, and what lies two such distances away does not move the variance by a thousandth.

    Parameters
    ----------
    information
        Shape (3 k, 3 k): all masses, then the y of all centres, then the x.
    yx
        Shape (k, 2), in pixels.
    apart_px
        The side of a cell, and how far its surroundings reach.
    """
    k = len(yx)
    variance = np.empty(k)
    cells, cell_of = np.unique(np.floor(yx / apart_px), axis=0, return_inverse=True)
    for number, cell in enumerate(cells):
        in_cell = np.flatnonzero(cell_of.ravel() == number)
        low, high = (cell - 1) * apart_px, (cell + 2) * apart_px
        near = np.flatnonzero(((yx >= low) & (yx < high)).all(axis=1))
        rows = np.concatenate([near, near + k, near + 2 * k])
        local = information[rows][:, rows].toarray() + _RIDGE * np.eye(len(rows))
        position_in_near = np.searchsorted(near, in_cell)
        unit_vectors = np.zeros((len(rows), len(in_cell)))
        unit_vectors[position_in_near, np.arange(len(in_cell))] = 1.0
        variance[in_cell] = np.linalg.solve(local, unit_vectors)[position_in_near, np.arange(len(in_cell))]
    return variance
