"""What the plots share: bars, marks and legends."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.plots.elements import bars, count, legend_above, mark_bias, round_ticks, vertical_mark
from napari_stm_impurities.plots.figures import empty_figure


def test_what_is_no_number_or_lies_outside_is_not_counted() -> None:
    edges = np.array([0.0, 0.5, 1.0])
    assert count([0.6, 0.6, 0.7, np.nan, 5.0, -1.0, np.inf], edges).tolist() == [0, 3]
    assert count([], edges).tolist() == [0, 0]


def test_bars_stand_between_their_edges() -> None:
    _, axes = empty_figure()
    bars(axes, [0.6, 0.7], np.array([0.0, 0.5, 1.0]))
    (patch,) = axes.patches
    values, edges, _ = patch.get_data()
    assert (values.tolist(), edges.tolist()) == ([0, 2], [0.0, 0.5, 1.0])
    assert axes.get_xlim() == (0.0, 1.0)
    assert axes.get_ylim()[0] == 0


def test_a_mark_changes_no_limits_and_none_lies_outside() -> None:
    _, axes = empty_figure()
    axes.set_xlim(-10, 10)
    (line,) = mark_bias(axes, -5.0)
    assert list(line.get_xdata()) == [-5.0, -5.0]
    assert mark_bias(axes, 11.0) == []
    vertical_mark(axes, 99.0, "red", "-", 1.0)
    assert axes.get_xlim() == (-10, 10)


def test_a_legend_names_what_has_a_name() -> None:
    _, axes = empty_figure()
    axes.plot([0, 1])
    legend_above(axes)
    assert axes.get_legend() is None
    axes.plot([0, 1], label="here")
    vertical_mark(axes, 0.5, "red", "-", 1.0, "mark")
    legend_above(axes)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["here", "mark"]


@pytest.mark.parametrize(("low", "high"), [(-230, 20), (0.0, 1.0), (1e-12, 5e-12)])
def test_ticks_are_round_numbers(low: float, high: float) -> None:
    steps = np.diff(round_ticks().tick_values(low, high))
    np.testing.assert_allclose(steps, steps[0])
    mantissa = steps[0] / 10 ** np.floor(np.log10(steps[0]) + 1e-9)
    assert round(mantissa, 6) in (1, 2, 5)
