"""An incoherent ring matched filter: how much of the ripples of one impurity stands around each place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.signal import fftconvolve
from scipy.special import hankel1

from napari_stm_impurities.impurities.inputs import scale_maps
from napari_stm_impurities.impurities.network_config import InputConfig
from napari_stm_impurities.impurities.peaks import find_peaks

from .view import Seen, Spots, standardised


@dataclass(frozen=True)
class RingChoice:
    """What is tuned; lengths in 1/k of each map."""

    inner: float
    outer: float


#: What the tuning tries.
CHOICES = [RingChoice(inner, outer) for inner in (0.3, 0.8, 1.5) for outer in (4.0, 7.0, 12.0, 20.0)]


class Rings:
    """The filter with the true k of each map.

    Around one s-wave scatterer the density of states goes as the imaginary part of a phase times
    H0(kr)^2. The phase is not known, so the map is held against the complex ripple, and the squared
    magnitude is summed over the biases.
    """

    def __init__(self, choice: RingChoice) -> None:
        self._choice = choice

    def search(self, seen: Seen) -> Spots:
        """Find the peaks of the summed response."""
        maps = torch.nan_to_num(scale_maps(seen.view.maps, InputConfig().scaling)).numpy()
        k_px = seen.band.k_per_nm(seen.view.bias_mv) * max(seen.view.pixel_size_nm)
        evidence = np.zeros(maps.shape[1:])
        for one, k in zip(maps.astype(np.float64), k_px, strict=True):
            ripple, weight = self._ripple(k)
            # near the edge a part of the ripple is missing; the response is held against what is there
            seen_weight = fftconvolve(np.ones_like(one), weight, mode="same")
            evidence += np.abs(fftconvolve(one, ripple, mode="same")) ** 2 / np.maximum(seen_weight, 0.2)
        # one threshold can serve finer pixels, more biases and more impurities only in units of the map's own spread
        return Spots.on(seen, *find_peaks(standardised(evidence)))

    def _ripple(self, k_px: float) -> tuple[np.ndarray, np.ndarray]:
        reach = int(np.ceil(self._choice.outer / k_px))
        y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        kr = k_px * np.hypot(y, x)
        ring = (kr >= self._choice.inner) & (kr <= self._choice.outer)
        ripple = np.where(ring, hankel1(0, np.where(ring, kr, 1.0)) ** 2, 0)
        ripple = np.where(ring, ripple - ripple[ring].mean(), 0)
        power = (np.abs(ripple) ** 2).sum()
        return ripple / np.sqrt(power), np.abs(ripple) ** 2 / power
