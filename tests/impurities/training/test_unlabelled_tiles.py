"""The measured stack in a training: its tiles, and the paper's ratio."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.impurities.model import Model, ModelConfig
from napari_stm_impurities.impurities.network_config import InputConfig, NetworkConfig
from napari_stm_impurities.impurities.training.unlabelled_tiles import UnlabelledStack
from napari_stm_impurities.physics.dispersion import Dispersion

BIAS = [-100.0, -50.0, 0.0, 20.0]
PLACES_PX = np.array([[6.0, 9.0], [20.0, 30.0], [33.0, 12.0]])


@pytest.fixture
def spots():
    rows, columns = np.mgrid[:40, :40]
    # each its own height: one value met again and again would be the rail of an amplifier
    one = sum(
        height * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 4)
        for height, (y, x) in zip((1.0, 0.9, 0.8), PLACES_PX, strict=True)
    )
    return make_stack(np.stack([one] * 4), BIAS, 0.5)


def bright() -> Model:
    """The score is what is bright."""
    network = NetworkConfig.of(
        channels=(1,), convolutions=(1,), batch_norm=False, attention="off", value_channels=1, offsets=False
    )
    model = Model(ModelConfig(network=network, inputs=InputConfig(scaling="unit_range", measured_channel=False)))
    with torch.no_grad():
        for parameter in model.network.parameters():
            parameter.zero_()
        model.network.encoder[0][0].weight[0, 0, 1, 1] = 1
        model.network.attention[0].value.weight.fill_(1)
        model.network.projection.weight.fill_(1)
    return model


def plan(tiny, **values):
    return tiny.model_copy(update={"experiment_tiles_per_step": 100, "experiment_maps_per_step": 100, **values})


def test_the_tiles_cover_the_whole_frame(tiny):
    data = np.random.default_rng(0).normal(size=(4, 40, 31))
    experiment = UnlabelledStack(make_stack(data, BIAS, 0.5), plan(tiny), None)
    tiles = experiment.tiles(torch.Generator().manual_seed(0))
    # 40 = 3 x 12 and one flush with the edge; 31 = 2 x 12 and one flush
    assert tiles.shape == (12, 4, 12, 12)
    covered = {round(float(value), 5) for value in tiles.flatten()}
    whole = experiment.view.maps - experiment.view.maps.mean((1, 2), keepdim=True)
    whole = whole / whole.abs().amax((1, 2), keepdim=True)
    assert len({round(float(value), 5) for value in whole.flatten()} - covered) < 0.01 * whole.numel()


def test_the_paper_scales_each_tile_by_itself(tiny, experiment):
    alone = tiny.inputs.model_copy(update={"scale_over": "tile"})
    tiles = UnlabelledStack(experiment, plan(tiny, inputs=alone), None).tiles(torch.Generator())
    np.testing.assert_allclose(tiles.mean((-2, -1)), 0, atol=1e-5)
    np.testing.assert_allclose(tiles.abs().amax((-2, -1)), 1, atol=1e-5)
    together = UnlabelledStack(experiment, plan(tiny), None).tiles(torch.Generator())
    assert together.abs().amax((-2, -1)).min() < 0.9


def test_a_step_draws_some_tiles_at_some_biases(tiny, experiment):
    few = UnlabelledStack(experiment, plan(tiny, experiment_tiles_per_step=2, experiment_maps_per_step=3), None)
    draw = torch.Generator().manual_seed(0)
    first, second = few.tiles(draw), few.tiles(draw)
    assert first.shape == (2, 3, 12, 12)
    assert not torch.equal(first, second)
    assert torch.equal(few.tiles(torch.Generator().manual_seed(0)), first)


def test_a_stack_smaller_than_a_tile_is_refused_in_one_line(tiny, experiment):
    with pytest.raises(StmError, match="experiment_tile_px") as caught:
        UnlabelledStack(experiment, plan(tiny, experiment_tile_px=64), None)
    assert "\n" not in str(caught.value)


def test_the_ratio_counts_reference_points_less_than_a_pixel_from_a_peak(tiny, spots):
    # on the spot, 0.8 pixels beside it, 1.1 pixels beside it, and far from all
    places = np.array([[6.0, 9.0], [20.8, 30.0], [33.0, 13.1], [10.0, 35.0]])
    reference = make_points(places, (0.5, 0.5), source="reference")
    assert UnlabelledStack(spots, plan(tiny), reference).ratio(bright()) == pytest.approx(0.5)
    assert UnlabelledStack(spots, plan(tiny), reference[:1]).ratio(bright()) == 1.0
    assert UnlabelledStack(spots, plan(tiny), reference[3:]).ratio(bright()) == 0.0


def test_without_a_reference_there_is_no_ratio(tiny, spots):
    assert UnlabelledStack(spots, plan(tiny), None).ratio(bright()) is None


def test_a_part_of_a_stack_is_compared_in_its_own_coordinates(tiny, spots):
    reference = make_points(PLACES_PX, (0.5, 0.5), source="reference")
    assert UnlabelledStack(spots.isel(y=slice(4, None), x=slice(6, None)), plan(tiny), reference).ratio(bright()) == 1.0


def test_a_given_band_sets_the_scale_of_the_experiment(gold, tiny):
    # ripples of 0.8 nm would be too fine for the model on these pixels of 0.47 nm, so the maps are resampled
    fine = Dispersion.of_wavelength(0.8, bias_mv=20)
    own, given = UnlabelledStack(gold.stack, tiny, None), UnlabelledStack(gold.stack, tiny, None, fine)
    assert own.view.pixel_size_nm == pytest.approx((0.46875, 0.46875))
    assert given.view.pixel_size_nm[0] < 0.3
