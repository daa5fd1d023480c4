"""Corrected points are kept while they are edited, found again after a crash, and forgotten once they are saved."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points
from napari.utils.notifications import notification_manager
from pytestqt.qtbot import QtBot

from napari_stm_impurities.core.files import AUTOSAVE_SUFFIX
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.io.readers import files_in
from napari_stm_impurities.io.tables import load_points, save_points
from napari_stm_impurities.io.writers import write_nanonis_grid
from napari_stm_impurities.plugin.editing import accept, add_points, attach, autosave, autosave_of, history_of, reject
from napari_stm_impurities.plugin.editing.autosave import Autosave
from napari_stm_impurities.plugin.layers.images import image_layer
from napari_stm_impurities.plugin.layers.points import layer_points, points_layer
from napari_stm_impurities.plugin.preferences import Preferences
from napari_stm_impurities.plugin.reader import get_reader
from napari_stm_impurities.plugin.writer import write_points

from .conftest import CONFIDENCE, YX

KILLED = """
import sys
from napari.components import ViewerModel
from napari.layers import Layer
from qtpy.QtWidgets import QApplication
from napari_stm_impurities.plugin.editing import follow
from napari_stm_impurities.plugin.editing import add_points
from napari_stm_impurities.plugin.layers.points import points_layer
from napari_stm_impurities.plugin.reader import read_maps
from napari_stm_impurities.data.points import make_points

app = QApplication([])
viewer = ViewerModel()
follow(viewer)
image = viewer.add_layer(Layer.create(*read_maps(sys.argv[1])[-1]))
table = make_points([[4.0, 4.0]], (0.5, 0.5), source="model", confidence=0.9)
layer = add_points(viewer, points_layer(table, image))
while True:
    layer.add([len(layer.data) % 20, 7.25])
    app.processEvents()
"""


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write soon after an edit."""
    monkeypatch.setattr(autosave, "EVERY_S", 0.05)


@pytest.fixture
def opened(tmp_path: Path, stack: xr.DataArray, qtbot: QtBot) -> Callable[[], tuple[ViewerModel, Image]]:
    """Give a function that opens the file of a stack in a viewer of its own, as napari does."""
    path = write_nanonis_grid(stack, tmp_path / "grid.3ds")

    def open_it() -> tuple[ViewerModel, Image]:
        viewer = ViewerModel()
        attach(viewer, viewer.add_points(np.zeros((1, 2)), name="somebody else's"))
        read = get_reader(str(path))
        assert read is not None
        for made in read(str(path)):
            viewer.add_layer(Layer.create(*made))
        image = next(one for one in reversed(viewer.layers) if isinstance(one, Image))
        qtbot.wait(1)  # what is offered back comes once all layers are there
        return viewer, image

    return open_it


def found(viewer: ViewerModel, image: Image) -> Points:
    table = make_points(YX, (0.5, 0.5), source="model", score=1.0, confidence=CONFIDENCE)
    return add_points(viewer, points_layer(table, image, name="impurities"))


def kept(qtbot: QtBot, of: Autosave) -> Path:
    """Wait until everything is kept, and give the file."""
    qtbot.waitUntil(lambda: of.path is not None and not of.waits, timeout=30_000)
    assert of.path is not None
    return of.path


def recovered(viewer: ViewerModel) -> list[Points]:
    return [layer for layer in viewer.layers if layer.name.startswith("recovered points")]


def test_an_edit_is_kept_beside_the_data_and_told_of(opened: Any, qtbot: QtBot, tmp_path: Path) -> None:
    viewer, image = opened()
    layer = found(viewer, image)
    assert autosave_of(viewer, layer).state == "nothing to keep"
    layer.add([10.5, 11.25])
    assert autosave_of(viewer, layer).state == "about to be kept"
    path = kept(qtbot, autosave_of(viewer, layer))
    assert path == tmp_path / f"grid.3ds{AUTOSAVE_SUFFIX}"
    assert str(path) in autosave_of(viewer, layer).state
    assert load_points(path)["source"].astype(str).tolist() == ["model"] * 4 + ["manual"]


def test_everything_comes_back_when_the_data_are_opened_again(opened: Any, qtbot: QtBot, tmp_path: Path) -> None:
    viewer, image = opened()
    layer = found(viewer, image)
    with history_of(layer).change("check"):
        accept(layer, [0])
        reject(layer, [1])
    layer.add([10.5, 11.25])
    layer.shown = [True, False, True, False, True]
    layer.remove([2])
    first = kept(qtbot, autosave_of(viewer, layer))
    del viewer, image
    autosave._autosaves.clear()  # what a new process begins with
    again, image = opened()
    (back,) = recovered(again)
    np.testing.assert_allclose(back.data, layer.data)
    assert back.features["checked"].astype(str).tolist() == ["accepted", "rejected", "unchecked", "unchecked"]
    assert back.features["source"].astype(str).tolist() == ["model", "model", "model", "manual"]
    np.testing.assert_array_equal(back.features["confidence"], layer.features["confidence"])
    np.testing.assert_array_equal(back.shown, layer.shown)
    np.testing.assert_allclose(back.data_to_world([1, 1]), image.data_to_world([0, 1, 1])[-2:])
    # the file has a name of its own now, so that the earlier process, should it live, does not write into it
    assert not first.exists()
    (only,) = tmp_path.glob(f"*{AUTOSAVE_SUFFIX}")
    assert autosave_of(again, back).path == only
    back.remove([0])
    qtbot.waitUntil(lambda: len(load_points(only)) == 3)


def test_what_belongs_to_a_living_layer_is_not_offered(opened: Any, qtbot: QtBot) -> None:
    viewer, image = opened()
    layer = found(viewer, image)
    layer.add([10.5, 11.25])
    kept(qtbot, autosave_of(viewer, layer))
    other, _ = opened()
    assert not recovered(other)


def test_two_layers_of_one_image_are_kept_in_two_files(opened: Any, qtbot: QtBot, tmp_path: Path) -> None:
    viewer, image = opened()
    for _ in range(2):
        layer = found(viewer, image)
        layer.add([10.5, 11.25])
        kept(qtbot, autosave_of(viewer, layer))
    assert sorted(one.name for one in tmp_path.glob(f"*{AUTOSAVE_SUFFIX}")) == [
        f"grid.3ds.2{AUTOSAVE_SUFFIX}",
        f"grid.3ds{AUTOSAVE_SUFFIX}",
    ]
    autosave._autosaves.clear()
    again, _ = opened()
    assert len(recovered(again)) == 2


def test_a_proper_save_removes_it_and_the_next_edit_begins_anew(opened: Any, qtbot: QtBot, tmp_path: Path) -> None:
    viewer, image = opened()
    layer = found(viewer, image)
    layer.add([10.5, 11.25])
    path = kept(qtbot, autosave_of(viewer, layer))
    data, attributes, _ = layer.as_layer_data_tuple()
    write_points(str(tmp_path / "points.csv"), data, attributes)
    assert not path.exists()
    assert autosave_of(viewer, layer).state == "nothing to keep"
    layer.add([3, 3])
    assert kept(qtbot, autosave_of(viewer, layer)).exists()


def test_a_layer_that_is_taken_out_is_written_first_and_offered_the_next_time(opened: Any) -> None:
    viewer, image = opened()
    layer = found(viewer, image)
    layer.add([10.5, 11.25])
    viewer.layers.remove(layer)
    again, _ = opened()
    (back,) = recovered(again)
    np.testing.assert_allclose(back.data, layer.data)


def test_many_edits_are_written_at_once(opened: Any, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot) -> None:
    written: list[tuple[float, Path]] = []
    own = autosave.write_first

    def note(table: Any, paths: list[Path]) -> Path:
        written.append((time.monotonic(), paths[0]))
        return own(table, paths)

    monkeypatch.setattr(autosave, "write_first", note)
    monkeypatch.setattr(autosave, "EVERY_S", 0.5)
    viewer, image = opened()
    layer = found(viewer, image)
    while len(written) < 3:
        layer.add([len(layer.data) % 20, 5])
        qtbot.wait(1)
    qtbot.waitUntil(lambda: not autosave_of(viewer, layer).waits)
    assert len(layer.data) > 4 + len(written)
    assert np.diff([when for when, _ in written]).min() >= 0.5
    assert len({path for _, path in written}) == 1
    assert len(load_points(written[-1][1])) == len(layer.data)


def test_a_folder_that_cannot_be_written_to_gives_way_to_the_persons_own(
    opened: Any, qtbot: QtBot, own_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = autosave.write_table

    def locked(table: Any, path: Path) -> Path:
        if path.parent == tmp_path:
            raise PermissionError(13, "Permission denied")
        return own(table, path)

    monkeypatch.setattr(autosave, "write_table", locked)
    viewer, image = opened()
    layer = found(viewer, image)
    layer.add([10.5, 11.25])
    path = kept(qtbot, autosave_of(viewer, layer))
    assert path.parent == own_folder / "autosave"
    autosave._autosaves.clear()
    again, _ = opened()
    assert len(recovered(again)) == 1


def test_where_nothing_can_be_written_it_says_so(opened: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_table: Any, _path: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(autosave, "write_table", full)
    viewer, image = opened()
    layer = found(viewer, image)
    layer.add([10.5, 11.25])
    qtbot.waitUntil(lambda: "No space left on device" in autosave_of(viewer, layer).state)


def test_an_image_without_a_file_is_known_again_by_its_values(
    qtbot: QtBot, own_folder: Path, stack: xr.DataArray
) -> None:
    viewer = ViewerModel()
    layer = found(viewer, viewer.add_layer(Layer.create(*image_layer(stack, name="Au(111) dI/dV"))))
    layer.add([10.5, 11.25])
    path = kept(qtbot, autosave_of(viewer, layer))
    assert path.is_relative_to(own_folder)
    autosave._autosaves.clear()
    again = ViewerModel()
    attach(again, again.add_points(np.zeros((1, 2))))
    again.add_layer(Layer.create(*image_layer(stack + 1, name="Au(111) dI/dV")))
    qtbot.wait(1)
    assert not recovered(again)
    again.add_layer(Layer.create(*image_layer(stack, name="Au(111) dI/dV")))
    qtbot.waitUntil(lambda: len(recovered(again)) == 1)


def test_ordinary_points_in_pixels_are_kept_on_their_image(opened: Any, qtbot: QtBot) -> None:
    viewer, image = opened()
    plain = viewer.add_points([[2.0, 3.0]], scale=image.scale[-2:], units=image.units[-2:])
    bare = viewer.add_points([[4.0, 5.0]])
    for layer in (plain, bare):
        attach(viewer, layer)
        layer.add([6.0, 7.0])
        kept(qtbot, autosave_of(viewer, layer))
    autosave._autosaves.clear()
    again, _ = opened()
    both = [layer.data_to_world(layer.data[0]) for layer in recovered(again)]
    np.testing.assert_allclose(sorted(both), [(1.0, 1.5), (4.0, 5.0)])


def test_a_table_is_offered_only_what_is_newer_than_itself(qtbot: QtBot, tmp_path: Path) -> None:
    path = save_points(make_points(YX, (0.5, 0.5), source="model", confidence=CONFIDENCE), tmp_path / "points.csv")

    def open_it() -> ViewerModel:
        viewer = ViewerModel()
        attach(viewer, viewer.add_points(np.zeros((1, 2)), name="somebody else's"))
        read = get_reader(str(path))
        assert read is not None
        viewer.add_layer(Layer.create(*read(str(path))[0]))
        qtbot.wait(1)
        return viewer

    viewer = open_it()
    layer = viewer.layers[-1]
    layer.add([10.5, 11.25])
    temporary = kept(qtbot, autosave_of(viewer, layer))
    autosave._autosaves.clear()
    os.utime(path, (time.time() + 10, time.time() + 10))
    assert not recovered(open_it())
    os.utime(path, (time.time() - 10, time.time() - 10))
    (back,) = recovered(open_it())
    np.testing.assert_allclose(layer_points(back)[["y_nm", "x_nm"]], layer_points(layer)[["y_nm", "x_nm"]])
    assert not temporary.exists()


def test_it_can_be_switched_off(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autosave, "preferences", lambda: Preferences(autosave=False))
    viewer, image = opened()
    layer = found(viewer, image)
    layer.add([10.5, 11.25])
    assert not autosave_of(viewer, layer).waits
    assert autosave_of(viewer, layer).state.startswith("off")


def test_a_folder_of_maps_does_not_take_it_for_one(tmp_path: Path) -> None:
    for name in ("1.csv", f"1.csv{AUTOSAVE_SUFFIX}"):
        (tmp_path / name).write_text("1,2\n3,4\n")
    assert [one.name for one in files_in(tmp_path)] == ["1.csv"]


def test_a_damaged_file_is_told_of_and_left(opened: Any, tmp_path: Path) -> None:
    broken = tmp_path / f"grid.3ds{AUTOSAVE_SUFFIX}"
    broken.write_bytes(b"\x00\xff\x00")
    viewer, _ = opened()
    assert not recovered(viewer)
    assert str(broken) in notification_manager.records[-1].message
    assert broken.exists()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL on this system")
def test_a_process_that_is_killed_in_the_middle_of_editing_loses_little(
    opened: Any, tmp_path: Path, stack: xr.DataArray
) -> None:
    opened()
    path = tmp_path / f"grid.3ds{AUTOSAVE_SUFFIX}"
    editor = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "grid.3ds")])
    try:
        limit = time.monotonic() + 200
        while not path.exists() and time.monotonic() < limit:
            assert editor.poll() is None
            time.sleep(0.05)
        first = path.stat().st_mtime_ns
        while path.stat().st_mtime_ns == first and time.monotonic() < limit:
            time.sleep(0.05)
    finally:
        editor.kill()
        editor.wait()
    viewer, _ = opened()
    (back,) = recovered(viewer)
    assert len(back.data) > 10
    np.testing.assert_allclose(back.data[0], [4, 4])
    np.testing.assert_allclose(back.data[1:, 1], 7.25)
    assert back.features["source"].astype(str).tolist() == ["model"] + ["manual"] * (len(back.data) - 1)
    assert not path.exists()
