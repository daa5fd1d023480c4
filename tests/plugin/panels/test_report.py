"""The widget *Report*: from layers to a folder, and from the folder to the same points."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtGui import QDesktopServices

from napari_stm_impurities.core.progress import never, silent
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.impurities.model import Model, ModelConfig
from napari_stm_impurities.impurities.network_config import NetworkConfig
from napari_stm_impurities.io.readers import read_stack
from napari_stm_impurities.io.tables import load_points
from napari_stm_impurities.io.writers import save_stack
from napari_stm_impurities.plugin.editing import add_points
from napari_stm_impurities.plugin.editing.marking import reject
from napari_stm_impurities.plugin.layers.images import THRESHOLD_KEY, image_layer, layer_stack
from napari_stm_impurities.plugin.layers.points import points_layer
from napari_stm_impurities.plugin.layers.results import show_finding
from napari_stm_impurities.plugin.panels.find import find_on_device
from napari_stm_impurities.plugin.panels.report import ReportPanel
from napari_stm_impurities.plugin.reader import read_maps
from napari_stm_impurities.plugin.widgets.panel import Panel
from napari_stm_impurities.plugin.widgets.threshold import shown_at
from napari_stm_impurities.workflow import report as core
from napari_stm_impurities.workflow.provenance import Provenance
from napari_stm_impurities.workflow.rerun import rerun


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pictures be empty files; what they show is tested where they are drawn."""
    for name in ("draw_points", "draw_overlay", "draw_spectra", "draw_pair_correlation", "draw_nearest_neighbours"):
        monkeypatch.setattr(core, name, lambda *what, **how: next(w for w in what if isinstance(w, Path)).touch())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    values = np.random.default_rng(0).normal(size=(4, 32, 28))
    return save_stack(make_stack(values, [-30, -10, 10, 30], 0.47, channel="LI X"), tmp_path / "grid.nc")


@pytest.fixture(scope="module")
def model() -> Model:
    """Small, with random weights, and a threshold between its confidences."""
    config = ModelConfig(name="small", network=NetworkConfig(channels=(4,), convolutions=(1,), key_channels=2))
    calibration = config.calibration.model_copy(update={"slope": 0.001, "threshold": 0.4})
    return Model(config.model_copy(update={"calibration": calibration}))


@pytest.fixture
def image(viewer: ViewerModel, data: Path) -> Image:
    return viewer.add_layer(Layer.create(*read_maps(str(data))[0]))


def found(viewer: ViewerModel, image: Image, model: Model, *range_mv: float, mask: np.ndarray | None = None) -> Points:
    """The layer that a run of Find impurities leaves."""
    searched = (range_mv[0], range_mv[1]) if range_mv else (None, None)
    finding, _ = find_on_device(
        layer_stack(image), model, searched, "cpu", dispersion="Au(111)", mask=mask, progress=silent, should_stop=never
    )
    return show_finding(viewer, image, finding, mask)


def reported(panel: ReportPanel, press: Callable[[Panel], str], folder: Path) -> Provenance:
    panel.folder.line_edit.value = str(folder)
    said = press(panel)
    assert f"files in {folder}" in said, said
    return Provenance.load(folder / "provenance.json")


def test_a_corrected_run_is_reported_and_run_again(viewer, image, model, shown, press, tmp_path, data):
    layer = found(viewer, image, model)
    n = int(layer.shown.sum())
    assert n >= 4
    reject(layer, [0])
    layer.selected_data = {1}
    layer.remove_selected()
    layer.add([12.5, 13.25])
    told = reported(shown(ReportPanel(viewer)), press, tmp_path / "r")
    assert sorted(edit.kind for edit in told.edits) == ["added", "deleted", "rejected"]
    assert told.n_points == n - 1
    assert [file.path for file in told.inputs.files] == [str(data)]
    assert told.run.model_file == "model.safetensors"
    assert "napari" in told.versions
    again = rerun(tmp_path / "r" / "provenance.json")
    assert again.same, again.said
    assert len(load_points(tmp_path / "r" / "points.csv")) == n - 1


def test_the_threshold_that_was_slid_to_is_the_one_of_the_report(viewer, image, model, shown, press, tmp_path):
    layer = found(viewer, image, model)
    confidence = layer.features["confidence"].to_numpy()
    layer.metadata[THRESHOLD_KEY] = float(np.median(confidence))
    layer.shown = shown_at(layer.features, layer.metadata[THRESHOLD_KEY])
    told = reported(shown(ReportPanel(viewer)), press, tmp_path / "r")
    assert told.edits == ()
    assert told.run.threshold == layer.metadata[THRESHOLD_KEY]
    assert told.n_points == int(layer.shown.sum()) < len(confidence)
    assert rerun(tmp_path / "r" / "provenance.json").same


def test_a_run_on_some_biases_is_run_again_on_those(viewer, image, model, shown, press, tmp_path):
    found(viewer, image, model, -15.0, 15.0)
    told = reported(shown(ReportPanel(viewer)), press, tmp_path / "r")
    assert [step["step"] for step in told.inputs.recipe] == ["choose_biases"]
    assert told.edits == ()
    assert rerun(tmp_path / "r" / "provenance.json").same


@pytest.mark.parametrize("range_mv", [(), (-15.0, 15.0)])
def test_a_run_with_pixels_left_out_is_run_again_without_them(
    viewer, image, model, shown, press, tmp_path, data, range_mv
):
    labels = np.zeros((32, 28), int)
    labels[:, :12] = 1
    mine = viewer.add_labels(labels, scale=(0.47, 0.47), name="mine")
    layer = found(viewer, image, model, *range_mv, mask=labels != 0)
    assert len(layer.data) >= 4
    panel = shown(ReportPanel(viewer))
    for number, chosen in enumerate((None, mine)):  # with none chosen, those that the run left out
        panel.source.left_out.value = chosen
        told = reported(panel, press, tmp_path / str(number))
        assert told.edits == ()
        assert [file.path for file in told.inputs.files] == ["stack.nc"]
        assert [file.path for file in told.inputs.came_from] == [str(data)]
        kept = read_stack(tmp_path / str(number) / "stack.nc").values
        assert np.array_equal(np.isnan(kept).all(0), labels != 0)
        again = rerun(tmp_path / str(number) / "provenance.json")
        assert again.same, again.said
    mine.paint((16, 25), 1)
    assert press(panel).startswith(
        "these points were found with another mask: 384 pixels were left out, and the labels"
    )


def test_an_image_that_was_moved_on_the_canvas_has_no_edits_by_that(viewer, image, model, shown, press, tmp_path):
    image.translate = (*image.translate[:-2], 250.0, -40.0)
    found(viewer, image, model)
    told = reported(shown(ReportPanel(viewer)), press, tmp_path / "r")
    assert told.edits == ()
    assert rerun(tmp_path / "r" / "provenance.json").same


def test_an_image_from_no_file_is_kept_in_the_folder(viewer, image, model, shown, press, tmp_path):
    elsewhere = viewer.add_image(
        image.data, scale=image.scale, translate=image.translate, units=image.units, name="elsewhere"
    )
    viewer.layers.remove(image)
    found(viewer, elsewhere, model)
    told = reported(shown(ReportPanel(viewer)), press, tmp_path / "r")
    assert [file.path for file in told.inputs.files] == ["stack.nc"]
    assert rerun(tmp_path / "r" / "provenance.json").same


def test_points_of_another_plugin_are_by_hand(viewer, image, shown, press, tmp_path):
    viewer.add_points([[3.0, 4.0], [8.0, 9.0]], units=("nanometer", "nanometer"), name="foreign")
    told = reported(shown(ReportPanel(viewer)), press, tmp_path / "r")
    assert told.run is None
    assert told.points_nm == ((3.0, 4.0), (8.0, 9.0))
    assert rerun(tmp_path / "r" / "provenance.json").said.startswith("no model was run")


def test_a_reference_is_compared_with(viewer, image, shown, press, tmp_path):
    for kind, source in (("reference", "reference"), ("model", "model")):
        table = make_points([[5, 5], [20, 11]], (0.47, 0.47), source=source)
        add_points(viewer, points_layer(table, image, kind=kind, name=kind))
    panel = shown(ReportPanel(viewer))
    panel.points.value, panel.reference.value = viewer.layers["model"], viewer.layers["reference"]
    reported(panel, press, tmp_path / "r")
    assert {"comparison.json", "overlay.png"} <= set(os.listdir(tmp_path / "r"))
    panel.reference.value = viewer.layers["model"]
    assert press(panel) == "the points and the reference are the same layer; choose two, or no reference"


def test_a_refused_map_of_the_bound_states_is_named_in_the_last_line(viewer, image, shown, press, tmp_path):
    nothing = make_stack(np.full((32, 28), np.nan), -520, 0.47)
    viewer.add_layer(Layer.create(*image_layer(nothing, name="bound states")))
    table = make_points([[5, 5], [20, 11]], (0.47, 0.47), source="manual")
    add_points(viewer, points_layer(table, image, name="points"))
    panel = shown(ReportPanel(viewer))
    panel.source.box.value, panel.bound_map.value = image, viewer.layers["bound states"]
    told = reported(panel, press, tmp_path / "r")
    assert told.n_points == 2
    assert "; no reference points on the map of the bound states: " in panel.message.text()
    assert not (tmp_path / "r" / "reference.csv").exists()


def test_a_folder_beside_the_data_is_offered_until_one_is_named(viewer, image, shown, data):
    panel = shown(ReportPanel(viewer))
    assert panel.folder.line_edit.value == str(data.parent / "grid report")
    panel.folder.line_edit.value = "/elsewhere"
    panel.source.box.changed.emit(image)
    assert panel.folder.line_edit.value == "/elsewhere"


def test_a_folder_of_somebody_else_is_refused_at_once(viewer, image, model, shown, press, tmp_path):
    found(viewer, image, model)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    panel = shown(ReportPanel(viewer))
    panel.folder.line_edit.value = str(tmp_path / "mine")
    assert "exists already and is no report; give another name" in press(panel)
    panel.folder.line_edit.value = " "
    assert press(panel) == "choose a folder for the report"
    assert os.listdir(tmp_path / "mine") == ["thesis.tex"]


def test_points_of_another_image_are_refused(viewer, image, model, shown, press, tmp_path):
    found(viewer, image, model)
    other = viewer.add_layer(Layer.create(image.data, {"name": "other", "metadata": dict(image.metadata)}, "image"))
    other.scale, other.units = image.scale, image.units
    panel = shown(ReportPanel(viewer))
    panel.source.box.value = other
    assert f"found in the image {image.name!r}; choose it under Image" in press(panel)


def test_cancel_leaves_nothing_and_the_widget_works_again(viewer, image, model, shown, press, tmp_path, qtbot: QtBot):
    found(viewer, image, model)
    panel = shown(ReportPanel(viewer))
    panel.folder.line_edit.value = str(tmp_path / "r")
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(panel.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.running, timeout=60_000)
    assert panel.message.text() == "stopped"
    assert sorted(os.listdir(tmp_path)) == ["grid.nc"]
    reported(panel, press, tmp_path / "r")


def test_the_page_opens_in_the_browser(viewer, image, shown, press, tmp_path, qtbot: QtBot, monkeypatch):
    add_points(viewer, points_layer(make_points([[5, 5]], (0.47, 0.47), source="manual"), image))
    panel = shown(ReportPanel(viewer))
    assert not panel.open_button.isVisible()
    reported(panel, press, tmp_path / "r")
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    qtbot.mouseClick(panel.open_button, Qt.MouseButton.LeftButton)
    assert [Path(url.toLocalFile()) for url in opened] == [tmp_path / "r" / "report.html"]
