"""How wide the spots of a map are, before any of them has been found."""

from __future__ import annotations

import numpy as np
from scipy.optimize import curve_fit
from scipy.signal import fftconvolve


def starting_std(values: np.ndarray, observed: np.ndarray, noise: float, bounds: tuple[float, float]) -> float:
    """The standard deviation of a Gaussian spot, from the map's autocorrelation.

    Spots scattered at random have the autocorrelation of one spot, a Gaussian of sqrt(2) times its width; white
    noise adds to the lag 0 alone, which is left out.
    """
    centred = np.where(observed, values - values[observed].mean(), 0.0)
    seen = observed.astype(float)
    pairs = fftconvolve(seen, seen[::-1, ::-1], mode="same")
    product = fftconvolve(centred, centred[::-1, ::-1], mode="same") / np.maximum(pairs, 1.0)
    middle = (values.shape[0] - 1) // 2, (values.shape[1] - 1) // 2
    # fftconvolve's "same" puts the lag 0 at (n - 1) // 2
    reach = int(min(np.ceil(4 * bounds[1]), min(values.shape) // 3))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    lag = np.hypot(y, x)
    block = product[middle[0] - reach : middle[0] + reach + 1, middle[1] - reach : middle[1] + reach + 1]
    keep = (lag > 0) & (lag <= reach)

    def model(r: np.ndarray, height: float, std: float, floor: float) -> np.ndarray:
        return height * np.exp(-(r**2) / (4 * std**2)) + floor

    best, best_error = 1.0, np.inf
    for start in (0.7, 1.2, 2.0):
        start = float(np.clip(start, bounds[0] * 1.01, bounds[1] * 0.99))
        try:
            found, _ = curve_fit(
                model, lag[keep], block[keep], p0=(max(block[keep].max(), 1e-12), start, 0.0),
                bounds=([0, bounds[0], -np.inf], [np.inf, bounds[1], np.inf]), sigma=np.sqrt(lag[keep]),
            )
        except (RuntimeError, ValueError):
            continue
        error = float((((model(lag[keep], *found) - block[keep]) / np.sqrt(lag[keep])) ** 2).sum())
        if error < best_error:
            best, best_error = float(found[1]), error
    return best
