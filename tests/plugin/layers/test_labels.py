"""Labels layers as masks of an image, by where both lie on the canvas."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from napari.layers import Image, Labels, Layer

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.plugin.layers.images import image_layer
from napari_stm_impurities.plugin.layers.labels import labelled_pixels


@pytest.fixture(params=["as it comes", "turned"])
def placed(request: pytest.FixtureRequest, stack: xr.DataArray) -> Image:
    """20 x 30 pixels of 0.5 nm x 0.25 nm."""
    image = Layer.create(*image_layer(stack))
    if request.param == "turned":
        image.rotate = 30.0
        image.translate = (-20, 2.0, 5.0)
    return image


def test_each_pixel_takes_the_nearest_label_on_the_canvas(placed: Image) -> None:
    labels = np.zeros((50, 60), int)
    labels[12:20, 7:31] = 4
    layer = Labels(labels, scale=(3, 3), translate=(-30, -20), units=("angstrom", "angstrom"))
    wanted = np.zeros((20, 30), bool)
    for row, column in np.ndindex(20, 30):
        y_nm, x_nm = placed.data_to_world((0, row, column))[1:]
        y, x = round((10 * y_nm + 30) / 3), round((10 * x_nm + 20) / 3)
        wanted[row, column] = 0 <= y < 50 and 0 <= x < 60 and labels[y, x] != 0
    assert 0 < wanted.sum() < wanted.size
    np.testing.assert_array_equal(labelled_pixels(placed, layer), wanted)


def test_a_label_painted_at_one_bias_excludes_its_pixel(image: Image) -> None:
    labels = np.zeros((5, 20, 30), int)
    labels[3, 4, 5] = 1
    layer = Labels(labels, scale=image.scale, translate=image.translate, units=image.units)
    assert np.argwhere(labelled_pixels(image, layer)).tolist() == [[4, 5]]


def test_a_layer_in_pixels_lies_where_napari_draws_it(image: Image) -> None:
    labels = np.zeros((20, 30), int)
    labels[2, 1] = 1
    layer = Labels(labels, scale=(0.5, 0.25))
    assert np.argwhere(labelled_pixels(image, layer)).tolist() == [[2, 1]]


def test_a_layer_of_another_frame_is_refused_in_one_line(image: Image) -> None:
    labels = np.ones((20, 30), int)
    away = Labels(labels, scale=(0.5, 0.25), translate=(500, 0), units=("nanometer",) * 2, name="away")
    with pytest.raises(StmError, match=r"'away' covers no pixel of the image 'LI X'; paint on that image") as error:
        labelled_pixels(image, away)
    assert "\n" not in str(error.value)
    labels = np.zeros((100, 30), int)
    labels[90] = 1  # below the image
    with pytest.raises(StmError, match="covers no pixel"):
        labelled_pixels(image, Labels(labels, scale=(0.5, 0.25)))


def test_nothing_painted_excludes_nothing_and_everything_is_refused(image: Image) -> None:
    labels = np.zeros((20, 30), int)
    assert not labelled_pixels(image, Labels(labels, scale=(0.5, 0.25))).any()
    with pytest.raises(StmError, match="excludes every pixel"):
        labelled_pixels(image, Labels(labels + 1, scale=(0.5, 0.25)))
