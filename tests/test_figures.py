"""Pictures: what they show, and what is refused."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from matplotlib.image import imread

from napari_stm_impurities.errors import StmError
from napari_stm_impurities.figures import draw_overlay, draw_points
from napari_stm_impurities.points import make_points
from napari_stm_impurities.stacks import make_stack


@pytest.fixture
def stack():
    return make_stack(np.random.default_rng(0).normal(size=(3, 20, 30)), [-520, -10, 20], 0.5)


def coloured(picture: np.ndarray) -> int:
    """How many pixels are clearly red."""
    red, green, blue = (picture[..., i] for i in range(3))
    return int(((red > 0.8) & (green < 0.3) & (blue < 0.3)).sum())


def test_a_red_square_stands_for_each_prediction(stack, tmp_path):
    reference = make_points([[4, 4], [10, 20]], (0.5, 0.5), source="reference")
    counts = []
    for n in (0, 1, 3):
        found = make_points([[2, 3], [10, 20], [15, 5]][:n], (0.5, 0.5), source="model", confidence=0.9)
        draw_overlay(stack[:1], found, reference, tmp_path / "overlay.png")
        counts.append(coloured(imread(tmp_path / "overlay.png")))
    # the legend has one square, too
    assert counts[1] - counts[0] == pytest.approx((counts[2] - counts[0]) / 3, rel=0.2)
    assert counts[1] > counts[0] > 0


def test_points_without_confidence_are_drawn_too(stack, tmp_path):
    none = make_points([], (0.5, 0.5), source="manual")
    some = make_points([[4, 4], [10, 20]], (0.5, 0.5), source="manual")
    pictures = [imread(draw_points(stack, points, tmp_path / "points.png")) for points in (none, some)]
    assert pictures[0].shape == pictures[1].shape
    assert (pictures[0] != pictures[1]).any()


def test_missing_pixels_do_no_harm(stack, tmp_path):
    stack.values[:, :5] = np.nan
    stack.values[:, 10, 10] = 1e9
    points = make_points([[15, 15]], (0.5, 0.5), source="model", confidence=0.5)
    assert imread(draw_points(stack, points, tmp_path / "p.png")).std() > 0.1


@pytest.mark.parametrize("name", ["points.docx", "points"])
def test_an_unknown_kind_of_picture_is_told(stack, tmp_path, name):
    with pytest.raises(StmError, match=r"\.png, \.pdf or \.svg"):
        draw_points(stack, make_points([], (1, 1), source="manual"), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_no_window_system_is_touched(stack, tmp_path):
    draw_points(stack, make_points([], (1, 1), source="manual"), tmp_path / "p.png")
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()
