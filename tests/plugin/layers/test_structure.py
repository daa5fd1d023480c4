"""The labels layer of structure: what a run draws, and what a person has painted in it since."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer

from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.impurities.detect import Finding
from napari_stm_impurities.impurities.model import Model, ModelConfig
from napari_stm_impurities.impurities.network_config import NetworkConfig
from napari_stm_impurities.plugin.editing import autosave
from napari_stm_impurities.plugin.layers.images import image_layer
from napari_stm_impurities.plugin.layers.results import show_finding
from napari_stm_impurities.plugin.preferences import Preferences

NAME = "structure (LI X)"


@pytest.fixture(autouse=True)
def no_autosave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autosave, "preferences", lambda: Preferences(autosave=False))


@pytest.fixture
def image(viewer: ViewerModel, stack: xr.DataArray) -> Image:
    """20 x 30 pixels of 0.5 nm x 0.25 nm, away from the origin of the canvas."""
    layer = Layer.create(*image_layer(stack))
    layer.translate = (0, 100.0, -40.0)
    return viewer.add_layer(layer)


def as_map(values: np.ndarray, size_nm: float) -> xr.DataArray:
    at = {axis: np.arange(n) * size_nm for axis, n in zip(("y", "x"), values.shape, strict=True)}
    return xr.DataArray(values, dims=("y", "x"), coords=at, attrs={"pixel_size_nm": [size_nm, size_nm]})


@pytest.fixture
def finding() -> Finding:
    """A run that saw structure in one corner, on square pixels of 0.5 nm."""
    probability = np.zeros((20, 15))
    probability[:4, :5] = 0.7
    probability[10, 10] = 0.49
    model = Model(ModelConfig(network=NetworkConfig(channels=(4,), convolutions=(1,), key_channels=2)))
    points = make_points([[3, 3]], (0.5, 0.25), source="model", confidence=0.9)
    score, attention = as_map(np.zeros((20, 15)), 0.5), xr.DataArray(np.ones((1, 1)), dims=("bias", "asked_bias"))
    return Finding(points, score, attention, None, 0.5, (), model, structure=as_map(probability, 0.5))


def again(viewer: ViewerModel, image: Image, finding: Finding, structure: xr.DataArray | None) -> Labels | None:
    show_finding(viewer, image, replace(finding, structure=structure))
    return next((layer for layer in viewer.layers if isinstance(layer, Labels)), None)


def test_structure_is_label_1_from_one_half_on_and_lies_on_the_image(viewer, image, finding):
    show_finding(viewer, image, finding)
    layer = viewer.layers[NAME]
    assert isinstance(layer, Labels)
    assert layer.data.sum() == 20
    assert layer.visible
    assert layer.scale.tolist() == [0.5, 0.5]
    assert layer.data_to_world((3, 4)) == pytest.approx(image.data_to_world((0, 3, 8))[1:])
    layer.paint((10, 10), 1)
    assert layer.data[10, 10] == 1


def test_it_is_hidden_without_structure_and_absent_without_a_map(viewer, image, finding):
    assert not again(viewer, image, finding, finding.structure * 0).visible
    assert again(viewer, image, finding, None) is None
    assert again(viewer, image, finding, finding.structure).visible


def test_what_a_person_painted_and_erased_outlives_further_runs(viewer, image, finding):
    show_finding(viewer, image, finding)
    layer = viewer.layers[NAME]
    layer.brush_size = 1
    layer.paint((15, 2), 3)
    layer.paint((0, 0), 0)
    moved = as_map(np.roll(finding.structure.values, 1, axis=1), 0.5)
    wanted = (moved.values >= 0.5).astype(int)
    wanted[15, 2], wanted[0, 0] = 3, 0
    for _ in range(2):
        assert again(viewer, image, finding, moved) is layer
        np.testing.assert_array_equal(layer.data, wanted)
    # a run that says the same at that pixel does not make it the run's
    agrees = moved.copy()
    agrees[15, 2] = 1.0
    again(viewer, image, finding, agrees)
    assert again(viewer, image, finding, moved).data[15, 2] == 3


def test_a_run_on_pixels_of_another_size_keeps_it_in_place(viewer, image, finding):
    show_finding(viewer, image, finding)
    layer = viewer.layers[NAME]
    layer.brush_size = 1
    layer.paint((10, 6), 2)
    place = layer.data_to_world((10, 6))
    finer = again(viewer, image, finding, as_map(np.zeros((40, 30)), 0.25))
    assert finer is layer
    assert finer.scale.tolist() == [0.25, 0.25]
    assert np.argwhere(finer.data).mean(0) == pytest.approx([20, 12], abs=0.5)
    assert finer.data_to_world((20, 12)) == pytest.approx(place)


def test_a_run_without_structure_leaves_what_a_person_painted(viewer, image, finding):
    show_finding(viewer, image, finding)
    layer = viewer.layers[NAME]
    layer.paint((15, 2), 3)
    assert again(viewer, image, finding, None) is layer
