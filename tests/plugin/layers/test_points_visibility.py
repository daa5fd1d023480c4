"""Hidden points are neither seen nor clicked, also those in the plane of the image."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest
from napari import Viewer
from napari.layers import Layer, Points
from pytestqt.qtbot import QtBot

from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.plugin.editing import add_points
from napari_stm_impurities.plugin.layers import points_visibility
from napari_stm_impurities.plugin.layers.images import image_layer
from napari_stm_impurities.plugin.layers.points import points_layer


@pytest.fixture(params=["napari's own classes", "without them"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the private classes of napari, and where a version of it has them no more."""
    if request.param == "without them":
        monkeypatch.setitem(sys.modules, "napari.layers.points._slice", None)
    return str(request.param)


def n_red(viewer: Viewer) -> int:
    """How many pixels of the canvas are red: the symbols of a model's points."""
    picture = viewer.screenshot(canvas_only=True, flash=False).astype(int)
    return int(((picture[..., 0] > 200) & (picture[..., 1:3].max(-1) < 60)).sum())


def shown_points(viewer: Viewer) -> Points:
    """Two points of a model over a black stack of three maps."""
    image = viewer.add_layer(Layer.create(*image_layer(make_stack(np.zeros((3, 40, 40)), [0, 10, 20], 0.5))))
    table = make_points([[10, 10], [30, 30]], (0.5, 0.5), source="model", confidence=[0.9, 0.2])
    return add_points(viewer, points_layer(table, image, shown=[True, False]))


def test_a_hidden_point_is_not_drawn(way: str, qtbot: QtBot, make_napari_viewer: Callable[..., Viewer]) -> None:
    viewer = make_napari_viewer(show=True)
    layer = shown_points(viewer)
    one = n_red(viewer)
    layer.shown = True
    two = n_red(viewer)
    assert one > 0
    assert abs(two - 2 * one) <= 0.2 * one
    layer.shown = [False, True]
    assert abs(n_red(viewer) - one) <= 0.2 * one
    layer.shown = False
    assert n_red(viewer) == 0
    viewer.dims.set_current_step(0, 2)
    assert n_red(viewer) == 0


def test_a_hidden_point_is_not_clicked(way: str, qtbot: QtBot, make_napari_viewer: Callable[..., Viewer]) -> None:
    viewer = make_napari_viewer(show=True)
    layer = shown_points(viewer)
    # within the symbol, but for its very centre
    places = [layer.data_to_world(point + 0.25) for point in layer.data]
    assert [layer.get_value(place, world=True) for place in places] == [0, None]
    layer.shown = True
    assert [layer.get_value(place, world=True) for place in places] == [0, 1]


def test_added_and_removed_points_are_drawn_right(
    way: str, qtbot: QtBot, make_napari_viewer: Callable[..., Viewer]
) -> None:
    viewer = make_napari_viewer(show=True)
    layer = shown_points(viewer)
    one = n_red(viewer)
    layer.add([20, 20])
    assert layer.shown.tolist() == [True, False, True]
    assert layer.get_value(layer.data_to_world([20, 20]), world=True) == 2
    layer.selected_data = {0, 2}
    layer.remove_selected()
    assert n_red(viewer) == 0
    layer.shown = True
    assert abs(n_red(viewer) - one) <= 0.2 * one


def test_hidden_points_get_their_own_size_back(
    way: str, qtbot: QtBot, make_napari_viewer: Callable[..., Viewer]
) -> None:
    viewer = make_napari_viewer(show=True)
    layer = shown_points(viewer)
    layer.shown = True
    size = layer.size[0]
    layer.size = [2 * size, size]
    layer.shown = [True, False]
    layer.shown = [True, True]
    assert layer.size.tolist() == [2 * size, size]


def test_private_classes_that_answer_otherwise_are_left_alone(
    qtbot: QtBot, make_napari_viewer: Callable[..., Viewer], monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = make_napari_viewer(show=False).add_points([[1, 1], [9, 9]], size=3)
    monkeypatch.setattr(points_visibility, "fields", lambda kind: ())
    points_visibility.respect_shown(layer)
    layer.shown = [True, False]
    assert layer.size.tolist() == [3, 0]
