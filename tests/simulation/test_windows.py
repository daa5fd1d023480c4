"""Labels of windows whose impurities lie between pixels and where some pixels were not measured."""

from __future__ import annotations

import numpy as np
import torch

from napari_stm_impurities.simulation.windows import (
    PatchBatch,
    bernoulli,
    impurity_pixels,
    label_map,
    log_uniform,
    measured_pixels,
    randint,
    uniform,
)


def windows() -> PatchBatch:
    maps = torch.zeros(1, 2, 6, 8)
    maps[:, :, 4] = torch.nan
    maps[:, 0, 1, 1] = torch.nan
    yx = torch.tensor([[[0.6, 2.3], [4.1, 3.0], [1.0, 1.0], [-0.4, 7.4], [3.0, 3.0], [9.0, 9.0]]])
    present = torch.tensor([[True, True, True, True, False, False]])
    return PatchBatch(maps, yx, present)


def test_a_pixel_is_measured_where_one_bias_is():
    measured = measured_pixels(windows())[0]
    assert not measured[4].any()
    assert measured[1, 1]
    assert int(measured.sum()) == 5 * 8


def test_an_impurity_marks_the_nearest_pixel_unless_it_was_not_measured():
    marked = {tuple(place) for place in impurity_pixels(windows())[0].nonzero().tolist()}
    # (4.1, 3) lies in the missing row; (3, 3) and (9, 9) are not there
    assert marked == {(1, 2), (1, 1), (0, 7)}


def test_the_label_sums_to_one_over_those_that_can_be_seen():
    label = label_map(windows())[0]
    assert float(label.sum()) == 1.0
    assert float(label[0, 7]) == np.float32(1 / 3)


def test_numbers_are_drawn_in_their_range():
    draw = torch.Generator().manual_seed(0)
    even = uniform(-1, 3, (4000,), draw).numpy()
    assert even.min() >= -1
    assert even.max() <= 3
    assert abs(even.mean() - 1) < 0.1
    log = log_uniform(0.01, 1, (4000,), draw).log10().numpy()
    assert log.min() >= -2.001
    assert log.max() <= 0.001
    assert abs(log.mean() + 1) < 0.05
    assert {randint(2, 4, draw) for _ in range(60)} == {2, 3, 4}
    assert abs(float(bernoulli(0.2, 4000, draw).float().mean()) - 0.2) < 0.03
