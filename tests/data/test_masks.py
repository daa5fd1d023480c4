"""Pixels that a mask excludes."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.data.masks import exclude, excluded_pixels
from napari_stm_impurities.data.observation_window import ObservationWindow


def stack():
    return make_stack(np.random.default_rng(0).normal(size=(2, 12, 15)), [0, 1], 0.5)


def test_every_label_but_0_excludes_its_pixel_in_every_map():
    mask = np.zeros((12, 15), int)
    mask[2:4, 5:8] = 7
    left = exclude(stack(), mask)
    assert np.isnan(left.values[:, mask > 0]).all()
    np.testing.assert_array_equal(left.values[:, mask == 0], stack().values[:, mask == 0])
    assert left.attrs["history"][-1] == "6 pixels excluded by a mask"
    assert ObservationWindow.of(left).area_nm2 == pytest.approx((12 * 15 - 6) * 0.25)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, float])
def test_labels_and_flags_mean_the_same(kind):
    mask = np.eye(4).astype(kind)
    np.testing.assert_array_equal(excluded_pixels(mask, (4, 4)), np.eye(4, dtype=bool))


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((15, 12)), r"12 x 15 pixels \(y, x\), as the image has, got the shape \(15, 12\)"),
        (np.ones((12, 15)), "excludes every pixel"),
        (np.full((12, 15), np.nan), "not finite"),
        (np.full((12, 15), "a"), "type <U1"),
        (np.zeros((12, 15), complex), "type complex128"),
        ([[0], [0, 1]], "rows differ in length"),
    ],
)
def test_a_mask_that_does_not_fit_is_one_line(mask, message):
    with pytest.raises(StmError, match=message) as error:
        exclude(stack(), mask)
    assert "\n" not in str(error.value)
