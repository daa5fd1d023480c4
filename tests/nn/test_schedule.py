"""The learning rate and the running mean of the weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from napari_stm_impurities.nn.schedule import averaged, learning_rate


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
    average = averaged(network(0.0), 0)
    for step in range(5):
        average.update_parameters(network(float(step)))
    assert average.module.weight.tolist() == [4.0, 4.0]
    assert average.module.running_mean.tolist() == [4.0, 4.0]


def test_the_mean_follows_and_lags_by_about_its_length():
    average = averaged(network(0.0), 20)
    for step in range(1000):
        average.update_parameters(network(float(step)))
    # an exponential mean of 20 steps lags 19 steps behind a straight rise
    for value in (average.module.weight.detach(), average.module.running_mean):
        assert float(value[0]) == pytest.approx(999 - 19, abs=1)
    assert average.module.num_batches_tracked.item() == 999


@pytest.mark.parametrize("n_steps", [5, 200])
def test_early_on_the_mean_is_short(n_steps):
    average = averaged(network(1e6), n_steps)
    expected = 1e6
    for step in range(60):
        value = float(np.sin(step))
        average.update_parameters(network(value))
        expected += max(1 / n_steps, 1 / (1 + step / 10)) * (value - expected)
        # the first step forgets the random weights
        assert float(average.module.weight.detach()[0]) == pytest.approx(expected, abs=1e-5)
        assert float(average.module.running_mean[0]) == pytest.approx(expected, abs=1e-5)


def test_the_mean_is_a_copy():
    source = network(1.0)
    average = averaged(source, 10)
    with torch.no_grad():
        source.weight.fill_(7.0)
    assert average.module.weight.tolist() == [1.0, 1.0]


def test_the_mean_goes_on_from_its_state_as_if_it_had_not_stopped():
    straight, first = averaged(network(0.0), 30), averaged(network(0.0), 30)
    for step in range(8):
        straight.update_parameters(network(float(step)))
        first.update_parameters(network(float(step)))
    resumed = averaged(network(5.0), 30)
    resumed.load_state_dict(first.state_dict())
    for step in range(8, 16):
        straight.update_parameters(network(float(step)))
        resumed.update_parameters(network(float(step)))
    assert torch.equal(resumed.module.weight, straight.module.weight)
