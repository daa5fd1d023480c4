"""The course of a training."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.plots.figures import empty_figure
from napari_stm_impurities.plots.training import plot_training, training_table


def test_both_figures_run_over_the_epochs() -> None:
    figure, axes = empty_figure()
    epochs = [(0.5, None), (0.4, 0.7), (0.3, 0.8)]
    plot_training(axes, ("loss", "ratio"), epochs)
    left, right = (one.get_lines()[0] for one in figure.axes)
    assert list(left.get_xdata()) == [1, 2, 3]
    assert list(left.get_ydata()) == [0.5, 0.4, 0.3]
    np.testing.assert_array_equal(right.get_ydata(), [np.nan, 0.7, 0.8])
    assert training_table(("loss", "ratio"), epochs).columns.tolist() == ["epoch", "loss", "ratio"]


@pytest.mark.parametrize(("epochs", "n_axes"), [([], 1), ([(0.5, None)], 1), ([(0.5, 0.1)], 2)])
def test_without_a_second_figure_there_is_no_second_axis(
    epochs: list[tuple[float | None, float | None]], n_axes: int
) -> None:
    figure, axes = empty_figure()
    plot_training(axes, ("loss", "ratio"), epochs)
    figure.canvas.draw()
    assert len(figure.axes) == n_axes
