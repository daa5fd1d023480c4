"""Undo and redo without a window: what is shared, what is kept of other plugins' layers, and what goes wrong."""

from __future__ import annotations

import gc
import time
import weakref

import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel
from napari.layers import Layer, Points

from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.io.tables import load_points, save_points
from napari_stm_impurities.plugin.editing import (
    accept,
    add_points,
    attach,
    follow,
    history,
    history_of,
    merge_run,
    put_table,
    reject,
    shown_at,
    unreject,
)
from napari_stm_impurities.plugin.editing.state import put_state, take_state
from napari_stm_impurities.plugin.layers.images import DRAWN_KEY, THRESHOLD_KEY
from napari_stm_impurities.plugin.layers.points import layer_points, points_layer


def found(n: int) -> Points:
    """A layer with n points of a model."""
    rng = np.random.default_rng(0)
    table = make_points(
        rng.uniform(0, 99, (n, 2)), (0.5, 0.5), source="model", score=1.0, confidence=rng.uniform(size=n)
    )
    return Layer.create(*points_layer(table))


def plain() -> Points:
    """Another plugin's points: three axes, a colour, a size and a symbol of each one's own, a feature of its own."""
    return Points(
        np.arange(12.0).reshape(4, 3),
        features={"area": [1.0, 2.0, 3.0, 4.0]},
        face_color=["red", "green", "blue", "white"],
        size=[1, 2, 3, 4],
        symbol=["disc", "cross", "square", "ring"],
    )


def everything(layer: Points) -> list[object]:
    """All that is seen of a layer, as values."""
    looks = (
        layer.data,
        layer.shown,
        layer.size,
        layer.symbol,
        layer.border_width,
        layer.face_color,
        layer.border_color,
    )
    return [*(np.asarray(one).tolist() for one in looks), layer.features.astype(str).to_numpy().tolist()]


def test_everything_of_another_plugins_layer_comes_back():
    layer = plain()
    before = everything(layer)
    steps = history_of(layer)
    layer.remove([1, 2])
    layer.add([5, 5, 5])
    layer.data = layer.data + 1
    after = everything(layer)
    assert list(layer.features.columns) == ["area"]  # it gets no feature that it does not know
    for _ in range(3):
        steps.undo()
    assert everything(layer) == before
    for _ in range(3):
        steps.redo()
    assert everything(layer) == after


def test_all_points_deleted_and_brought_back():
    layer = found(3)
    before = everything(layer)
    layer_steps = history_of(layer)
    layer.remove([0, 1, 2])
    assert len(layer.data) == 0
    layer_steps.undo()
    assert everything(layer) == before
    layer_steps.redo()
    assert len(layer.data) == 0


def test_whoever_sets_all_data_has_moved_only_what_lies_elsewhere():
    layer = found(4)
    history_of(layer)
    new = np.array(layer.data)
    new[2] += 3
    layer.data = new
    assert layer.features["source"].astype(str).tolist() == ["model", "model", "manual", "model"]
    assert np.isnan(layer.features["confidence"]).tolist() == [False, False, True, False]


def test_whoever_listens_hears_of_an_undo_once_with_everything_in_place():
    layer = found(4)
    layer.remove([1])
    expected = layer.features["confidence"].tolist()
    steps = history_of(layer)
    layer.remove([0])
    heard: list[list[float]] = []
    layer.events.data.connect(lambda _event: heard.append(layer.features["confidence"].tolist()))
    steps.undo()
    assert heard == [expected]


def test_a_new_edit_after_an_undo_ends_what_could_be_redone():
    layer = found(4)
    steps = history_of(layer)
    layer.remove([1])
    steps.undo()
    layer.remove([0, 1])
    assert steps.redo_name is None
    assert steps.redo() is None
    assert steps.undo_name == "delete 2 points"


def test_an_error_in_the_middle_of_a_change_leaves_no_trace():
    layer = found(4)
    steps = history_of(layer)
    layer.remove([3])
    steps.undo()
    before = everything(layer)

    def fail() -> None:
        with steps.change("half a thing"):
            layer.remove([0])
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    assert everything(layer) == before
    assert (steps.undo_name, steps.redo_name) == (None, "delete 1 point")


def test_the_threshold_stays_where_it_is_when_something_is_undone():
    layer = found(6)
    layer.metadata[THRESHOLD_KEY] = 0.0
    layer.remove([0])
    history_of(layer).record("delete again")
    layer.remove([0])
    layer.metadata[THRESHOLD_KEY] = 0.5
    layer.shown = shown_at(layer.features, 0.5)
    history_of(layer).undo()
    np.testing.assert_array_equal(layer.shown, layer.features["confidence"] >= 0.5)


def test_what_does_not_change_is_stored_once():
    layer = found(1000)
    first = take_state(layer)
    with history_of(layer).change("accept"):
        accept(layer, [1])
    second = take_state(layer, first)
    assert second.data is first.data
    assert second.shown is first.shown
    assert all(second.looks[name] is first.looks[name] for name in first.looks)
    assert all(second.columns[name] is first.columns[name] for name in first.columns)
    assert second.columns["checked"].tolist()[:3] == ["unchecked", "accepted", "unchecked"]
    assert len(second.looks["size"]) == 1


def test_a_state_is_a_value():
    layer = found(5)
    state = take_state(layer)
    data, features = state.data.copy(), state.features.copy()
    layer.data[0] += 7  # as napari does while a point is dragged
    layer.selected_data = {1}
    layer.current_properties = {"score": np.array([9.0]), "confidence": np.array([0.1]), "source": np.array(["manual"])}
    np.testing.assert_array_equal(state.data, data)
    pd.testing.assert_frame_equal(state.features, features)
    put_state(layer, state)
    layer.data[0] += 7
    np.testing.assert_array_equal(state.data, data)


def test_a_step_of_10000_points_is_not_felt():
    layer = found(10_000)
    steps = history_of(layer)
    steps.record("first")
    took = []
    for number in range(20):
        layer.data[number] += 1
        since = time.process_time()
        steps.record("drag")
        took.append(time.process_time() - since)
    assert np.median(took) < 0.010


def test_200_steps_of_10000_points_take_little_memory():
    layer = found(10_000)
    steps = history_of(layer)
    for number in range(205):
        with steps.change("accept"):
            accept(layer, [number])
    states = [step.state for step in steps._done]
    assert len(states) == 200
    numbers = {id(one): one.nbytes for state in states for one in (state.data, state.shown, *state.looks.values())}
    features = {id(one): one.memory_usage() for state in states for one in state.columns.values()}
    # the places once, and of each step one byte a point: what was said of it
    assert sum(numbers.values()) < 10_000 * 17 + 1000
    assert sum(features.values()) < 10_000 * (2 * 8 + 1) + 200 * (10_000 + 1000)


def test_the_history_is_gone_with_the_layer():
    layer = found(3)
    steps, alive = weakref.ref(history_of(layer)), weakref.ref(layer)
    layer.remove([0])
    del layer
    gc.collect()
    assert alive() is None
    assert steps() is None


def test_a_layer_that_is_gone_is_told_of():
    layer = found(3)
    steps = history_of(layer)
    del layer
    gc.collect()
    with pytest.raises(ReferenceError, match="the layer of this history is gone"):
        steps.record("late")


def test_two_layers_in_two_viewers_have_a_history_each(qapp: object):
    viewers = [ViewerModel(), ViewerModel()]
    table = make_points([[1, 1], [2, 2]], (1, 1), source="model", confidence=0.5)
    first, second = (add_points(viewer, points_layer(table)) for viewer in viewers)
    first.remove([0])
    second.remove([0, 1])
    history_of(first).undo()
    assert (len(first.data), len(second.data)) == (2, 0)


def test_the_viewer_is_followed(qapp: object):
    viewer = ViewerModel()
    there = viewer.add_layer(found(2))
    follow(viewer)
    later = viewer.add_layer(found(2))
    picture = found(2)
    picture.metadata[DRAWN_KEY] = True
    viewer.add_layer(picture)
    other = viewer.add_points([[1, 1]])
    assert [layer in history._histories for layer in (there, later, picture, other)] == [True, True, False, False]
    attach(viewer, other)
    other.add([2, 2])
    history_of(other).undo()
    assert len(other.data) == 1


def test_a_verdict_outlives_the_file(tmp_path):
    layer = found(4)
    accept(layer, [0])
    reject(layer, [2])
    path = save_points(layer_points(layer), tmp_path / "points.csv")
    back = Layer.create(*points_layer(load_points(path)))
    assert back.features["checked"].astype(str).tolist() == ["accepted", "unchecked", "unchecked"]
    back.add([5, 5])
    assert back.features["checked"].astype(str).tolist()[-1] == "unchecked"


def test_rejected_points_are_brought_back_as_the_threshold_says():
    layer = found(4)
    layer.features = layer.features.assign(confidence=[0.2, 0.9, 0.8, 0.1])
    layer.metadata[THRESHOLD_KEY] = 0.5
    layer.shown = shown_at(layer.features, 0.5)
    reject(layer, [1, 3])
    assert layer.shown.tolist() == [False, False, True, False]
    assert unreject(layer) == 2
    assert layer.shown.tolist() == [False, True, True, False]


def test_a_table_is_put_into_a_layer_that_lies_askew():
    layer = Points([[1.0, 2.0]], scale=(0.5, 0.25), translate=(10, 20), rotate=30, units=("nanometer", "nanometer"))
    table = layer_points(layer)
    more = pd.concat([table, table.assign(y_nm=table["y_nm"] + 3)], ignore_index=True)
    put_table(layer, more, "more")
    np.testing.assert_allclose(layer_points(layer)[["y_nm", "x_nm"]], more[["y_nm", "x_nm"]])
    np.testing.assert_allclose(layer.data[0], [1, 2], atol=1e-9)
    history_of(layer).undo()
    assert layer.data.tolist() == [[1.0, 2.0]]


def test_a_new_run_keeps_what_was_decided(image):
    table = make_points([[2, 2], [5, 5], [8, 8]], (0.5, 0.25), source="model", confidence=[0.9, 0.8, 0.7])
    layer = Layer.create(*points_layer(table, image))
    history_of(layer)
    reject(layer, [1])
    layer.add([12, 12])
    run = make_points([[2, 2], [5, 5], [9, 15]], (0.5, 0.25), source="model", confidence=[0.95, 0.85, 0.3])
    merge_run(layer, run, image, 0.4, "find again", threshold=0.5)
    told = layer_points(layer, hidden=True)
    assert list(zip(told["y_px"], told["source"], told["checked"], layer.shown, strict=True)) == [
        (2, "model", "unchecked", True),
        (5, "model", "rejected", False),
        (9, "model", "unchecked", False),
        (12, "manual", "unchecked", True),
    ]
