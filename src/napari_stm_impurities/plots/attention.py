"""The attribution of a score to the maps: the attention weight of each map, and the drop without it (leave one out)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from .elements import FOUND_COLOUR, SURFACE_COLOUR, label_axes
from .spectra import MARKED_BIASES


def plot_attention(
    axes: Axes,
    bias_mv: np.ndarray,
    attention: np.ndarray,
    leave_one_out_drop: np.ndarray,
    range_mv: tuple[float, float],
) -> None:
    """Draw two curves over the bias, each with an axis of its own.

    Parameters
    ----------
    axes
        Where to draw.
    bias_mv
        Of the input maps of the network, shape (bias,), in mV.
    attention
        The weights of Eq. 1 of Wang et al. 2020, which sum to 1.
    leave_one_out_drop
        The drop of the score without each map.
    range_mv
        The two ends of the bias axis, so that it agrees with that of a spectrum.
    """
    right_axes = axes.twinx()
    marker = "o" if len(bias_mv) <= MARKED_BIASES else None
    for own_axes, values, colour, name in (
        (axes, attention, SURFACE_COLOUR, "attention"),
        (right_axes, leave_one_out_drop, FOUND_COLOUR, "drop of the score"),
    ):
        own_axes.plot(bias_mv, values, color=colour, marker=marker, markersize=3.5)
        label_axes(own_axes, "bias (mV)", name, y_colour=colour)
    if range_mv[1] > range_mv[0]:
        axes.set_xlim(range_mv)


def attention_table(
    bias_mv: np.ndarray, attention: np.ndarray, leave_one_out_drop: np.ndarray, range_mv: tuple[float, float]
) -> pd.DataFrame:
    """`bias_mv`, `attention` and `leave_one_out_drop`."""
    return pd.DataFrame({"bias_mv": bias_mv, "attention": attention, "leave_one_out_drop": leave_one_out_drop})
