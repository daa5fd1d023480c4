"""The widgets Find reference and Compare on viewers without a window, driven by their buttons."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr
from napari.components import ViewerModel
from napari.layers import Layer, Points
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from napari_stm_impurities.analysis.comparison import compare
from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.images import make_stack, pixel_size_nm
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.plugin.layers.images import image_layer
from napari_stm_impurities.plugin.layers.points import layer_points, points_layer
from napari_stm_impurities.plugin.panels.compare import ComparePanel
from napari_stm_impurities.plugin.panels.reference import ReferencePanel
from napari_stm_impurities.plugin.widgets.panel import Panel

Press = Callable[[Panel], str]
Shown = Callable[[Panel], Panel]

TRUTH_PX = np.array([[8.0, 8.0], [8.0, 24.0], [24.3, 12.6], [30.0, 30.0]])


def bound_states() -> xr.DataArray:
    """Four spots 2.5 pixels wide with a little noise, 0.5 nm a pixel, at -520 mV."""
    y, x = np.mgrid[:40, :40]
    spots = sum(np.exp(-((y - a) ** 2 + (x - b) ** 2) / (2 * 1.06**2)) for a, b in TRUTH_PX)
    noise = 0.05 * np.random.default_rng(0).normal(size=(40, 40))
    return make_stack(spots + noise, -520, 0.5)


# --- find reference -------------------------------------------------------------------------------------------


def test_reference_points_lie_on_the_spots(viewer: ViewerModel, press: Press, shown: Shown) -> None:
    viewer.add_layer(Layer.create(*image_layer(bound_states(), name="bound")))
    panel = shown(ReferencePanel(viewer))
    assert press(panel).startswith("4 reference points at -520 mV")
    layer = viewer.layers["reference (bound)"]
    table = layer_points(layer)
    assert set(table["source"]) == {"reference"}
    assert compare(table, TRUTH_PX * 0.5, tolerance_nm=0.1).f1 == 1
    assert layer.scale.tolist() == [0.5, 0.5]


def test_of_a_stack_the_map_on_the_screen_is_searched(viewer: ViewerModel, press: Press, shown: Shown) -> None:
    bound = bound_states()
    flat = np.random.default_rng(1).normal(size=(2, 40, 40))
    values = np.concatenate([flat[:1], bound.values, flat[1:]])
    viewer.add_layer(Layer.create(*image_layer(make_stack(values, [-600, -520, 10], 0.5))))
    panel = shown(ReferencePanel(viewer))
    viewer.dims.set_current_step(0, 0)
    assert "-600 mV" in panel.which.text()
    viewer.dims.set_current_step(0, 1)
    assert "-520 mV" in panel.which.text()
    assert press(panel).startswith("4 reference points at -520 mV")


def test_a_foreign_image_is_asked_for_its_pixel_size(viewer: ViewerModel, press: Press, shown: Shown) -> None:
    viewer.add_image(bound_states().values[0], name="picture")
    panel = shown(ReferencePanel(viewer))
    assert panel.source.pixel_size.native.isVisible()
    assert press(panel) == "the layer 'picture' has no unit of length; give its pixel size in nm"
    panel.source.pixel_size.value = 0.5
    assert press(panel).startswith("4 reference points")
    assert not panel.source.pixel_size.native.isVisible()
    assert compare(layer_points(viewer.layers[-1]), TRUTH_PX * 0.5, tolerance_nm=0.1).f1 == 1


def test_a_foreign_stack_is_asked_for_its_biases(viewer: ViewerModel, shown: Shown) -> None:
    layer = viewer.add_image(
        np.zeros((3, 40, 40)), scale=(1, 5, 5), units=("pixel", "angstrom", "angstrom"), name="cube"
    )
    panel = shown(ReferencePanel(viewer))
    assert not panel.source.pixel_size.native.isVisible()
    assert panel.source.first.native.isVisible()
    with pytest.raises(StmError, match="'cube' does not tell its bias"):
        panel.source.stack()
    panel.source.first.value, panel.source.last.value = 100, -100
    stack = panel.source.stack()
    assert stack.bias.values.tolist() == [-100, 0, 100]
    assert pixel_size_nm(stack) == pytest.approx((0.5, 0.5))
    assert not panel.source.first.native.isVisible()
    assert layer.scale.tolist() == [1, 5, 5]


def test_a_layer_deleted_during_its_run_still_gets_its_points(qtbot: QtBot, viewer: ViewerModel, shown: Shown) -> None:
    viewer.add_layer(Layer.create(*image_layer(bound_states(), name="bound")))
    panel = shown(ReferencePanel(viewer))
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    viewer.layers.remove("bound")
    panel.reset_choices()
    qtbot.waitUntil(lambda: not panel.running, timeout=60_000)
    assert [layer.name for layer in viewer.layers] == ["reference (bound)"]
    assert viewer.layers[0].scale.tolist() == [0.5, 0.5]


def test_a_second_run_leaves_the_points_of_the_first_alone(viewer: ViewerModel, press: Press, shown: Shown) -> None:
    viewer.add_layer(Layer.create(*image_layer(bound_states(), name="bound")))
    panel = shown(ReferencePanel(viewer))
    press(panel)
    viewer.layers["reference (bound)"].add([1, 1])
    press(panel)
    assert [len(layer.data) for layer in viewer.layers if isinstance(layer, Points)] == [5, 4]


def test_without_an_image_it_says_what_to_do(viewer: ViewerModel, press: Press, shown: Shown) -> None:
    panel = shown(ReferencePanel(viewer))
    assert "open a file" in press(panel)


# --- compare --------------------------------------------------------------------------------------------------


def two_layers(viewer: ViewerModel) -> tuple[Points, Points]:
    """Of three reference points two are found, and one point is extra."""
    image = viewer.add_layer(Layer.create(*image_layer(bound_states(), name="bound")))
    found = make_points([[8, 8.2], [24, 12], [1, 38]], (0.5, 0.5), source="model", confidence=0.9)
    truth = make_points([[8, 8], [24.3, 12.6], [30, 30]], (0.5, 0.5), source="reference")
    model = viewer.add_layer(Layer.create(*points_layer(found, image, name="model")))
    reference = viewer.add_layer(Layer.create(*points_layer(truth, image, kind="reference", name="reference")))
    return model, reference


def test_compare_makes_three_layers_and_the_figures(viewer: ViewerModel, press: Press, shown: Shown) -> None:
    model, reference = two_layers(viewer)
    panel = shown(ComparePanel(viewer))
    panel.points.value, panel.reference.value = model, reference
    assert press(panel) == "2 matched, 1 missed, 1 extra"
    assert viewer.layers["matched"].data.tolist() == [[8, 8.2], [24, 12]]
    assert viewer.layers["missed"].data.tolist() == [[30, 30]]
    assert viewer.layers["extra"].data.tolist() == [[1, 38]]
    colours = {tuple(viewer.layers[name].border_color[0]) for name in ("matched", "missed", "extra")}
    assert len(colours) == 3
    wanted = compare(
        layer_points(model), layer_points(reference), pixel_size_nm=0.5, frame=(-0.25, 19.75, -0.25, 19.75)
    )
    for figure in (wanted.recall, wanted.precision, wanted.f1, wanted.reference_ratio, wanted.chance_ratio):
        assert f"<b>{figure:.3f}</b>" in panel.figures.text()
    panel.tolerance.value = 0.2
    assert press(panel) == "1 matched, 2 missed, 2 extra"
    assert [layer.name for layer in viewer.layers].count("matched") == 1


def test_painted_pixels_are_no_part_of_the_compared_area(viewer: ViewerModel, press: Press, shown: Shown) -> None:
    model, reference = two_layers(viewer)
    labels = np.zeros((40, 40), int)
    labels[:20] = 1
    viewer.add_labels(labels, scale=(0.5, 0.5))
    panel = shown(ComparePanel(viewer))
    panel.points.value, panel.reference.value, panel.left_out.value = model, reference, viewer.layers["labels"]
    press(panel)
    frame = np.where(labels, np.nan, 1.0)
    wanted = compare(layer_points(model), layer_points(reference), pixel_size_nm=0.5, frame=make_stack(frame, 0, 0.5))
    assert panel.report.chance_ratio == wanted.chance_ratio
    panel.left_out.value = None
    press(panel)
    assert panel.report.chance_ratio != wanted.chance_ratio


def test_compare_needs_two_different_layers(viewer: ViewerModel, press: Press, shown: Shown) -> None:
    panel = shown(ComparePanel(viewer))
    assert "two points layers are needed" in press(panel)
    model, reference = two_layers(viewer)
    viewer.layers.remove(reference)
    panel.reset_choices()
    assert "two points layers are needed" in press(panel)
    viewer.add_layer(reference)
    panel.reset_choices()
    assert panel.points.value is not panel.reference.value
    panel.points.value = panel.reference.value = model
    assert "same layer" in press(panel)


def test_a_reference_that_is_found_later_is_chosen(viewer: ViewerModel, shown: Shown) -> None:
    model, reference = two_layers(viewer)
    viewer.layers.remove(reference)
    viewer.add_points([[8, 8.2]], name="other")
    viewer.layers.move(len(viewer.layers) - 1, 0)
    panel = shown(ComparePanel(viewer))
    assert (panel.points.value, panel.reference.value.name) == (model, "other")
    viewer.add_layer(reference)
    panel.reset_choices()
    assert (panel.points.value, panel.reference.value) == (model, reference)


def test_points_of_another_plugin_can_be_compared(viewer: ViewerModel, press: Press, shown: Shown) -> None:
    model, _ = two_layers(viewer)
    other = viewer.add_points([[8, 8.2], [24, 12]], name="other")  # in pixels, without any unit
    panel = shown(ComparePanel(viewer))
    panel.points.value, panel.reference.value = model, other
    assert press(panel) == "2 matched, 0 missed, 1 extra"


def test_hidden_points_do_not_count(viewer: ViewerModel, press: Press, shown: Shown) -> None:
    model, reference = two_layers(viewer)
    model.shown = [False, True, True]
    panel = shown(ComparePanel(viewer))
    panel.points.value, panel.reference.value = model, reference
    assert press(panel) == "1 matched, 2 missed, 1 extra"
    assert viewer.layers["matched"].data.tolist() == [[24, 12]]


def test_the_likely_layers_are_chosen_until_the_person_chooses(viewer: ViewerModel, shown: Shown) -> None:
    panel = shown(ComparePanel(viewer))
    model, reference = two_layers(viewer)
    viewer.add_image(np.zeros((9, 9)), name="score")
    panel.reset_choices()
    assert (panel.points.value, panel.reference.value) == (model, reference)
    assert panel.image.value is viewer.layers["bound"]
    panel.image.value = viewer.layers["score"]
    viewer.add_points([[1, 1]])
    panel.reset_choices()
    assert panel.image.value is viewer.layers["score"]
