"""The drift of the maps of a stack."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from .elements import FOUND_COLOUR, SURFACE_COLOUR, label_axes, legend_above, round_ticks


def plot_drift(axes: Axes, drift_nm: Sequence[Sequence[float]]) -> None:
    """Draw the drift of each map, (y, x) in nm, in the order of the maps."""
    table = drift_table(drift_nm)
    axes.plot(table["map"], table["drift_y_nm"], color=SURFACE_COLOUR, marker="o", markersize=2.5, label="y")
    axes.plot(table["map"], table["drift_x_nm"], color=FOUND_COLOUR, marker="o", markersize=2.5, label="x")
    axes.xaxis.set_major_locator(round_ticks(most=9, whole=True))
    label_axes(axes, "map", "drift (nm)")
    legend_above(axes)


def drift_table(drift_nm: Sequence[Sequence[float]]) -> pd.DataFrame:
    """`map`, from 1, and `drift_y_nm`, `drift_x_nm`.

    Examples
    --------
    >>> drift_table([[0.0, 0.0], [0.5, -0.25]]).to_numpy().tolist()
    [[1.0, 0.0, 0.0], [2.0, 0.5, -0.25]]
    """
    values = np.array(drift_nm, dtype=np.float64).reshape(-1, 2)
    return pd.DataFrame({"map": np.arange(1, len(values) + 1), "drift_y_nm": values[:, 0], "drift_x_nm": values[:, 1]})
