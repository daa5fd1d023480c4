"""The widget Prepare."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer

from napari_stm_impurities import prepare
from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.io.readers import open_recording, read_stack
from napari_stm_impurities.io.writers import write_nanonis_grid
from napari_stm_impurities.plugin.layers.bias_overlay import shown_map
from napari_stm_impurities.plugin.layers.images import image_layer, layer_stack
from napari_stm_impurities.plugin.panels.prepare import PreparePanel
from napari_stm_impurities.plugin.reader import read_maps
from napari_stm_impurities.plugin.widgets.channel_choice import read_channel

RNG = np.random.default_rng(0)
STACK = make_stack(RNG.normal(size=(4, 20, 24)) + np.arange(24), [-10, 0, 10, 20], 0.5)


@pytest.fixture
def panel(qtbot):
    viewer = ViewerModel()
    data, keywords, _ = image_layer(STACK, name="maps")
    viewer.add_layer(Layer.create(data, keywords, "image"))
    panel = PreparePanel(viewer)
    qtbot.addWidget(panel)
    return panel


def test_apply_adds_a_layer_with_the_same_as_the_functions_give(panel, qtbot):
    panel.form["level_lines"].value = True
    panel.start()
    qtbot.waitUntil(lambda: not panel.running, timeout=20_000)
    assert [layer.name for layer in panel.viewer.layers] == ["maps", "maps (prepared)"]
    made = layer_stack(panel.viewer.layers[-1])
    wanted = prepare.level_lines(prepare.level_planes(STACK))
    np.testing.assert_array_equal(made.values, wanted.values)
    assert prepare.recipe_of(made) == [{"step": "level_planes"}, {"step": "level_lines"}]
    np.testing.assert_array_equal(panel.viewer.layers[0].data, STACK.values)


def test_the_preview_shows_before_and_after_and_adds_nothing(panel):
    panel.preview()
    number = shown_map(panel.source.layer, panel.viewer, 4)
    before, after = (plot.data_table()["dI/dV"] for plot in (panel.pictures.before, panel.pictures.after))
    np.testing.assert_array_equal(before, STACK.values[number].ravel())
    np.testing.assert_array_equal(after, prepare.level_planes(STACK[[number]]).values.ravel())
    assert "before and after level planes" in panel.message.text()
    assert len(panel.viewer.layers) == 1


def finished(panel, qtbot):
    qtbot.waitUntil(lambda: not panel.running, timeout=20_000)


def test_a_crop_stays_where_it_was_cut_out(panel, qtbot):
    assert panel.form["x_nm"].inner[1].value == 12.0
    panel.form.fill(panel.form.value().model_copy(update={"y_nm": (2.0, 6.0), "x_nm": (3.0, 12.0)}))
    panel.start()
    finished(panel, qtbot)
    part = panel.viewer.layers[-1]
    np.testing.assert_array_equal(
        part.data, prepare.level_planes(prepare.crop(STACK, y_nm=(2, 6), x_nm=(3, 12))).values
    )
    np.testing.assert_allclose(part.translate[-2:], [2, 3])
    panel.reset_choices()
    panel.source.box.value = part
    panel.form.fill(panel.form.value().model_copy(update={"y_nm": (1.0, 3.0), "x_nm": None}))
    panel.start()
    finished(panel, qtbot)
    np.testing.assert_allclose(panel.viewer.layers[-1].translate[-2:], [3, 3])


def test_the_measured_drift_of_every_map_is_drawn(panel, qtbot):
    assert panel.drift.isHidden()
    panel.form["correct_drift"].value = True
    panel.start()
    finished(panel, qtbot)
    made = layer_stack(panel.viewer.layers[-1])
    assert not panel.drift.isHidden()
    np.testing.assert_allclose(panel.drift.data_table()[["drift_y_nm", "drift_x_nm"]], made.attrs["drift_nm"])
    assert "drift up to" in panel.message.text()
    panel.reset_choices()
    panel.source.box.value = panel.viewer.layers[-1]
    panel.form["correct_drift"].value = False
    panel.start()
    finished(panel, qtbot)
    assert panel.drift.isHidden()


def panel_of(path, qtbot):
    """A panel with the layers that the reader makes of a file."""
    viewer = ViewerModel()
    for one in read_maps(str(path)):
        viewer.add_layer(Layer.create(*one))
    panel = PreparePanel(viewer)
    qtbot.addWidget(panel)
    return panel


@pytest.fixture
def scan(tmp_path):
    """A scan there and back, whose way back the reader does not show."""
    path = Path(__file__).resolve().parents[2] / "io" / "readers" / "made_files.py"
    spec = importlib.util.spec_from_file_location("made_files", path)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made.scan(tmp_path / "scan.sxm", RNG.normal(size=(2, 12, 14)).astype(np.float32))


def opens_every_channel(panel, path, qtbot):
    names = [channel.name for channel in open_recording(path).channels]
    assert list(panel.channel.box.choices) == names
    for name in names:
        panel.channel.box.value = name
        finished(panel, qtbot)
        shown = panel.source.layer
        assert shown.name == f"{path.stem} {name}"
        assert [layer for layer in panel.viewer.layers if layer.visible] == [shown]
        np.testing.assert_array_equal(layer_stack(shown).values, read_stack(path, name).values)
        assert panel.channel.box.value == name
    assert len(panel.viewer.layers) == len(names)
    panel.channel.box.value = names[0]
    assert len(panel.viewer.layers) == len(names)
    return names


def test_every_channel_of_a_grid_can_be_opened_also_the_numerical_derivative(qtbot, tmp_path):
    stack = make_stack(RNG.normal(size=(7, 12, 14)) + 5, np.linspace(-30, 30, 7), 0.5)
    path = write_nanonis_grid(stack, tmp_path / "grid.3ds", channel="Current (A)")
    panel = panel_of(path, qtbot)
    panel.viewer.layers.remove(panel.viewer.layers[0])
    panel.reset_choices()
    assert opens_every_channel(panel, path, qtbot) == ["Current", "dI/dV (numerical)"]


def test_the_way_back_that_the_reader_does_not_show_can_be_opened(qtbot, scan):
    panel = panel_of(scan, qtbot)
    assert len(panel.viewer.layers) == 1
    assert opens_every_channel(panel, scan, qtbot) == ["Z", "Z [bwd]"]


def test_the_other_channel_of_a_file_that_tells_no_bias_takes_what_a_person_told(tmp_path):
    np.save(tmp_path / "cube.npy", STACK.values)
    files = [str(tmp_path / "cube.npy")]
    stack = read_channel(files, "dI/dV", [-10, 0, 10, 20], (0.5, 0.5))
    np.testing.assert_array_equal(stack.values, STACK.values)
    with pytest.raises(StmError, match="give them to the layer that is open"):
        read_channel(files, "dI/dV", None, (0.5, 0.5))


def test_a_channel_that_cannot_be_read_any_more_is_one_line(qtbot, scan):
    panel = panel_of(scan, qtbot)
    before = panel.source.layer
    scan.unlink()
    panel.channel.box.value = "Z [bwd]"
    finished(panel, qtbot)
    assert panel.message.text().endswith("no such file")
    assert panel.source.layer is before
    assert panel.channel.box.value == "Z"


def test_a_layer_from_elsewhere_has_no_choice_of_channels(panel):
    assert panel.channel._row.isHidden()


def test_a_bad_range_is_told_in_one_line(panel, qtbot):
    panel.form.fill(panel.form.value().model_copy(update={"low_mv": 500.0}))
    panel.start()
    qtbot.waitUntil(lambda: not panel.running, timeout=20_000)
    assert "no map lies between" in panel.message.text()
    assert len(panel.viewer.layers) == 1
