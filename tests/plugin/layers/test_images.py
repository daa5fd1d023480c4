"""Stacks and points as layers, and back."""

from __future__ import annotations

import dask.array
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.images import make_stack, with_history
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.plugin.layers import images as layers
from napari_stm_impurities.plugin.layers.images import (
    image_layer,
    layer_bias_mv,
    layer_stack,
    layer_window,
    robust_limits,
    score_layer,
    set_scale,
)
from napari_stm_impurities.plugin.layers.points import layer_points, points_layer


def scores(height: int, width: int, pixel_nm: tuple[float, float] = (0.5, 0.25)) -> xr.DataArray:
    values = np.random.default_rng(0).normal(size=(height, width))
    return make_stack(values, 0, pixel_nm).isel(bias=0)


def test_the_bias_axis_is_first_and_in_mv(image: Image) -> None:
    assert image.data.shape == (5, 20, 30)
    assert image.axis_labels == ("bias", "y", "x")
    assert [str(unit) for unit in image.units] == ["millivolt", "nanometer", "nanometer"]
    assert tuple(image.data_to_world((4, 2, 4))) == (20.0, 1.0, 1.0)


def test_a_stack_comes_back_as_it_was(stack: xr.DataArray) -> None:
    kept = with_history(stack, stack.values, "levelled").assign_attrs(frame_angle_deg=45.0)
    back = layer_stack(Layer.create(*image_layer(kept)))
    xr.testing.assert_equal(back, kept)
    assert back.attrs["history"] == ["levelled"]
    assert back.attrs["frame_angle_deg"] == 45.0
    assert (back.attrs["channel"], back.attrs["units"]) == ("LI X", "A")


def test_uneven_biases_live_in_the_metadata() -> None:
    layer = Layer.create(*image_layer(make_stack(np.zeros((3, 9, 9)), [-100, 0, 30], 0.5)))
    assert layer.scale[0] == 1
    np.testing.assert_array_equal(layer_bias_mv(layer), [-100, 0, 30])
    assert layer_stack(layer).bias.values.tolist() == [-100, 0, 30]


def test_a_single_map_is_two_dimensional_and_keeps_its_bias() -> None:
    layer = Layer.create(*image_layer(make_stack(np.zeros((9, 9)), -520, 0.5)))
    assert layer.ndim == 2
    assert layer_stack(layer).bias.values.tolist() == [-520]


def test_contrast_ignores_outliers_and_missing_pixels() -> None:
    values = np.random.default_rng(0).normal(size=(3, 100, 100))
    values[0, 0, :5] = 1e30
    values[1, 0, :5] = np.nan
    values[2, 0, 0] = -np.inf
    low, high = robust_limits(values)
    assert -4 < low < -2
    assert 2 < high < 4
    assert robust_limits(np.full((4, 4), np.nan)) == (0.0, 1.0)
    assert robust_limits(np.full((4, 4), 7.0)) == (7.0, 8.0)


def test_a_stack_on_the_disk_stays_there_until_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "LIMITS_FROM_ALL", 1000)
    read = []

    class OnDisk:
        shape, dtype, ndim = (100, 16, 16), np.dtype(np.float32), 3

        def __getitem__(self, index: tuple[slice, ...]) -> np.ndarray:
            maps = range(*index[0].indices(100))
            read.extend(maps)
            return np.full((len(maps), 16, 16), 1.0, np.float32) * np.linspace(0, 1, 16, dtype=np.float32)

    stack = make_stack(np.zeros((100, 16, 16)), np.arange(100.0), 0.5)
    lazy = stack.copy(data=dask.array.from_array(OnDisk(), chunks=(1, 16, 16)))
    layer = Layer.create(*image_layer(lazy))
    assert set(read) <= {*range(0, 100, 5), 50}  # the maps for the contrast, and the one that is shown
    assert layer.contrast_limits == [0.0, 1.0]
    assert layer_stack(layer).shape == (100, 16, 16)


def test_points_lie_exactly_on_the_image(stack: xr.DataArray, points: pd.DataFrame) -> None:
    cut = stack.isel(y=slice(4, None), x=slice(6, None))  # so that the image does not begin at 0 nm
    image = Layer.create(*image_layer(cut))
    table = points
    layer = Layer.create(*points_layer(table, image))
    for (y, x), at in zip(table[["y_px", "x_px"]].to_numpy(), layer.data, strict=True):
        assert tuple(layer.data_to_world(at)) == tuple(image.data_to_world((0, y, x))[1:])
    assert layer.units == image.units[-2:]
    assert layer.axis_labels == ("y", "x")


def test_points_lie_on_a_rotated_image(stack: xr.DataArray, points: pd.DataFrame) -> None:
    data, keywords, kind = image_layer(stack.isel(bias=[0]))
    image = Layer.create(data, {**keywords, "rotate": 30, "translate": (3, 5)}, kind)
    layer = Layer.create(*points_layer(points, image))
    for at in layer.data:
        np.testing.assert_allclose(layer.data_to_world(at), image.data_to_world(at), rtol=1e-12)
    world = np.array([layer.data_to_world(at) for at in layer.data])
    np.testing.assert_allclose(layer_points(layer)[["y_nm", "x_nm"]], world, rtol=1e-12)


def test_points_come_back_as_they_were(image: Image, points: pd.DataFrame) -> None:
    table = points.assign(kind_of_defect=["a", "b", "c"])
    pd.testing.assert_frame_equal(layer_points(Layer.create(*points_layer(table, image))), table)


def test_a_point_added_by_hand_is_manual_and_has_no_confidence(image: Image, points: pd.DataFrame) -> None:
    layer = Layer.create(*points_layer(points, image))
    layer.add([1.0, 2.0])
    row = layer_points(layer).iloc[-1]
    assert (row["source"], row["y_nm"], row["x_nm"]) == ("manual", 0.5, 0.5)
    assert np.isnan(row["confidence"])
    assert layer.border_color[-1].tolist() != layer.border_color[0].tolist()


def test_hidden_points_are_left_out(image: Image, points: pd.DataFrame) -> None:
    layer = Layer.create(*points_layer(points, image))
    layer.shown = [True, False, True]
    np.testing.assert_array_equal(layer_points(layer)["score"], points["score"].to_numpy()[[0, 2]])


def test_no_points_at_all(image: Image, points: pd.DataFrame) -> None:
    layer = Layer.create(*points_layer(points.iloc[:0], image))
    assert len(layer_points(layer)) == 0
    layer.add([1.0, 2.0])
    assert layer_points(layer)["source"].tolist() == ["manual"]


def test_points_of_another_plugin_are_manual_points() -> None:
    layer = Points([[0, 1.0, 2.0]], scale=(1, 0.5, 0.5), units=("pixel", "nanometer", "nanometer"), features={"a": [7]})
    table = layer_points(layer)
    assert table[["y_nm", "x_nm", "source", "a"]].to_numpy().tolist() == [[0.5, 1.0, "manual", 7]]


def test_other_units_of_length_are_understood() -> None:
    layer = Image(np.zeros((9, 9)), scale=(1e-4, 1e-4), units=("um", "um"))
    set_scale(layer, bias_mv=5)
    assert layer_stack(layer).x.values[1] == pytest.approx(0.1)


def test_what_a_foreign_layer_lacks_is_said_and_can_be_told() -> None:
    layer = Image(np.zeros((3, 9, 9)), name="foreign")
    with pytest.raises(StmError, match="'foreign' has no unit of length; give its pixel size in nm"):
        layer_stack(layer)
    set_scale(layer, pixel_size_nm=0.25)
    with pytest.raises(StmError, match="does not tell its bias"):
        layer_stack(layer)
    with pytest.raises(StmError, match="3 maps and needs as many biases, got 2"):
        set_scale(layer, bias_mv=[0, 1])
    set_scale(layer, bias_mv=[0, 10, 20])
    stack = layer_stack(layer)
    assert stack.bias.values.tolist() == [0, 10, 20]
    assert stack.x.values[1] == 0.25
    assert tuple(layer.scale) == (1, 1, 1)  # nothing moved on the canvas
    points = Layer.create(*points_layer(make_points([[1, 2]], (0.25, 0.25), source="model"), layer))
    assert tuple(points.data_to_world(points.data[0])) == (1, 2)
    assert layer_points(points)[["y_nm", "x_nm"]].to_numpy().tolist() == [[0.25, 0.5]]


@pytest.mark.parametrize(
    ("layer", "complaint"),
    [
        (Image(np.zeros((9, 9, 3), np.uint8), rgb=True), "colour picture"),
        (Image(np.zeros((2, 2, 9, 9))), "4 axes"),
    ],
)
def test_layers_that_are_no_stack(layer: Image, complaint: str) -> None:
    with pytest.raises(StmError, match=complaint):
        layer_stack(layer)


@pytest.mark.parametrize("pixel_nm", [(0.5, 0.25), (1.0, 0.5), (0.2, 0.2)])
def test_a_score_map_lies_on_the_image_at_any_resolution(image: Image, pixel_nm: tuple[float, float]) -> None:
    image.translate = (-20, 3, 7)
    layer = Layer.create(*score_layer(scores(8, 9, pixel_nm), image))
    at = np.array([3, 5])  # of the score map; the same place in pixels of the image is
    same = at * pixel_nm / np.array([0.5, 0.25])
    np.testing.assert_allclose(layer.data_to_world(at), image.data_to_world((0, *same))[1:])


def test_the_window_reaches_to_the_outer_edges_of_the_measured_pixels(image: Image, stack: xr.DataArray) -> None:
    assert layer_window(image).box_nm == pytest.approx((-0.25, 9.75, -0.125, 7.375))
    image.data[:, 4:, 6:] = np.nan
    image.data[0, :, :] = np.nan  # measured in other maps
    image.translate = (-20, 3, 7)
    window = layer_window(image)
    assert window.area_nm2 == pytest.approx((20 * 30 - 16 * 24) * 0.5 * 0.25)
    assert window.contains(np.array([[1.0, 1.0], [2.5, 2.0], [1.5, 7.0]])).tolist() == [True, False, True]


def test_the_window_needs_a_pixel_size_and_one_value_a_pixel() -> None:
    with pytest.raises(StmError, match="give its pixel size in nm"):
        layer_window(Image(np.ones((9, 9))))
    with pytest.raises(StmError, match="is a colour picture"):
        layer_window(Image(np.ones((9, 9, 3)), rgb=True, units=("nanometer", "nanometer")))


def test_a_viewer_keeps_nanometres_with_all_layers(image: Image, viewer: ViewerModel, points: pd.DataFrame) -> None:
    viewer.add_layer(image)
    viewer.add_layer(Layer.create(*points_layer(points, image)))
    viewer.add_layer(Layer.create(*score_layer(scores(20, 30), image)))
    assert [str(unit) for unit in viewer.layers.extent.units] == ["millivolt", "nanometer", "nanometer"]
