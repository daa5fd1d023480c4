"""scikit-image's Laplacian and difference of Gaussians on one map made of all biases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from skimage.feature import blob_dog, blob_log

from .view import Seen, Spots

FINDERS = ("blob_log", "blob_dog")
#: How many sizes blob_log tries between the least and the largest; blob_dog's come from its ratio of 1.6.
_N_SIZES = 5


@dataclass(frozen=True)
class BlobChoice:
    """What is tuned; sizes in 1/k of the highest bias."""

    least_sigma: float
    largest_sigma: float


#: What the tuning tries: one size, or a range of them.
CHOICES = [BlobChoice(least, least * widest) for least in (0.35, 0.5, 0.7, 1.0, 1.4, 2.0) for widest in (1.0, 2.0)]


class Blobs:
    """One of the two finders on one of the three maps.

    A higher threshold also changes which blobs are merged, so each threshold is a run of its own.
    """

    #: In spreads of the map.
    thresholds = np.geomspace(0.02, 8.0, 18)

    def __init__(self, finder: str, kind: str, choice: BlobChoice) -> None:
        self._finder = finder
        self._kind = kind
        self._choice = choice

    def search(self, seen: Seen) -> BlobSearch:
        """Make the map; the search itself waits for the threshold."""
        image, unit = seen.map(self._kind), seen.wavelength_px
        sizes = {"min_sigma": self._choice.least_sigma * unit, "max_sigma": self._choice.largest_sigma * unit}
        if self._finder == "blob_dog":
            return BlobSearch(seen, lambda threshold: blob_dog(image, **sizes, threshold=threshold))
        n_sizes = 1 if self._choice.least_sigma == self._choice.largest_sigma else _N_SIZES
        return BlobSearch(seen, lambda threshold: blob_log(image, **sizes, num_sigma=n_sizes, threshold=threshold))


@dataclass(frozen=True)
class BlobSearch:
    """A search that is run anew for each threshold."""

    seen: Seen
    find: Callable[[float], np.ndarray]

    def above(self, threshold: float) -> np.ndarray:
        """The places that the finder gives with this threshold, shape (n, 2), in nm."""
        found = self.find(threshold)
        return Spots.on(self.seen, found[:, :2], np.zeros(len(found))).yx_nm
