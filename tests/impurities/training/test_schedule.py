"""The learning rate and the running mean of the weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from napari_stm_impurities.impurities.training.schedule import WeightAverage, learning_rate


def test_the_rate_rises_for_a_short_time_and_falls_to_zero():
    share = np.linspace(0, 1, 401)
    rate = np.array([learning_rate(float(at)) for at in share])
    top = rate.argmax()
    assert 0 < share[top] < 0.05
    assert rate.max() == pytest.approx(1)
    assert (np.diff(rate[: top + 1]) >= 0).all()
    assert (np.diff(rate[top:]) <= 0).all()
    assert rate[0] > 0
    assert rate[-1] == pytest.approx(0, abs=1e-9)


def network(value: float) -> nn.Module:
    made = nn.BatchNorm1d(2)
    with torch.no_grad():
        made.weight.fill_(value)
        made.running_mean.fill_(value)
        made.num_batches_tracked.fill_(int(value))
    return made


def test_zero_steps_keep_the_last_weights():
    average = WeightAverage(network(0.0), 0)
    for step in range(5):
        average.update(network(float(step)), step)
    assert average.weights["weight"].tolist() == [4.0, 4.0]
    assert average.weights["running_mean"].tolist() == [4.0, 4.0]


def test_the_mean_follows_and_lags_by_about_its_length():
    average = WeightAverage(network(0.0), 20)
    for step in range(1000):
        average.update(network(float(step)), step)
    # an exponential mean of 20 steps lags 19 steps behind a straight rise
    assert float(average.weights["weight"][0]) == pytest.approx(999 - 19, abs=1)
    assert average.weights["num_batches_tracked"].item() == 999


def test_the_first_step_forgets_the_random_weights():
    average = WeightAverage(network(1e6), 200)
    average.update(network(1.0), 0)
    assert average.weights["weight"].tolist() == [1.0, 1.0]


def test_the_mean_is_a_copy():
    source = network(1.0)
    average = WeightAverage(source, 10)
    with torch.no_grad():
        source.weight.fill_(7.0)
    assert average.weights["weight"].tolist() == [1.0, 1.0]
