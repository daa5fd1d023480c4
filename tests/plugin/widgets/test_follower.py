"""Following layers: at once, at rest, and not any more."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from napari.layers import Points
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QApplication, QWidget

from napari_stm_impurities.plugin.widgets.follower import POINT_EDITS, LayerFollower, edits_of

AFTER_MS = 40


@pytest.fixture
def widget(qtbot: QtBot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


@pytest.fixture
def layer(qapp: object) -> Points:
    return Points(np.array([[1.0, 2.0], [3.0, 4.0]]), features={"confidence": [0.1, 0.9]})


def n_listeners(layer: Points) -> int:
    return sum(len(getattr(layer.events, name).callbacks) for name in POINT_EDITS)


def test_several_changes_are_one_at_rest_and_each_is_one_at_once(qtbot: QtBot, widget: QWidget, layer: Points) -> None:
    at_rest: list[int] = []
    at_once: list[int] = []
    follower = LayerFollower(widget, lambda: at_rest.append(1), AFTER_MS, at_once=lambda: at_once.append(1))
    follower.follow(layer.events.data)
    before = len(at_once)
    for _ in range(3):
        layer.data = layer.data + 1
    assert len(at_once) - before >= 3
    assert not at_rest
    assert follower.waiting
    qtbot.waitUntil(lambda: bool(at_rest))
    qtbot.wait(2 * AFTER_MS)
    assert at_rest == [1]


@pytest.mark.parametrize(
    "edit",
    [
        lambda layer: layer.add([5, 5]),
        lambda layer: setattr(layer, "shown", [True, False]),
        lambda layer: setattr(layer, "features", layer.features.assign(confidence=0.5)),
        lambda layer: setattr(layer, "scale", (2, 2)),
        lambda layer: setattr(layer, "translate", (1, 0)),
        lambda layer: setattr(layer, "rotate", 30),
    ],
)
def test_each_kind_of_edit_is_followed(qtbot: QtBot, widget: QWidget, layer: Points, edit: object) -> None:
    seen: list[int] = []
    follower = LayerFollower(widget, lambda: seen.append(1), 0)
    follower.follow(*edits_of(layer))
    edit(layer)
    qtbot.waitUntil(lambda: bool(seen))


@pytest.mark.parametrize(("while_changing", "least"), [(False, 0), (True, 2)])
def test_a_long_series_is_followed_in_between_where_wanted(
    qtbot: QtBot, widget: QWidget, layer: Points, while_changing: bool, least: int
) -> None:
    seen: list[int] = []
    follower = LayerFollower(widget, lambda: seen.append(1), 100, while_changing=while_changing)
    follower.follow(layer.events.data)
    for _ in range(30):
        layer.data = layer.data + 1
        qtbot.wait(15)
    assert len(seen) >= least
    assert while_changing or not seen
    qtbot.waitUntil(lambda: len(seen) > least - 1 and bool(seen))


def test_what_is_released_or_exchanged_is_followed_no_more(qtbot: QtBot, widget: QWidget, layer: Points) -> None:
    other = Points([[0.0, 0.0]])
    before = n_listeners(layer)
    seen: list[int] = []
    follower = LayerFollower(widget, lambda: seen.append(1), 0)
    follower.follow(*edits_of(layer))
    assert n_listeners(layer) == before + len(POINT_EDITS)
    layer.data = layer.data + 1
    follower.follow(*edits_of(other))  # the change that was not at rest yet was the former layer's
    assert n_listeners(layer) == before
    layer.data = layer.data + 1
    qtbot.wait(20)
    assert not seen
    follower.release()
    assert not follower.following
    other.data = other.data + 1
    qtbot.wait(20)
    assert not seen


def test_a_change_can_be_dropped_and_the_next_is_followed(qtbot: QtBot, widget: QWidget, layer: Points) -> None:
    seen: list[int] = []
    follower = LayerFollower(widget, lambda: seen.append(1), 0)
    follower.follow(layer.events.data)
    layer.data = layer.data + 1
    follower.drop_change()
    qtbot.wait(20)
    assert not seen
    layer.data = layer.data + 1
    qtbot.waitUntil(lambda: bool(seen))


def test_nothing_is_called_after_the_widget_is_deleted(qtbot: QtBot, layer: Points) -> None:
    widget = QWidget()
    before = n_listeners(layer)
    seen: list[int] = []
    follower = LayerFollower(widget, lambda: seen.append(1), 0, at_once=lambda: seen.append(2))
    follower.follow(*edits_of(layer))
    widget.deleteLater()
    qtbot.waitUntil(lambda: n_listeners(layer) == before)
    layer.data = layer.data + 1
    QApplication.processEvents()
    assert not seen


def test_a_followed_layer_is_not_kept_alive(widget: QWidget) -> None:
    layer = Points([[0.0, 0.0]])
    follower = LayerFollower(widget, lambda: None, 0)
    follower.follow(*edits_of(layer))
    gone = weakref.ref(layer)
    del layer
    gc.collect()
    assert gone() is None
    follower.release()
