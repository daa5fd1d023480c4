"""The yardstick: the shipped model does well on it, an untrained one does not, and it is always the same."""

from __future__ import annotations

import pytest
import torch

from napari_stm_impurities.core.progress import Stopped
from napari_stm_impurities.impurities.model import Model, load_model
from napari_stm_impurities.impurities.training.forgetting import forgetting_f1


def test_it_tells_a_good_model_from_a_bad_one_and_is_always_the_same():
    told = []
    default = load_model("default", "cpu")
    good = forgetting_f1(default, progress=lambda share, what: told.append(share))
    assert good > 0.9
    assert told == sorted(told)
    assert forgetting_f1(default) == good
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        bad = Model(default.config)
    assert forgetting_f1(bad) < 0.3


def test_it_can_be_stopped():
    with pytest.raises(Stopped):
        forgetting_f1(load_model("default", "cpu"), should_stop=lambda: True)
