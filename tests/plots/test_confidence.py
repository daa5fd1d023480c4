"""The histogram of confidences, and its threshold."""

from __future__ import annotations

import numpy as np

from napari_stm_impurities.plots.confidence import confidence_table, mark_threshold, plot_confidence
from napari_stm_impurities.plots.figures import empty_figure


def test_the_bars_are_the_table() -> None:
    confidence = np.array([0.0, 0.02, 0.5, 1.0, np.nan])
    _, axes = empty_figure()
    plot_confidence(axes, confidence)
    table = confidence_table(confidence)
    values, edges, _ = axes.patches[0].get_data()
    np.testing.assert_array_equal(values, table["points"])
    np.testing.assert_array_equal(edges, [*table["confidence_from"], table["confidence_to"].iloc[-1]])
    # both ends belong to the outermost bars
    assert (values[0], values[12], values[-1], values.sum()) == (2, 1, 1, 4)


def test_the_threshold_stands_at_its_value_and_is_named_by_it() -> None:
    _, axes = empty_figure()
    plot_confidence(axes, [0.5])
    (line,) = mark_threshold(axes, 0.7)
    assert list(line.get_xdata()) == [0.7, 0.7]
    assert line.get_label() == "threshold 0.7"
