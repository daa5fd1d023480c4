"""The drift of each map."""

from __future__ import annotations

import numpy as np

from napari_stm_impurities.plots.drift import drift_table, plot_drift
from napari_stm_impurities.plots.figures import empty_figure


def test_both_directions_share_one_scale() -> None:
    drift_nm = [[0.0, 0.0], [0.5, -0.25], [1.0, -0.5]]
    _, axes = empty_figure()
    plot_drift(axes, drift_nm)
    lines = {line.get_label(): line for line in axes.get_lines()}
    np.testing.assert_array_equal(lines["y"].get_ydata(), [0, 0.5, 1])
    np.testing.assert_array_equal(lines["x"].get_ydata(), [0, -0.25, -0.5])
    assert list(lines["x"].get_xdata()) == drift_table(drift_nm)["map"].tolist() == [1, 2, 3]
    assert axes.get_ylabel() == "drift (nm)"
