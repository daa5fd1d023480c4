"""Pictures: what they show, and what is refused."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from matplotlib.image import imread

from napari_stm_impurities.analysis.comparison import compare
from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.plots.maps import draw_overlay, draw_points, overlay


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


def test_a_point_lies_on_the_pixel_that_it_names(tmp_path):
    values = np.zeros((1, 20, 30))
    values[0, 4, 21] = 1.0
    stack = make_stack(values, -520, (0.5, 0.25))
    reference = make_points([[4, 21]], (0.5, 0.25), source="reference")
    figure = overlay(stack, make_points([], (0.5, 0.25), source="model"), reference)
    figure.savefig(tmp_path / "drawn.png")
    axes = figure.axes[0]
    (image,) = axes.get_images()
    left, right, bottom, top = image.get_extent()
    dots = next(line for line in axes.get_lines() if str(line.get_label()).startswith("reference"))
    # the pixel of the picture under the dot is the one that is bright, and the dot is in its middle
    column = (dots.get_xdata()[0] - left) / (right - left) * 30
    row = (dots.get_ydata()[0] - top) / (bottom - top) * 20
    assert (row, column) == (pytest.approx(4.5), pytest.approx(21.5))
    assert image.get_array()[int(row), int(column)] == 1.0
    # the first line is the uppermost, as in the viewer
    assert image.origin == "upper"
    assert bottom > top


def test_the_overlay_tells_what_was_missed_and_the_figures_of_merit(stack):
    reference = make_points([[4, 4], [10, 20]], (0.5, 0.5), source="reference")
    found = make_points([[4, 4], [15, 5], [2, 25]], (0.5, 0.5), source="model")
    figure = overlay(stack[:1], found, reference, comparison=compare(found, reference, 0.5, frame=stack))
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["reference (2)", "prediction (3)", "missed (1)", "extra (2)"]
    missed = next(line for line in figure.axes[0].get_lines() if line.get_label() == "missed (1)")
    assert (missed.get_ydata()[0], missed.get_xdata()[0]) == (5.0, 10.0)
    assert "recall 0.50, precision 0.33" in figure.get_supxlabel()


@pytest.mark.parametrize(("width_px", "bar"), [(75, "5 nm"), (30, "2 nm"), (400, "50 nm")])
def test_the_scale_bar_has_the_length_that_it_says(width_px, bar):
    stack = make_stack(np.random.default_rng(0).normal(size=(1, 20, width_px)), -520, 0.5)
    none = make_points([], (0.5, 0.5), source="model")
    axes = overlay(stack, none, none).axes[0]
    line = next(line for line in axes.get_lines() if line.get_color() == "white")
    length_nm = np.ptp(line.get_xdata()) * np.ptp(axes.get_images()[0].get_extent()[:2])
    assert length_nm == pytest.approx(float(bar.split()[0]))
    assert bar in [artist.txt.get_text() for artist in axes.artists]


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_each_kind_of_picture_is_what_its_ending_says(stack, tmp_path, kind):
    points = make_points([[4, 4]], (0.5, 0.5), source="model")
    path = draw_overlay(stack[:1], points, points, tmp_path / f"fig.{kind}")
    begins = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[kind]
    assert path.read_bytes().startswith(begins)
