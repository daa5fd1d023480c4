"""The course of a training: up to two figures over the epochs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from .elements import FOUND_COLOUR, SURFACE_COLOUR, label_axes, round_ticks

#: Up to this number of epochs each is marked by a dot, without which a single epoch would be invisible.
_MARKED_EPOCHS = 16


def plot_training(axes: Axes, names: tuple[str, str], epochs: Sequence[Sequence[float | None]]) -> None:
    """Draw two figures over the epochs, each with an axis of its own.

    Parameters
    ----------
    axes
        Where to draw.
    names
        The names of the figures, the left one first.
    epochs
        One pair of figures an epoch, None where there is none; without any of the second there is no right axis.
    """
    table = training_table(names, epochs)
    marker = "o" if len(table) <= _MARKED_EPOCHS else None
    for index, (name, colour) in enumerate(zip(names, (SURFACE_COLOUR, FOUND_COLOUR), strict=True)):
        if index and table[name].isna().all():
            continue
        own_axes = axes.twinx() if index else axes
        own_axes.plot(table["epoch"], table[name], color=colour, marker=marker, markersize=3.5)
        label_axes(own_axes, "epoch", name, y_colour=colour)
    axes.xaxis.set_major_locator(round_ticks(most=9, whole=True))


def training_table(names: tuple[str, str], epochs: Sequence[Sequence[float | None]]) -> pd.DataFrame:
    """`epoch`, from 1, and the two figures by their names; NaN where there is none.

    Examples
    --------
    >>> training_table(("loss", "ratio"), [(0.5, None), (0.25, 0.75)]).to_numpy().tolist()
    [[1.0, 0.5, nan], [2.0, 0.25, 0.75]]
    """
    values = np.array(epochs, dtype=np.float64).reshape(len(epochs), len(names))
    table = pd.DataFrame(values, columns=list(names))
    table.insert(0, "epoch", np.arange(1, len(epochs) + 1))
    return table
