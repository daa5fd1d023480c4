"""Shapes and points of other layers, in the coordinates of the stack that an image shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from napari.layers import Image, Layer, Points, Shapes

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.plugin.layers.images import image_layer
from napari_stm_impurities.plugin.layers.points import points_layer, points_on
from napari_stm_impurities.plugin.layers.transforms import PIXEL_KEY, Transform, placement, region_on


@pytest.fixture(params=["as it comes", "cut out", "turned"])
def placed(request: pytest.FixtureRequest, stack: xr.DataArray) -> Image:
    """The stack as a layer that lies elsewhere on the canvas."""
    image = Layer.create(*image_layer(stack))
    if request.param == "cut out":
        image.translate = (-20, 12.5, -3.0)
    if request.param == "turned":
        image.rotate = 30.0
        image.translate = (-20, 2.0, 5.0)
    return image


def test_data_canvas_and_nm_are_those_of_napari(placed: Image) -> None:
    transform = Transform.of(placed)
    data = np.array([[0.0, 3.0, 7.5], [0.0, 19.0, -2.0]])
    canvas = np.array([placed.data_to_world(one) for one in data])
    np.testing.assert_allclose(transform.to_canvas(data), canvas)
    np.testing.assert_allclose(transform.from_canvas(canvas), data, atol=1e-12)
    np.testing.assert_allclose(transform.from_canvas(canvas[:, -2:]), data, atol=1e-12)
    # the canvas of this image is in nm
    np.testing.assert_allclose(transform.to_nm(data), canvas[:, -2:])
    np.testing.assert_allclose(transform.from_nm(canvas[:, -2:]), data, atol=1e-12)
    map_nm = data[:, -2:] * (0.5, 0.25)
    np.testing.assert_allclose(transform.to_map_nm(data), map_nm)
    np.testing.assert_allclose(transform.from_map_nm(map_nm), data)


def test_a_map_further_on_is_the_same_place(placed: Image) -> None:
    third = np.array([[2.0, 3.0, 7.5]])
    transform = Transform.of(placed)
    np.testing.assert_allclose(transform.from_canvas(transform.to_canvas(third)), third)
    np.testing.assert_allclose(transform.to_map_nm(third), [[1.5, 1.875]])


def test_nm_of_a_layer_in_other_units_and_of_none() -> None:
    angstrom = Points([[30.0, 40.0]], units=("angstrom", "angstrom"), translate=(10.0, 0.0))
    np.testing.assert_allclose(Transform.of(angstrom).to_nm(angstrom.data), [[4.0, 4.0]])
    np.testing.assert_allclose(Transform.of(angstrom).from_nm(np.array([[4.0, 4.0]])), [[30.0, 40.0]])
    bare = Points([[30.0, 40.0]], name="bare", scale=(2.0, 2.0))
    np.testing.assert_allclose(Transform.of(bare).to_canvas(bare.data), [[60.0, 80.0]])
    with pytest.raises(StmError, match="the layer 'bare' has no unit of length; give its pixel size in nm"):
        Transform.of(bare).to_nm(bare.data)
    bare.metadata[PIXEL_KEY] = (0.5, 0.5)
    np.testing.assert_allclose(Transform.of(bare).to_nm(bare.data), [[15.0, 20.0]])


def test_points_come_back_to_the_pixels_that_they_were_found_on(placed: Image, points: pd.DataFrame) -> None:
    layer = Layer.create(*points_layer(points, placed))
    back = points_on(placed, layer)
    names = ["y_px", "x_px", "y_nm", "x_nm"]
    np.testing.assert_allclose(back[names], points[names], atol=1e-9)
    assert back["source"].tolist() == points["source"].tolist()


def test_points_of_another_unit_lie_where_they_are_drawn(image: Image) -> None:
    # 2 nm and 1 nm on the image's pixels of 0.5 x 0.25 nm
    elsewhere = Points([[0.002, 0.001]], units=("micrometer", "micrometer"))
    back = points_on(image, elsewhere)
    np.testing.assert_allclose(back[["y_nm", "x_nm"]], [[2.0, 1.0]])
    np.testing.assert_allclose(back[["y_px", "x_px"]], [[4.0, 4.0]])


def test_a_rectangle_is_the_region_wherever_the_image_lies(placed: Image) -> None:
    where = placement(placed)
    drawn = Shapes([[[2, 4], [2, 20], [10, 20], [10, 4]]], **where)
    assert region_on(placed, drawn) == pytest.approx((1.0, 5.0, 1.0, 5.0))


def test_a_rectangle_drawn_in_a_layer_of_napari_s_own_is_the_region(image: Image) -> None:
    # as napari's own button makes it: in the canvas's coordinates, with the image's unit or with none
    corners = [[1.0, 1.0], [1.0, 5.0], [5.0, 5.0], [5.0, 1.0]]
    for drawn in (Shapes([corners]), Shapes([corners], units=("nanometer", "nanometer"))):
        assert region_on(image, drawn) == pytest.approx((1.0, 5.0, 1.0, 5.0))
    volume = [[0.0, *corner] for corner in corners]
    assert region_on(image, Shapes([volume])) == pytest.approx((1.0, 5.0, 1.0, 5.0))


def test_of_several_shapes_one_must_be_selected(image: Image) -> None:
    one = [[1.0, 1.0], [1.0, 2.0], [2.0, 2.0], [2.0, 1.0]]
    other = [[3.0, 1.0], [3.0, 2.0], [4.0, 2.0], [4.0, 1.0]]
    drawn = Shapes([one, other])
    with pytest.raises(StmError, match="select the one"):
        region_on(image, drawn)
    drawn.selected_data = {1}
    assert region_on(image, drawn) == pytest.approx((3.0, 4.0, 1.0, 2.0))
    with pytest.raises(StmError, match="draw a rectangle"):
        region_on(image, Shapes())
