"""Snapping in a window: with the key, to the score map that belongs to the points."""

from __future__ import annotations

import weakref
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from napari.layers import Image, Layer, Points
from napari.utils.notifications import notification_manager

from napari_stm_impurities.physics.dispersion import Dispersion
from napari_stm_impurities.plugin.editing import history_of
from napari_stm_impurities.plugin.layers.images import FINDING_KEY, IMAGE_KEY, score_layer

from .conftest import YX, Hand

#: Where the score map peaks, in nm, near the second of the points, which lies at (4, 10).
PEAK_NM = (4.3, 9.5)


def add_scores(hand: Hand, image: Image, peak_nm: tuple[float, float] = PEAK_NM) -> Image:
    """A score map on pixels of 0.2 nm, with one peak."""
    y, x = (np.arange(n) * 0.2 for n in (50, 75))
    values = 3 - (y[:, None] - peak_nm[0]) ** 2 - (x - peak_nm[1]) ** 2
    scores = xr.DataArray(np.maximum(values, 0), {"y": y, "x": x}, attrs={"pixel_size_nm": [0.2, 0.2]})
    data, keywords, kind = score_layer(scores, image, visible=False)
    finding = SimpleNamespace(kind="impurities", dispersion=None)
    keywords["metadata"] = {FINDING_KEY: finding, IMAGE_KEY: weakref.ref(image)}
    layer: Image = hand.viewer.add_layer(Layer.create(data, keywords, kind))
    return layer


def choose(hand: Hand, layer: Points) -> None:
    hand.viewer.layers.selection.active = layer
    hand.press("3")
    hand.click(*YX[1])


def test_a_chosen_point_snaps_to_the_peak(hand: Hand, layer: Points) -> None:
    add_scores(hand, hand.image)
    choose(hand, layer)
    hand.press("M")
    np.testing.assert_allclose(layer.data_to_world(layer.data[1]), PEAK_NM, atol=1e-3)
    assert layer.features["source"].astype(str).tolist() == ["model", "manual", "model", "model"]
    assert np.isnan(layer.features["confidence"][1])
    assert hand.viewer.status == "1 point snapped to the score map"
    assert history_of(layer).undo_name == "snap 1 point"
    hand.undo()
    np.testing.assert_array_equal(layer.data, YX)
    assert layer.features["source"].astype(str).tolist() == ["model"] * 4


def test_out_of_reach_nothing_moves_and_nothing_is_recorded(hand: Hand, layer: Points) -> None:
    add_scores(hand, hand.image, (4.0, 11.3))
    choose(hand, layer)
    hand.press("M")
    np.testing.assert_array_equal(layer.data, YX)
    assert len(history_of(layer)) == 0
    assert "no other peak" in hand.viewer.status


@pytest.mark.parametrize(("bottom_mv", "moves"), [(-1500.0, False), (-40.0, True)])
def test_the_band_tells_how_far(hand: Hand, layer: Points, bottom_mv: float, moves: bool) -> None:
    add_scores(hand, hand.image, (4.0, 10.8))
    band = Dispersion(band_bottom_mv=bottom_mv, effective_mass=0.4)
    bias = np.array([-10.0, 10.0])
    attention = xr.DataArray(np.ones((2, 2)), {"bias": bias, "asked_bias": bias})
    layer.metadata[FINDING_KEY] = SimpleNamespace(kind="impurities", dispersion=band, attention=attention)
    choose(hand, layer)
    hand.press("M")
    assert bool(np.any(np.asarray(layer.data) != YX)) is moves


def test_without_a_score_map_it_says_what_to_do(hand: Hand, layer: Points) -> None:
    choose(hand, layer)
    hand.press("M")
    assert notification_manager.records[-1].message.startswith("there is no score map under these points; run Find")
    np.testing.assert_array_equal(layer.data, YX)


def test_another_images_score_map_is_not_taken(hand: Hand, layer: Points) -> None:
    other = Image(np.zeros((20, 30)), name="another", units=("nanometer", "nanometer"), scale=(0.5, 0.5))
    hand.viewer.add_layer(other)
    add_scores(hand, other)
    layer.metadata[IMAGE_KEY] = weakref.ref(hand.image)
    choose(hand, layer)
    hand.press("M")
    np.testing.assert_array_equal(layer.data, YX)
    assert "no score map" in hand.viewer.status
