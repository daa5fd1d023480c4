"""The F1 of a method on many surfaces, and the one threshold that serves it best on all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pandas as pd
from kinds import TOLERANCE_NM
from methods.view import Seen

from napari_stm_impurities.analysis.comparison import compare

#: Thresholds that are tried on scores, then as many again around the best.
_N_THRESHOLDS = 40


class Search(Protocol):
    """What a method found on one surface."""

    def above(self, threshold: float) -> np.ndarray:
        """The places at this threshold, shape (n, 2), in nm."""


class Method(Protocol):
    """A way to find impurities."""

    def search(self, seen: Seen) -> Search:
        """Search one stack."""


def f1_at(searches: Sequence[Search], truths: Sequence[pd.DataFrame], threshold: float) -> np.ndarray:
    """The F1 of each surface."""
    return np.array(
        [
            compare(search.above(threshold), truth, TOLERANCE_NM).f1
            for search, truth in zip(searches, truths, strict=True)
        ]
    )


def best_threshold(method: Method, searches: Sequence[Search], truths: Sequence[pd.DataFrame]) -> float:
    """The threshold with the highest mean F1 over all surfaces."""

    def best_of(thresholds: np.ndarray) -> int:
        return int(np.argmax([f1_at(searches, truths, threshold).mean() for threshold in thresholds]))

    if (own := getattr(method, "thresholds", None)) is not None:
        return float(own[best_of(own)])
    scores = np.sort(np.concatenate([search.score for search in searches]))
    # the truth is some hundreds of points among thousands of faint peaks, so the sought share is a small one
    share = 1 - np.geomspace(1, 1 / 300, _N_THRESHOLDS)
    coarse = np.quantile(scores, share)
    index = best_of(coarse)
    low, high = coarse[max(index - 1, 0)], coarse[min(index + 1, _N_THRESHOLDS - 1)]
    fine = np.linspace(low, high, _N_THRESHOLDS)
    return float(fine[best_of(fine)])
