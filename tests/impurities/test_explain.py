"""Why a place scores as it does: against what finding gives for the whole image, and against leaving maps out."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
import xarray as xr

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.impurities.detect import find
from napari_stm_impurities.impurities.explain import LEAVE_OUT_AT_MOST, Explainer, explain
from napari_stm_impurities.impurities.model import Model, ModelConfig
from napari_stm_impurities.impurities.network import receptive_field_px
from napari_stm_impurities.impurities.network_config import InputConfig, NetworkConfig, wang2020_input, wang2020_network

#: No map of these lies below it, and at 0.47 nm a pixel nothing is resampled.
BAND = "Au(111)"


def small_model(network: NetworkConfig, **inputs: object) -> Model:
    torch.manual_seed(0)
    made = Model(ModelConfig(network=network, inputs=InputConfig.of(**inputs)))
    with torch.no_grad():
        for part in made.network.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.running_mean.normal_(0, 0.2)
                part.running_var.uniform_(0.5, 2)
        # fresh weights give nearly the same score and attention everywhere
        made.network.projection.bias.zero_()
        made.network.projection.weight.mul_(300)
        for attention in made.network.attention:
            attention.query.weight.mul_(5)
    return made


@pytest.fixture
def pyramid() -> Model:
    network = NetworkConfig(channels=(4, 6, 8), convolutions=(2, 1, 1), key_channels=4)
    return small_model(network, halo_px=receptive_field_px(network), tile_px=32)


def noise(n: int, height: int, width: int, step_nm: float = 0.47) -> xr.DataArray:
    values = np.random.default_rng(2).normal(size=(n, height, width))
    values[:, 10:14, 20:30] = np.nan
    return make_stack(values, np.linspace(-200, 20, n), step_nm, units="nS")


def places(score: xr.DataArray) -> list[tuple[int, int]]:
    """The corners, the edges, beside the seams of the tiles, and some in the middle."""
    height, width = score.shape
    rows, columns = (0, 1, 31, 32, height // 2, height - 1), (0, 7, 32, width // 2, width - 2, width - 1)
    return [(row, column) for row in rows for column in columns]


def agree(explainer: Explainer, score: xr.DataArray) -> None:
    """At each place, slightly off the pixel's centre, the score is that of the map."""
    for row, column in places(score):
        y, x = float(score.y[row]), float(score.x[column])
        why = explainer.at(y + (0.1 if row == 0 else -0.1), x + (0.1 if column == 0 else -0.1))
        assert why.score == pytest.approx(float(score[row, column]), abs=1e-4)
        assert (why.y_nm, why.x_nm) == pytest.approx((y, x))


def test_the_score_is_that_of_the_whole_image(pyramid: Model) -> None:
    stack = noise(4, 75, 62)
    finding = find(stack, pyramid, BAND)
    assert float(finding.score.std()) > 0.1
    agree(Explainer(stack, pyramid, BAND), finding.score)


def test_so_it_is_where_the_maps_are_resampled(pyramid: Model) -> None:
    stack = noise(3, 90, 100, step_nm=0.05)
    finding = find(stack, pyramid, BAND)
    assert finding.score.shape != stack.shape[1:]
    explainer = Explainer(stack, pyramid, BAND)
    row, column = (n // 2 for n in finding.score.shape)
    why = explainer.at(float(finding.score.y[row]), float(finding.score.x[column]))
    assert why.score == pytest.approx(float(finding.score[row, column]), abs=1e-4)


def test_so_it_is_for_the_papers_network() -> None:
    """Its tiles are scaled one by one, and its attention is one for a whole tile."""
    model = small_model(wang2020_network(), **wang2020_input().model_dump())
    stack = noise(3, 50, 45)
    finding = find(stack, model, BAND)
    explainer = Explainer(stack, model, BAND)
    for row, column in [(0, 0), (19, 20), (20, 19), (49, 44), (25, 30)]:
        why = explainer.at(float(finding.score.y[row]), float(finding.score.x[column]))
        assert why.score == pytest.approx(float(finding.score[row, column]), rel=1e-4, abs=1e-4)


def test_a_stack_that_was_cut_out_keeps_its_coordinates(pyramid: Model) -> None:
    stack = noise(3, 60, 60).isel(y=slice(20, 60), x=slice(7, 60))
    finding = find(stack, pyramid, BAND)
    why = explain(stack, pyramid, float(stack.y[5]), float(stack.x[30]), BAND)
    assert why.score == pytest.approx(float(finding.score[5, 30]), abs=1e-4)
    np.testing.assert_allclose(why.spectrum, stack.isel(y=slice(4, 7), x=slice(29, 32)).values[
        :, [0, 1, 1, 1, 2], [1, 0, 1, 2, 1]].mean(1), rtol=1e-5)  # fmt: skip


def test_the_mean_attention_over_all_pixels_is_that_of_the_finding(pyramid: Model) -> None:
    stack = noise(3, 12, 14)
    finding = find(stack, pyramid, BAND)
    explainer = Explainer(stack, pyramid, BAND)
    every = [explainer.at(float(y), float(x)) for y in stack.y for x in stack.x]
    np.testing.assert_allclose(np.mean([why.attention.values for why in every], 0), finding.attention, atol=1e-5)
    np.testing.assert_allclose([why.attention.sum("asked_bias") for why in every], 1, rtol=1e-5)
    np.testing.assert_allclose([float(why.weight.sum()) for why in every], 1, rtol=1e-5)
    np.testing.assert_array_equal(every[0].attention.bias, finding.attention.bias)


def test_the_fall_is_what_finding_without_that_map_says(pyramid: Model) -> None:
    stack = noise(4, 40, 48)
    explainer = Explainer(stack, pyramid, BAND)
    row, column = 17, 23
    why = explainer.at(float(stack.y[row]), float(stack.x[column]))
    for left_out in range(4):
        rest = stack.isel(bias=[number for number in range(4) if number != left_out])
        without = float(find(rest, pyramid, BAND).score[row, column])
        assert float(why.leave_one_out_drop[left_out]) == pytest.approx(why.score - without, abs=2e-4)
    assert np.abs(why.leave_one_out_drop).max() > 0.01


def test_a_single_map_cannot_be_left_out(pyramid: Model) -> None:
    stack = noise(1, 40, 40)
    why = explain(stack, pyramid, 5.0, 5.0, BAND)
    assert np.isnan(why.leave_one_out_drop).all()
    assert why.attention.values.tolist() == [[1.0]]
    assert len(why.spectrum) == 1


def test_of_many_maps_none_is_left_out() -> None:
    network = NetworkConfig(channels=(2,), convolutions=(1,), key_channels=2)
    model = small_model(network, max_maps=None)
    why = explain(noise(LEAVE_OUT_AT_MOST + 1, 20, 40), model, 5.0, 5.0, BAND)
    assert np.isnan(why.leave_one_out_drop).all()
    assert len(why.weight) == LEAVE_OUT_AT_MOST + 1


def test_the_confidence_is_the_calibrated_one(bright_model: Callable[..., Model]) -> None:
    """The score of this model is the mean over the maps of what is bright there."""
    values = np.zeros((2, 32, 32))
    values[:, 8, 9] = 1
    values[1, 20, 20] = 1
    stack = make_stack(values, [0, 10], 0.47)
    model = bright_model()
    at_spot, at_half = (explain(stack, model, y * 0.47, x * 0.47, BAND) for y, x in ((8, 9), (20, 20)))
    assert at_spot.confidence == pytest.approx(1 / (1 + np.exp(-(12 * at_spot.score - 4))))
    assert at_half.score == pytest.approx(at_spot.score / 2, rel=0.05)
    # only the second map shows the second spot: the mean of what is left falls to 0 without it, and doubles without the
    # other
    np.testing.assert_allclose(at_half.leave_one_out_drop, [-at_half.score, at_half.score], rtol=0.05)


@pytest.mark.parametrize("place", [(-1.0, 5.0), (5.0, 99.0)])
def test_a_place_outside_the_image_is_one_line(pyramid: Model, place: tuple[float, float]) -> None:
    with pytest.raises(StmError, match="outside the image"):
        explain(noise(2, 20, 40), pyramid, *place, BAND)


def test_a_look_with_the_shipped_model_is_quick() -> None:
    explainer = Explainer(noise(8, 256, 256), "default", BAND)
    explainer.at(50.0, 50.0)
    before = time.process_time()
    explainer.at(60.0, 60.0)
    seconds = time.process_time() - before
    print(f"{seconds:.3f} s")
    assert seconds < 1.5  # some 0.3 s on one slow core
