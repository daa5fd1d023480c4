"""What every method is given of a stack, and what it gives back."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from napari_stm_impurities.impurities.network_config import InputConfig
from napari_stm_impurities.impurities.preprocess import ModelInput, prepare_input
from napari_stm_impurities.physics.dispersion import Dispersion
from napari_stm_impurities.qpi.dispersion_fit import NoRing, fit_dispersion

#: The maps of all biases that a spot finder may be given.
MAPS = ("mean", "inverted mean", "variance")
#: k in radians a pixel, where no ring was read off the maps: the paper's Au(111).
_K_RAD_PER_PX = 0.78


@dataclass(frozen=True)
class Seen:
    """A stack as the package's default model sees it.

    Attributes
    ----------
    stack
        The stack itself.
    band
        The true dispersion, for the one method that is told it.
    """

    stack: xr.DataArray
    band: Dispersion

    @cached_property
    def view(self) -> ModelInput:
        """Levelled, brought to the model's scale as it is read off the maps, and averaged to its number of maps."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                read = fit_dispersion(self.stack)
            except NoRing:
                read = None
            return prepare_input(self.stack, InputConfig(), read)

    @property
    def wavelength_px(self) -> float:
        """1/k of the highest bias in pixels: the unit in which sizes are tuned."""
        return 1 / (_K_RAD_PER_PX if self.view.k_rad_per_px is None else self.view.k_rad_per_px[1])

    def map(self, kind: str) -> np.ndarray:
        """One map of all biases, of median 0 and spread 1: one of `MAPS`."""
        maps = standardised(self.view.maps.numpy().astype(np.float64))
        one = np.nanvar(maps, axis=0) if kind == "variance" else np.nanmean(maps, axis=0)
        return np.nan_to_num(standardised(-one if kind == "inverted mean" else one))


def standardised(maps: np.ndarray) -> np.ndarray:
    """Median 0 and a spread of 1 that outliers do not count in; unlike a network's input, nothing is clipped."""
    centred = maps - np.nanmedian(maps, axis=(-2, -1), keepdims=True)
    spread = 1.4826 * np.nanmedian(np.abs(centred), axis=(-2, -1), keepdims=True)
    return centred / np.maximum(spread, np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Spots:
    """What a method found, the lowest scores included.

    Attributes
    ----------
    yx_nm
        Shape (n, 2).
    score
        Shape (n,); a threshold on it is what a person would turn.
    """

    yx_nm: np.ndarray
    score: np.ndarray

    @classmethod
    def on(cls, seen: Seen, yx_px: np.ndarray, score: np.ndarray) -> Spots:
        """From places on the view's pixels."""
        # the view keeps the middle of the first pixel where it was
        yx_nm = np.asarray(yx_px, dtype=np.float64).reshape(-1, 2) * np.array(seen.view.pixel_size_nm)
        origin = np.array([float(seen.stack.y.values[0]), float(seen.stack.x.values[0])])
        return cls(yx_nm + origin, np.asarray(score, dtype=np.float64))

    def above(self, threshold: float) -> np.ndarray:
        """The places whose score reaches the threshold, shape (n, 2), in nm."""
        return self.yx_nm[self.score >= threshold]
