"""What a person's hand leaves on a point: where it comes from, and what was said of it.

A point that was added or moved is ``manual``, without score and confidence: the model said nothing about that place.
A point that was accepted stays what and where it is, with ``checked`` saying so; a rejected one is hidden, and no
table, comparison or threshold brings it back. Both outlive the next run
(:mod:`napari_stm_impurities.analysis.merging`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from napari.layers import Points

from ...analysis.merging import REVIEW_STATUS, REVIEW_STATUSES, review_status_of
from ...data.points import SOURCES
from ..layers.images import THRESHOLD_KEY

#: The model's figures, which hold only for the place where the model put the point.
_FIGURES = ("score", "confidence")


def shown_at(features: pd.DataFrame, threshold: float) -> np.ndarray:
    """Which points a threshold on the confidence shows, shape (n,).

    Parameters
    ----------
    features
        Of a points layer, or a table of points.
    threshold
        The least confidence, 0 to 1. A point without one is shown, and an accepted one; a rejected one never is.

    Examples
    --------
    >>> table = pd.DataFrame({"confidence": [0.2, 0.8, np.nan, 0.9, 0.1]})
    >>> table["checked"] = ["unchecked", "unchecked", "unchecked", "rejected", "accepted"]
    >>> shown_at(table, 0.5).tolist()
    [False, True, True, False, True]
    """
    checked = review_status_of(features).cat.codes.to_numpy()
    confidence = features["confidence"].to_numpy(dtype=float) if "confidence" in features else np.nan
    return np.asarray((~(confidence < threshold) | (checked == _code("accepted"))) & (checked != _code("rejected")))


def mark_manual(layer: Points, rows: Collection[int] | np.ndarray) -> None:
    """Mark points as a person's: source ``manual``, no score, no confidence; the colours follow.

    A layer that has no such features, such as another plugin's, gets none.
    """
    at = np.asarray(list(rows), dtype=np.intp)
    names = [name for name in (*_FIGURES, "source") if name in layer.features]
    if not (len(at) and names):
        return
    new: dict[str, Any] = {}
    for name in names:
        if name == "source":
            # napari forgets the categories when a point is added after another one was selected
            told = layer.features[name].astype(object).to_numpy(copy=True)
            told[at] = "manual"
            new[name] = pd.Categorical(told, categories=list(SOURCES))
        else:
            figures = layer.features[name].to_numpy(dtype=float, copy=True)
            figures[at] = np.nan
            new[name] = figures
    if "checked" in layer.features:
        new["checked"] = review_status_of(layer.features).array
    layer.features = layer.features.assign(**new)


def accept(layer: Points, rows: Collection[int]) -> None:
    """Say of points that they are right."""
    _check(layer, rows, "accepted")


def reject(layer: Points, rows: Collection[int]) -> None:
    """Say of points that they are wrong: they are hidden and left out from now on."""
    _check(layer, rows, "rejected")
    layer.selected_data = layer.selected_data - set(rows)
    layer.shown = np.asarray(layer.shown) & ~is_rejected(layer)


def unreject(layer: Points) -> int:
    """Bring all rejected points back as unchecked ones, and say how many."""
    rejected = is_rejected(layer)
    _check(layer, np.flatnonzero(rejected).tolist(), "unchecked")
    threshold = layer.metadata.get(THRESHOLD_KEY)
    layer.shown = np.asarray(layer.shown) | rejected if threshold is None else shown_at(layer.features, threshold)
    return int(rejected.sum())


def is_rejected(layer: Points) -> np.ndarray:
    """Which points of a layer were rejected, shape (n,)."""
    return np.asarray(review_status_of(layer.features) == "rejected")


def _check(layer: Points, rows: Collection[int], verdict: str) -> None:
    told = review_status_of(layer.features).cat.codes.to_numpy(copy=True)
    told[np.asarray(list(rows), dtype=np.intp)] = _code(verdict)
    layer.features = layer.features.assign(checked=pd.Categorical.from_codes(told, dtype=REVIEW_STATUS))


def _code(verdict: str) -> int:
    return REVIEW_STATUSES.index(verdict)
