"""The network: any number of biases in any order, how far a pixel sees, how large it is."""

from __future__ import annotations

import pytest
import torch

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.impurities.network import ImpurityNetwork, load_weights, receptive_field_px
from napari_stm_impurities.impurities.network_config import InputConfig, NetworkConfig, wang2020_input, wang2020_network

SMALL = {
    "paper": wang2020_network(),
    "global": NetworkConfig.of(channels=(4, 6), convolutions=(2, 1), attention="global", key_channels=3),
    "local": NetworkConfig.of(channels=(4, 6, 8), convolutions=(2, 1, 1), attention="local", key_channels=3),
    "off": NetworkConfig.of(channels=(4, 6), convolutions=(1, 2), attention="off", kernel_px=5),
    "sum": NetworkConfig.of(channels=(4, 6), convolutions=(1, 1), sum_over_biases="sum", value_channels=5),
}


def network(config: NetworkConfig, in_channels: int = 1, seed: int = 0) -> ImpurityNetwork:
    torch.manual_seed(seed)
    made = ImpurityNetwork(config, in_channels)
    # as after some training: the normalisation has statistics of its own
    with torch.no_grad():
        for layer in made.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.running_mean.normal_(0, 0.2)
                layer.running_var.uniform_(0.5, 2)
    return made.eval()


def maps(n: int, height: int = 21, width: int = 26, channels: int = 1, seed: int = 0) -> torch.Tensor:
    return torch.randn(2, n, channels, height, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", SMALL)
def test_the_order_of_the_biases_does_not_matter(name):
    made, shown = network(SMALL[name]), maps(7)
    order = torch.tensor([4, 2, 6, 0, 1, 5, 3])
    with torch.inference_mode():
        straight, shuffled = made(shown), made(shown[:, order])
    assert straight.score.std() > 0
    torch.testing.assert_close(shuffled.score, straight.score, atol=1e-5, rtol=1e-5)
    if straight.offsets_px is not None:
        torch.testing.assert_close(shuffled.offsets_px, straight.offsets_px, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(shuffled.weights, straight.weights[:, order][:, :, order], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("n", [1, 2, 126])
def test_any_number_of_biases_is_taken(name, n):
    with torch.inference_mode():
        answer = network(SMALL[name])(maps(n))
    assert answer.score.shape == (2, 21, 26)
    assert answer.score.isfinite().all()
    offsets = (2, 2, 21, 26) if SMALL[name].offsets else None
    assert (None if answer.offsets_px is None else tuple(answer.offsets_px.shape)) == offsets
    assert answer.weights.shape[:3] == (2, n, n)
    torch.testing.assert_close(answer.weights.sum(2), torch.ones_like(answer.weights.sum(2)))


def test_local_weights_lie_on_the_pixels_of_the_map():
    with torch.inference_mode():
        assert network(SMALL["local"])(maps(3)).weights.shape == (2, 3, 3, 21, 26)


def test_with_mean_a_bias_shown_twice_changes_little_with_sum_everything_grows():
    shown = maps(3)
    for name, grows in (("off", False), ("paper", True)):
        made = network(SMALL[name])
        with torch.inference_mode():
            once, twice = made(shown).score, made(shown.repeat(1, 2, 1, 1, 1)).score
        same = torch.allclose(once, twice, atol=1e-5)
        assert same is not grows


def test_the_paper_s_network_is_one_level_with_a_linear_projection():
    config = wang2020_network()
    assert (config.attention, config.sum_over_biases, len(config.channels)) == ("global", "sum", 1)
    assert not config.offsets
    assert not config.batch_norm
    made = network(config)
    assert len(made.decoder) == 0
    assert isinstance(made.projection, torch.nn.Conv2d)
    assert made.projection.kernel_size == (1, 1)
    # d_v -> 1
    assert made.projection.weight.shape[:2] == (1, config.value_channels)
    inputs = wang2020_input()
    assert (inputs.tile_px, inputs.halo_px, inputs.scaling, inputs.scale_over) == (20, 0, "unit_range", "tile")
    assert inputs.max_maps is None


def seen_from(made: ImpurityNetwork, at: tuple[int, int], shape: tuple[int, int]) -> int:
    """How far away, at most, a change of the maps moves the answer at one pixel."""
    shown = maps(1, *shape)[:1].requires_grad_()
    answer = made(shown)
    out = answer.score[0, at[0], at[1]]
    if answer.offsets_px is not None:
        out = out + answer.offsets_px[0, :, at[0], at[1]].sum()
    out.backward()
    y, x = shown.grad[0].abs().sum((0, 1)).nonzero().T
    return int(max((y - at[0]).abs().max(), (x - at[1]).abs().max()))


def opened(config: NetworkConfig) -> ImpurityNetwork:
    """Every weight positive, so that no path is shut by chance."""
    made = network(config)
    with torch.no_grad():
        for layer in made.modules():
            if isinstance(layer, torch.nn.Conv2d):
                layer.weight.abs_().div_(layer.weight.sum((1, 2, 3), keepdim=True))
                if layer.bias is not None:
                    layer.bias.fill_(1)
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.running_mean.fill_(-1)
    return made


@pytest.mark.parametrize(
    "config",
    [
        NetworkConfig.of(channels=(3,), convolutions=(2,), kernel_px=5, offsets=False),
        NetworkConfig.of(channels=(3, 4), convolutions=(1, 1)),
        NetworkConfig.of(channels=(3, 4, 4), convolutions=(2, 1, 2)),
        NetworkConfig.of(channels=(2, 2), convolutions=(1, 2), kernel_px=7, attention="off"),
    ],
    ids=["one level", "two levels", "three levels", "wide kernels"],
)
def test_no_pixel_sees_farther_than_the_receptive_field(config):
    reach = receptive_field_px(config)
    made = opened(config)
    side = 2 * reach + 24
    reached = [seen_from(made, (reach + dy, reach + 9 + dy), (side, side)) for dy in (0, 1, 3, 6)]
    assert max(reached) <= reach
    # nor is the claim empty
    assert max(reached) >= 0.7 * reach


def test_the_default_sees_no_farther_than_the_halo_of_its_tiles():
    config = NetworkConfig()
    reach = receptive_field_px(config)
    assert reach <= InputConfig().halo_px
    made = opened(config)
    side = 2 * reach + 20
    # a pixel's place within the coarsest cell decides how far it sees
    assert max(seen_from(made, (reach + step, reach + 4 + step), (side, side)) for step in (0, 7)) <= reach


def test_what_comes_in_far_away_changes_nothing_at_all():
    config = SMALL["local"]
    made, reach = network(config), receptive_field_px(config)
    shown = maps(3, 2 * reach + 16, 2 * reach + 16)
    other = shown.clone()
    other[..., :8, :] = 9.0
    with torch.inference_mode():
        one, two = made(shown).score, made(other).score
    torch.testing.assert_close(one[:, 8 + reach :], two[:, 8 + reach :], atol=1e-5, rtol=0)
    assert not torch.allclose(one[:, :8], two[:, :8], atol=1e-3)


@pytest.mark.parametrize("shape", [(20, 20), (17, 23), (10, 61)])
def test_any_side_is_taken_and_padding_shows_nowhere_in_the_shape(shape):
    with torch.inference_mode():
        answer = network(NetworkConfig(), 2)(maps(2, *shape, channels=2))
    assert answer.score.shape == (2, *shape)


@pytest.mark.parametrize(
    "values",
    [
        {"channels": ()},
        {"channels": (0,), "convolutions": (1,)},
        {"channels": (4,), "convolutions": (0,)},
        {"channels": (4, 4), "convolutions": (1,)},
        {"kernel_px": 4},
        {"attention": "some"},
        {"key_channels": 0},
    ],
    ids=str,
)
def test_what_cannot_be_built_is_refused_in_one_line(values):
    with pytest.raises(StmError) as caught:
        NetworkConfig.of(**values)
    assert "\n" not in str(caught.value)


def test_structure_is_one_output_more():
    config = NetworkConfig.of(channels=(4, 6), convolutions=(1, 1), structure=True)
    scores = network(config)(maps(3))
    assert scores.structure is not None
    assert scores.structure.shape == scores.score.shape == (2, 21, 26)
    assert scores.offsets_px is not None
    assert scores.offsets_px.shape == (2, 2, 21, 26)
    assert network(SMALL["local"])(maps(3)).structure is None


def test_weights_of_a_network_without_structure_give_the_same_scores():
    plain = NetworkConfig.of(channels=(4, 6), convolutions=(1, 1))
    source, target = network(plain, seed=1), network(plain.model_copy(update={"structure": True}), seed=2)
    load_weights(target, source)
    before, after = source(maps(2)), target(maps(2))
    torch.testing.assert_close(after.score, before.score)
    torch.testing.assert_close(after.offsets_px, before.offsets_px)
    with pytest.raises(RuntimeError, match="size mismatch"):
        load_weights(target, network(NetworkConfig.of(channels=(4, 8), convolutions=(1, 1))))
