"""The stream of windows: endless, of the kind asked for, and fixed by its seed."""

from __future__ import annotations

from itertools import islice

import torch

from napari_stm_impurities.impurities.training import TrainingConfig
from napari_stm_impurities.simulation.config import FriedelConfig, ScatteringConfig
from napari_stm_impurities.simulation.stream import simulate_windows, window_stream


def batches(*seed: int, n: int = 2):
    return [batch.maps for batch in islice(window_stream(FriedelConfig.of(n_maps=2), 3, *seed), n)]


def test_the_same_seeds_give_the_same_stream():
    assert all(torch.equal(a, b) for a, b in zip(batches(1, 4), batches(1, 4), strict=True))


def test_other_seeds_other_epochs_and_later_batches_differ():
    first, second = batches(1, 4)
    assert not torch.equal(first, second)
    for other in (batches(2, 4), batches(1, 5), batches(4, 1)):
        assert not torch.equal(first, other[0])


def test_the_kind_of_the_configuration_decides():
    draw = torch.Generator().manual_seed(0)
    friedel = simulate_windows(FriedelConfig.of(side_px=12, n_maps=2), 2, draw)
    exact = simulate_windows(ScatteringConfig.of(side_px=16, n_maps=(3, 3)), 2, draw)
    assert friedel.maps.shape == (2, 2, 12, 12)
    assert exact.maps.shape == (2, 3, 16, 16)
    # Eq. 3 puts its impurities on pixels, the exact formula between them
    assert torch.equal(friedel.yx_px, friedel.yx_px.round())
    assert not torch.equal(exact.yx_px, exact.yx_px.round())


def test_the_paper_s_windows_are_those_of_eq_3_alone():
    plan = TrainingConfig.preset("wang2020")
    assert isinstance(plan.windows, FriedelConfig)
    windows = next(window_stream(plan.windows, 2, plan.seed))
    assert windows.structure is None
    # the first values of the first window, as they were when only Eq. 3 and white noise made them
    assert set(FriedelConfig.model_fields).isdisjoint({"artefacts", "structures", "strength"})
