"""The second pass: amplitudes in the common pattern, and the confidence that rests on them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_stm_impurities.impurities.preprocess import ModelInput
from napari_stm_impurities.impurities.second_pass import (
    MIN_CONFIDENT,
    N_FEATURES,
    Amplitude,
    SecondPass,
    common_amplitudes,
    features,
    second_confidence,
)

K = 0.6
RNG = np.random.default_rng(3)
PLACES = np.stack(np.meshgrid(np.linspace(10, 86, 5), np.linspace(10, 86, 5), indexing="ij"), -1).reshape(-1, 2)
PLACES = PLACES + RNG.uniform(-2, 2, PLACES.shape)
ALONE = np.array([[19.0, 28.0], [66.0, 57.0]])


def view(k: float | None = K) -> ModelInput:
    """Two maps in which each place has rings, a hole in the middle, and noise."""
    y, x = np.mgrid[:96, :96]
    maps = RNG.normal(0, 0.05, (2, 96, 96))
    for at_y, at_x in PLACES:
        r = np.hypot(y - at_y, x - at_x)
        maps += np.cos(2 * K * r) * np.exp(-r / 6) - 2 * np.exp(-(r**2) / 4)
    measured = np.ones((96, 96), bool)
    return ModelInput(torch.from_numpy(maps).float(), np.zeros(2), (1.0, 1.0), measured, None if k is None else (k, k))


def points(n_right: int = len(PLACES)) -> tuple[np.ndarray, np.ndarray]:
    """The true places, confident, and two where nothing is, of which one is as confident as they are."""
    yx = np.concatenate([PLACES[:n_right], ALONE])
    return yx, np.concatenate([np.full(n_right, 0.9), [0.9, 0.3]])


def test_a_point_where_nothing_is_has_no_amplitude():
    yx, confidence = points()
    amplitude = common_amplitudes(view(), yx, confidence, 0.5)
    assert amplitude is not None
    assert np.abs(amplitude.value[:-2] - 1).max() < 0.25
    assert np.abs(amplitude.value[-2:]).max() < 0.3
    assert amplitude.spread < 0.15


def test_it_parts_right_from_wrong_where_the_network_does_not():
    yx, confidence = points()
    regression = SecondPass(weights=(1.0, 8.0, 0.0, 0.0, 0.0, 0.0, 0.0), intercept=-5.0)
    again, amplitude = second_confidence(regression, view(), yx, confidence, 0.5)
    assert amplitude is not None
    assert again[:-2].min() > 0.9
    assert again[-2:].max() < 0.5


def test_points_of_no_confidence_are_not_looked_at_and_keep_it():
    yx, confidence = points()
    confidence[-1] = 0.001
    again, amplitude = second_confidence(SecondPass(weights=(0.0,) * 7, intercept=0.0), view(), yx, confidence, 0.5)
    assert amplitude is not None
    assert np.isnan(amplitude.value[-1])
    assert again[-1] == 0.001
    np.testing.assert_allclose(again[:-1], 0.5)


@pytest.mark.parametrize(("k", "n_right"), [(None, 25), (K, MIN_CONFIDENT - 2)])
def test_without_k_or_with_few_confident_points_there_is_none(k, n_right):
    yx, confidence = points(n_right)
    again, amplitude = second_confidence(SecondPass(weights=(0.0,) * 7, intercept=9.0), view(k), yx, confidence, 0.5)
    assert amplitude is None
    np.testing.assert_array_equal(again, confidence)


def test_the_features_by_hand():
    amplitude = Amplitude(np.array([1.0, 9.0]), np.array([0.1, -1.0]), spread=0.1)
    first, second = features(np.array([0.5, 1.0]), amplitude, 8)
    np.testing.assert_allclose(first, [0, 1, 2, 0.5, 0.5, 1, 3])
    np.testing.assert_allclose(second, [np.log(0.9999 / 0.0001), 2.5, -1, 0.5, 1.25, -0.5, 3], rtol=1e-6)
    assert len(first) == N_FEATURES
