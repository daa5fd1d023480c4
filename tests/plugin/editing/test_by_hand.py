"""Every edit and its undo, with mouse and keys on the canvas of a real window."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Points

from napari_stm_impurities.data.points import SOURCES, make_points
from napari_stm_impurities.plugin.editing import add_points, history_of, merge_run
from napari_stm_impurities.plugin.layers.points import layer_points, points_layer

from .conftest import CONFIDENCE, YX, Hand

ORANGE, RED = (1.0, 0.647, 0.0), (1.0, 0.0, 0.0)


def looks(layer: Points) -> tuple[list[str], list[float], list[str], list[bool]]:
    """What can be seen of a layer: sources, confidences, verdicts, and which points are shown."""
    checked = layer.features.get("checked")
    return (
        layer.features["source"].astype(str).tolist(),
        layer.features["confidence"].round(3).fillna(-1).tolist(),
        ["unchecked"] * len(layer.data) if checked is None else checked.astype(str).tolist(),
        np.asarray(layer.shown).tolist(),
    )


BEFORE = (["model"] * 4, CONFIDENCE, ["unchecked"] * 4, [True] * 4)


def unchanged(layer: Points) -> None:
    assert looks(layer) == BEFORE
    np.testing.assert_array_equal(layer.data, YX)
    np.testing.assert_allclose(layer.border_color[:, :3], [RED] * 4, atol=1e-3)


def test_a_click_adds_a_manual_point(hand: Hand, layer: Points) -> None:
    hand.press("2")
    hand.click(10, 15)
    np.testing.assert_allclose(layer.data[-1], [10, 15], atol=0.1)
    assert looks(layer) == (["model"] * 4 + ["manual"], [*CONFIDENCE, -1], ["unchecked"] * 5, [True] * 5)
    np.testing.assert_allclose(layer.border_color[-1, :3], ORANGE, atol=1e-3)
    hand.undo()
    unchanged(layer)
    hand.redo()
    assert len(layer.data) == 5
    assert looks(layer)[0][-1] == "manual"


def test_a_point_added_after_another_was_chosen_takes_nothing_over_from_it(hand: Hand, layer: Points) -> None:
    hand.press("3")
    hand.click(*YX[0])
    hand.press("2")
    hand.click(10, 15)
    assert looks(layer)[:2] == (["model"] * 4 + ["manual"], [*CONFIDENCE, -1])
    assert list(layer.features["source"].cat.categories) == list(SOURCES)


def test_a_drag_is_one_step_and_marks_the_point(hand: Hand, layer: Points) -> None:
    hand.press("3")
    hand.click(*YX[2])
    hand.drag((15, 10), (12, 14), stops=12)
    np.testing.assert_allclose(layer.data[2], [12, 14], atol=0.1)
    assert looks(layer)[:2] == (["model", "model", "manual", "model"], [0.9, 0.55, -1, 0.6])
    assert np.isnan(layer.features["score"][2])
    np.testing.assert_allclose(layer.border_color[2, :3], ORANGE, atol=1e-3)
    assert len(history_of(layer)) == 1
    assert history_of(layer).undo_name == "move 1 point"
    hand.undo()
    unchanged(layer)
    hand.redo()
    np.testing.assert_allclose(layer.data[2], [12, 14], atol=0.1)


def test_several_points_are_dragged_at_once(hand: Hand, layer: Points) -> None:
    hand.press("3")
    hand.drag((13, 7), (18, 28))  # a box around two
    assert layer.selected_data == {2, 3}
    hand.drag((15, 10), (12, 10))
    np.testing.assert_allclose(layer.data[[2, 3]], [[12, 10], [13, 25]], atol=0.1)
    assert looks(layer)[0] == ["model", "model", "manual", "manual"]
    assert history_of(layer).undo_name == "move 2 points"
    hand.undo()
    unchanged(layer)


@pytest.mark.parametrize("key", ["Delete", "Backspace", "1"])
def test_deleting_keeps_features_and_points_together(hand: Hand, layer: Points, key: str) -> None:
    hand.press("3")
    hand.click(*YX[1])
    hand.press(key)
    assert layer.data.tolist() == [YX[0], YX[2], YX[3]]
    assert layer.features["confidence"].tolist() == [0.9, 0.7, 0.6]
    assert history_of(layer).undo_name == "delete 1 point"
    hand.undo()
    unchanged(layer)


def test_accepting(hand: Hand, layer: Points) -> None:
    hand.press("3")
    hand.click(*YX[1])
    hand.press("A")
    assert looks(layer) == (
        ["model"] * 4,
        CONFIDENCE,
        ["unchecked", "accepted", "unchecked", "unchecked"],
        [True] * 4,
    )
    assert history_of(layer).undo_name == "accept 1 point"
    hand.undo()
    unchanged(layer)


def test_rejecting_hides_and_leaves_out(hand: Hand, layer: Points) -> None:
    hand.press("3")
    hand.click(*YX[1])
    hand.press("R")
    assert looks(layer)[2:] == (
        ["unchecked", "rejected", "unchecked", "unchecked"],
        [True, False, True, True],
    )
    assert len(layer_points(layer)) == 3
    layer.shown = True  # whoever shows all points does not take a rejected one into a table
    assert len(layer_points(layer)) == 3
    assert layer_points(layer, hidden=True)["checked"].tolist()[1] == "rejected"
    hand.undo()
    unchanged(layer)


def test_the_second_keys_of_undo_and_redo(hand: Hand, layer: Points) -> None:
    hand.press("2")
    hand.click(10, 15)
    hand.press("U")
    assert len(layer.data) == 4
    hand.press("U", "Shift")
    assert len(layer.data) == 5


def test_copied_points_are_pasted_as_manual_ones(hand: Hand, layer: Points) -> None:
    hand.press("3")
    hand.click(*YX[1])
    hand.press("C", "Control")
    hand.press("V", "Control")
    assert looks(layer)[:2] == (["model"] * 4 + ["manual"], [*CONFIDENCE, -1])
    assert layer.data.tolist() == [*YX, YX[1]]
    hand.undo()
    unchanged(layer)


def test_where_napari_has_no_such_paste_its_key_is_left_alone(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    keymap = {keys: do for keys, do in Points.class_keymap.items() if do.__name__ != "paste"}
    monkeypatch.setattr(Points, "class_keymap", keymap)
    layer = add_points(hand.viewer, points_layer(make_points(YX, (0.5, 0.5), source="manual"), hand.image))
    bound = {str(keys) for keys in layer.keymap}
    assert "Ctrl+A" in bound
    assert "Ctrl+V" not in bound


def test_all_means_all_that_can_be_seen(hand: Hand, layer: Points) -> None:
    layer.shown = [True, False, True, True]
    hand.press("A", "Control")
    hand.press("Delete")
    assert layer.data.tolist() == [YX[1]]


def test_a_point_outside_the_frame_can_be_added_and_moved(hand: Hand, layer: Points) -> None:
    hand.viewer.scene.camera.zoom /= 2
    hand.qtbot.wait(50)
    hand.press("2")
    hand.click(-4, -6)
    np.testing.assert_allclose(layer.data[-1], [-4, -6], atol=0.2)
    hand.press("3")
    hand.drag((-4, -6), (-5, -3))
    np.testing.assert_allclose(layer.data[-1], [-5, -3], atol=0.2)
    assert layer_points(layer)["y_nm"].iloc[-1] < 0
    hand.undo()
    hand.undo()
    unchanged(layer)


def test_the_next_uncertain_point_comes_to_the_middle(hand: Hand, layer: Points) -> None:
    zoom = hand.viewer.scene.camera.zoom
    for expected in (1, 3, 2, 0, 1):  # by confidence, and round again
        hand.press("N")
        assert layer.selected_data == {expected}
        np.testing.assert_allclose(hand.viewer.scene.camera.center[-2:], np.array(YX[expected]) * 0.5)
    assert hand.viewer.scene.camera.zoom == zoom
    hand.press("A")
    hand.press("N")
    hand.press("R")
    for expected in (2, 0, 2):
        hand.press("N")
        assert layer.selected_data == {expected}


def test_200_steps_and_no_more(hand: Hand, layer: Points) -> None:
    hand.press("3")
    hand.click(*YX[1])
    hand.press("C", "Control")
    hand.canvas.setUpdatesEnabled(False)  # drawing each of the steps takes most of the time
    for _ in range(201):
        hand.press("V", "Control")
    history = history_of(layer)
    assert len(layer.data) == 205
    assert len(history) == 200
    for left in range(204, 4, -1):
        hand.undo()
        assert len(layer.data) == left
    hand.undo()
    assert len(layer.data) == 5
    assert hand.viewer.status == "nothing to undo"
    for there in range(6, 12):
        hand.redo()
        assert len(layer.data) == there


def test_a_run_that_replaced_the_points_is_undone(hand: Hand, layer: Points) -> None:
    hand.press("3")
    hand.click(*YX[0])
    hand.press("R")
    hand.drag((8, 20), (10, 20))
    hand.click(*YX[1])
    before = looks(layer), layer.data.tolist()
    run = make_points([[4.2, 4.0], [2.0, 25.0]], (0.5, 0.5), source="model", confidence=[0.95, 0.8])
    merged = merge_run(layer, run, hand.image, 0.5, "find again")
    assert len(merged) == 3
    assert sorted(layer_points(layer)["source"].astype(str)) == ["manual", "model"]
    assert history_of(layer).undo_name == "find again"
    hand.undo()
    assert (looks(layer), layer.data.tolist()) == before
    hand.redo()
    assert len(layer.data) == 3
    assert looks(layer)[2].count("rejected") == 1


def test_a_renamed_layer_keeps_its_history(hand: Hand, layer: Points) -> None:
    hand.press("2")
    hand.click(10, 15)
    layer.name = "my points"
    hand.undo()
    unchanged(layer)


def test_undo_goes_on_while_the_mouse_lies_on_a_point_that_vanishes(hand: Hand, layer: Points) -> None:
    hand.press("2")
    hand.click(10, 15)
    hand.press("3")
    hand.move(10, 15)
    hand.undo()
    hand.move(10, 16)
    hand.click(*YX[3])
    assert layer.selected_data == {3}
    unchanged(layer)
