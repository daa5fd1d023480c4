"""Eq. 1 of the paper, against loops over biases, features and pixels written from the paper."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from napari_stm_impurities.nn.attention import BiasAttention

CHANNELS, D_K, D_V, SIDE = 4, 3, 2, 5
KINDS = [(reach, total) for reach in ("global", "local", "off") for total in ("sum", "mean")]


def attention(reach: str, total: str, seed: int = 0) -> BiasAttention:
    torch.manual_seed(seed)
    return BiasAttention(CHANNELS, D_K, D_V, reach, total).double()


def features(n_maps: int, seed: int = 1, side: int = SIDE) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(2, n_maps, CHANNELS, side, side, generator=draw, dtype=torch.float64)


def projected(layer: torch.nn.Conv2d, maps: np.ndarray) -> np.ndarray:
    """What a 1 x 1 convolution does, pixel by pixel: shape (bias, feature, y, x)."""
    weight, bias = layer.weight.detach().numpy()[:, :, 0, 0], layer.bias.detach().numpy()
    out = np.zeros((len(maps), len(weight), SIDE, SIDE))
    for i in range(len(maps)):
        for y in range(SIDE):
            for x in range(SIDE):
                out[i, :, y, x] = weight @ maps[i, :, y, x] + bias
    return out


@pytest.mark.parametrize("total", ["sum", "mean"])
def test_eq_1_has_one_weight_for_each_pair_of_biases(total):
    layer, shown = attention("global", total), features(4)
    v_t, weights = layer(shown)
    assert weights.shape == (2, 4, 4)
    for window in range(2):
        q, k, v = (projected(one, shown[window].numpy()) for one in (layer.query, layer.key, layer.value))
        expected = np.zeros((D_V, SIDE, SIDE))
        for i in range(4):
            # <Q_i, K_j> runs over the whole feature map; its scale is ours, since the paper states none
            inner = [(q[i] * k[j]).sum() / (SIDE * SIDE * math.sqrt(D_K)) for j in range(4)]
            z_i = sum(math.exp(value) for value in inner)
            v_i = sum(v[j] * math.exp(inner[j]) for j in range(4)) / z_i
            expected += v_i
            for j in range(4):
                assert weights[window, i, j].item() == pytest.approx(math.exp(inner[j]) / z_i)
        expected /= 4 if total == "mean" else 1
        np.testing.assert_allclose(v_t[window].detach().numpy(), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("total", ["sum", "mean"])
def test_local_attention_is_eq_1_at_each_pixel(total):
    layer, shown = attention("local", total), features(3)
    v_t, weights = layer(shown)
    assert weights.shape == (2, 3, 3, SIDE, SIDE)
    q, k, v = (projected(one, shown[1].numpy()) for one in (layer.query, layer.key, layer.value))
    for y in range(SIDE):
        for x in range(SIDE):
            expected = np.zeros(D_V)
            for i in range(3):
                inner = [float(q[i, :, y, x] @ k[j, :, y, x]) / math.sqrt(D_K) for j in range(3)]
                z_i = sum(math.exp(value) for value in inner)
                for j in range(3):
                    weight = math.exp(inner[j]) / z_i
                    assert weights[1, i, j, y, x].item() == pytest.approx(weight)
                    expected += weight * v[j, :, y, x] / (3 if total == "mean" else 1)
            np.testing.assert_allclose(v_t[1, :, y, x].detach().numpy(), expected, rtol=1e-9, atol=1e-12)


def test_without_attention_all_biases_weigh_the_same():
    layer, shown = attention("off", "mean"), features(4)
    v_t, weights = layer(shown)
    np.testing.assert_allclose(weights.detach().numpy(), 0.25)
    expected = np.mean(projected(layer.value, shown[0].numpy()), axis=0)
    np.testing.assert_allclose(v_t[0].detach().numpy(), expected)


@pytest.mark.parametrize(("reach", "total"), KINDS)
@pytest.mark.parametrize("n_maps", [1, 2, 126])
def test_any_number_of_biases_is_taken_and_the_weights_sum_to_one(reach, total, n_maps):
    v_t, weights = attention(reach, total)(features(n_maps))
    assert v_t.shape == (2, D_V, SIDE, SIDE)
    assert weights.shape[:3] == (2, n_maps, n_maps)
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(2), torch.ones_like(weights.sum(2)))


@pytest.mark.parametrize(("reach", "total"), KINDS)
def test_the_order_of_the_biases_does_not_matter(reach, total):
    layer, shown = attention(reach, total), features(6)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    straight, weights = layer(shown)
    shuffled, shuffled_weights = layer(shown[:, order])
    torch.testing.assert_close(shuffled, straight)
    torch.testing.assert_close(shuffled_weights, weights[:, order][:, :, order])


def test_the_weight_of_a_pair_does_not_depend_on_the_side_of_the_window():
    layer, shown = attention("global", "sum"), features(3)
    _, small = layer(shown)
    _, large = layer(shown.tile(1, 1, 1, 3, 3))
    torch.testing.assert_close(large, small)


@pytest.mark.parametrize("reach", ["global", "local"])
def test_large_features_do_not_overflow(reach):
    v_t, weights = attention(reach, "sum")(1e4 * features(3))
    assert v_t.isfinite().all()
    assert weights.isfinite().all()


def test_attention_prefers_the_bias_that_agrees():
    layer = attention("global", "sum")
    with torch.no_grad():
        for one in (layer.query, layer.key):
            one.weight.copy_(3 * torch.eye(D_K, CHANNELS)[:, :, None, None])
            one.bias.zero_()
    shown = features(3)
    shown[:, 2] = shown[:, 0]
    _, weights = layer(shown)
    # the first and the last map show the same, the middle one something else
    assert (weights[:, 0, 2] > 3 * weights[:, 0, 1]).all()
