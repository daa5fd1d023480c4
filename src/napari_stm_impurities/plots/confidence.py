"""The histogram of the confidences of points, with the threshold."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from .elements import FOUND_COLOUR, bars, count, label_axes, vertical_mark

#: Of the bars between 0 and 1.
_EDGES = np.linspace(0.0, 1.0, 26)


def plot_confidence(axes: Axes, confidence: ArrayLike) -> None:
    """Draw the histogram of the confidences; points without one (NaN) are left out."""
    bars(axes, confidence, _EDGES)
    label_axes(axes, "confidence", "points")


def confidence_table(confidence: ArrayLike) -> pd.DataFrame:
    """The histogram as `confidence_from`, `confidence_to` and `points`.

    Examples
    --------
    >>> table = confidence_table([0.5, 0.99, float("nan")])
    >>> table[table["points"] > 0].round(2).to_numpy().tolist()
    [[0.48, 0.52, 1.0], [0.96, 1.0, 1.0]]
    """
    return pd.DataFrame(
        {"confidence_from": _EDGES[:-1], "confidence_to": _EDGES[1:], "points": count(confidence, _EDGES)}
    )


def mark_threshold(axes: Axes, threshold: float) -> list[Artist]:
    """A line at a threshold, which a legend names with its value."""
    line = vertical_mark(axes, threshold, FOUND_COLOUR, "-", 2.0, f"threshold {threshold:.3g}")
    # at 0 and at 1 half of the line lies outside the axes
    line.set_clip_on(False)
    return [line]
