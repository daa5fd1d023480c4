"""What a network says both ways: the mean of the answers to a map and to the map turned by half a turn."""

from __future__ import annotations

import pytest
import torch

from napari_stm_impurities.impurities.inference import predict
from napari_stm_impurities.impurities.network import ImpurityNetwork
from napari_stm_impurities.impurities.network_config import InputConfig, NetworkConfig

BOTH = InputConfig(both_ways="always")
ONE = InputConfig(both_ways="never")


@pytest.fixture(params=["local", "global"])
def network(request: pytest.FixtureRequest) -> ImpurityNetwork:
    torch.manual_seed(0)
    config = NetworkConfig(channels=(4, 6), convolutions=(1, 1), attention=request.param)
    network = ImpurityNetwork(config, 2).eval()
    for parameter in network.parameters():
        parameter.data.normal_(std=0.5)
    return network


def test_one_way_is_the_network_itself(network: ImpurityNetwork) -> None:
    maps = torch.randn(1, 3, 2, 11, 14)
    assert torch.equal(predict(network, maps, ONE).score, network(maps).score)


def test_of_a_turned_map_the_answer_is_turned(network: ImpurityNetwork) -> None:
    maps = torch.randn(1, 3, 2, 12, 16)
    said, of_turned = predict(network, maps, BOTH), predict(network, maps.rot90(2, (-2, -1)), BOTH)
    torch.testing.assert_close(of_turned.score.rot90(2, (-2, -1)), said.score, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(-of_turned.offsets_px.rot90(2, (-2, -1)), said.offsets_px, atol=1e-5, rtol=1e-5)
    alone = network(maps).score.detach()
    assert float((said.score - alone).abs().max()) > 1e-3


def test_both_are_the_mean_of_two(network: ImpurityNetwork) -> None:
    maps = torch.randn(1, 2, 2, 12, 12)
    with torch.no_grad():
        first, second = network(maps), network(torch.flip(maps, (3, 4)))
    mean = (first.score[0, 2, 9] + second.score[0, 9, 2]) / 2
    assert float(predict(network, maps, BOTH).score[0, 2, 9]) == pytest.approx(float(mean), abs=1e-5)


def test_sides_that_cannot_be_halved_keep_their_shape(network: ImpurityNetwork) -> None:
    said = predict(network, torch.randn(1, 2, 2, 11, 13), BOTH)
    assert said.score.shape == (1, 11, 13)
    assert said.offsets_px.shape == (1, 2, 11, 13)
    assert said.weights.shape[-2:] == ((11, 13) if said.weights.ndim == 5 else (2, 2))


@pytest.mark.parametrize(
    ("setting", "of_one", "of_three"),
    [
        ("always", True, True),
        ("never", False, False),
        ("one map", True, False),
        (True, True, True),
        (False, False, False),
    ],
)
def test_which_maps_are_augmented(setting, of_one, of_three):
    config = InputConfig.of(both_ways=setting)
    assert (config.augments(1), config.augments(3)) == (of_one, of_three)
    assert InputConfig().both_ways == "one map"
