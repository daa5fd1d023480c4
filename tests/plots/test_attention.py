"""Attention and drop of the score: two curves, each with an axis of its own."""

from __future__ import annotations

import numpy as np

from napari_stm_impurities.plots.attention import attention_table, plot_attention
from napari_stm_impurities.plots.figures import empty_figure

BIAS_MV, ATTENTION, FALL = np.array([-20.0, 0.0, 5.0]), np.array([0.2, 0.3, 0.5]), np.array([-1e5, 0.0, 2e6])


def test_each_curve_has_its_own_scale_on_the_given_biases() -> None:
    figure, axes = empty_figure()
    plot_attention(axes, BIAS_MV, ATTENTION, FALL, (-50.0, 5.0))
    left, right = figure.axes
    np.testing.assert_array_equal(left.get_lines()[0].get_ydata(), ATTENTION)
    np.testing.assert_array_equal(right.get_lines()[0].get_ydata(), FALL)
    assert left.get_ylim()[1] < 1 < right.get_ylim()[1]
    assert left.get_xlim() == right.get_xlim() == (-50, 5)


def test_one_map_alone_has_a_plot_too() -> None:
    figure, axes = empty_figure()
    plot_attention(axes, BIAS_MV[:1], ATTENTION[:1], FALL[:1], (-20.0, -20.0))
    figure.canvas.draw()


def test_the_table_holds_what_was_drawn() -> None:
    table = attention_table(BIAS_MV, ATTENTION, FALL, (-50.0, 5.0))
    assert table.columns.tolist() == ["bias_mv", "attention", "leave_one_out_drop"]
    np.testing.assert_array_equal(table.to_numpy().T, [BIAS_MV, ATTENTION, FALL])
