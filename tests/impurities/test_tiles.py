"""Tiles: no seam shows with a halo, and the paper's tiles are scored each alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.core.progress import Stopped
from napari_stm_impurities.impurities.model import Model, ModelConfig
from napari_stm_impurities.impurities.network_config import InputConfig, NetworkConfig, wang2020_input, wang2020_network
from napari_stm_impurities.impurities.preprocess import ModelInput
from napari_stm_impurities.impurities.tiles import score_view, tile_from, tile_sides_px


def model(network: NetworkConfig, inputs: InputConfig, seed: int = 0) -> Model:
    torch.manual_seed(seed)
    made = Model(ModelConfig(network=network, inputs=inputs))
    with torch.no_grad():
        for layer in made.network.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.running_mean.normal_(0, 0.2)
                layer.running_var.uniform_(0.5, 2)
        # fresh weights give nearly the same score everywhere; spread it, so that a seam would show
        made.network.projection.bias.zero_()
        made.network.projection.weight.mul_(300)
    return made


def view(height: int, width: int, n: int = 2, seed: int = 0, missing: bool = False) -> ModelInput:
    maps = torch.randn(n, height, width, generator=torch.Generator().manual_seed(seed))
    maps += torch.linspace(-3, 3, width)
    if missing:
        maps[:, height // 3 : height // 2, width // 4 : width // 2] = torch.nan
        maps[0, -9:] = torch.nan
    return ModelInput(maps, np.arange(len(maps)) * 1.0, (0.5, 0.5), ~maps.isnan().all(0).numpy(), None)


@pytest.mark.parametrize("missing", [False, True])
def test_the_default_network_gives_the_same_whatever_the_tile(missing):
    made, seen = model(NetworkConfig(), InputConfig()), view(190, 203, missing=missing)
    whole = score_view(made, seen, 0)
    assert whole.score.shape == (190, 203)
    assert whole.offsets_px.shape == (2, 190, 203)
    assert whole.score.std() > 0.1
    for tile, sides in ((24, (96, 24)), (40, (96, 104))):
        assert tile_sides_px(made, (190, 203), tile) == sides
        tiled = score_view(made, seen, tile)
        np.testing.assert_allclose(tiled.score, whole.score, atol=1e-4)
        np.testing.assert_allclose(tiled.offsets_px, whole.offsets_px, atol=1e-4)


@pytest.mark.parametrize("tile", [7, 30, 500])
def test_any_side_of_a_tile_is_taken(tile):
    network = NetworkConfig.of(channels=(4, 6), convolutions=(1, 1))
    made, seen = model(network, InputConfig(halo_px=10)), view(31, 45)
    np.testing.assert_allclose(score_view(made, seen, tile).score, score_view(made, seen, 0).score, atol=1e-4)


def test_the_paper_scores_each_20_by_20_tile_alone_and_puts_them_together():
    made, seen = model(wang2020_network(), wang2020_input()), view(80, 80, n=5)
    packed = score_view(made, seen)
    assert packed.offsets_px is None
    for y in range(0, 80, 20):
        for x in range(0, 80, 20):
            tile = seen.maps[:, y : y + 20, x : x + 20]
            # mean off, into [-1, 1], each map of each tile by itself
            shown = torch.stack([(one - one.mean()) / (one - one.mean()).abs().max() for one in tile])
            with torch.inference_mode():
                alone = made.network(shown[None, :, None]).score[0].numpy()
            np.testing.assert_allclose(packed.score[y : y + 20, x : x + 20], alone, rtol=1e-4, atol=1e-4)


def test_what_is_left_over_at_the_edge_is_scored_too():
    made, seen = model(wang2020_network(), wang2020_input()), view(50, 33, n=3)
    score = score_view(made, seen).score
    assert score.shape == (50, 33)
    assert np.abs(score[40:]).min() > 0
    assert np.abs(score[:, 20:]).min() > 0


def test_a_negative_tile_is_refused():
    with pytest.raises(StmError, match="side of a tile"):
        score_view(model(wang2020_network(), wang2020_input()), view(40, 40), -20)


def test_progress_and_stop_between_tiles():
    made, seen = model(wang2020_network(), wang2020_input()), view(40, 60)
    told = []
    score_view(made, seen, progress=lambda share, _: told.append(share))
    np.testing.assert_allclose(told, np.arange(7) / 6)
    asked = []
    with pytest.raises(Stopped):
        score_view(made, seen, should_stop=lambda: asked.append(1) or len(asked) > 2)
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("shape", "sides"),
    [
        ((80, 80), (192, 192)),
        ((240, 240), (240, 240)),  # whole: no more than a tile with its halo on both sides, 336
        ((512, 340), (256, 192)),
        ((1000, 200), (192, 200)),
    ],
)
def test_small_images_are_cut_into_few_tiles(shape, sides):
    assert tile_sides_px(Model(ModelConfig()), shape) == sides


def test_no_tile_sees_more_than_one_in_the_middle_of_a_large_image():
    made = Model(ModelConfig())
    for length in range(40, 1500, 28):
        side, _ = tile_sides_px(made, (length, 100))
        for first in range(0, length, side):
            _, (seen, _), _ = tile_from((first, 0), (side, 100), 72, (length, 100))
            assert seen.stop - seen.start <= 192 + 2 * 72


def test_where_there_is_no_halo_the_side_is_the_given_one():
    config = ModelConfig(network=wang2020_network(), inputs=wang2020_input())
    assert tile_sides_px(Model(config), (90, 80)) == (20, 20)
