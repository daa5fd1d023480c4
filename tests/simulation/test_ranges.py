"""One value type for a fixed number and for a range."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from scipy import stats

from napari_stm_impurities.simulation.ranges import (
    AboveZeroRange,
    BelowOneRange,
    OneOrMoreRange,
    Range,
    ShareRange,
    draw,
)


@pytest.mark.parametrize("kind", [Range, AboveZeroRange, ShareRange])
def test_a_number_is_the_range_from_itself_to_itself(kind):
    assert TypeAdapter(kind).validate_python(0.5) == (0.5, 0.5)
    assert TypeAdapter(kind).validate_json("[0.25, 0.5]") == (0.25, 0.5)


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        (Range, (2, 1)),
        (Range, float("nan")),
        (Range, (0, float("inf"))),
        (Range, (1, 2, 3)),
        (Range, "wide"),
        (AboveZeroRange, 0),
        (BelowOneRange, 1.0),
        (OneOrMoreRange, (0, 1)),
        (ShareRange, (0.5, 1.5)),
    ],
)
def test_what_is_no_range_is_refused(kind, bad):
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(bad)


def test_a_fixed_number_takes_no_random_number():
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    assert draw((0.3, 0.3), 4, generator, logarithmic=True).tolist() == pytest.approx([0.3] * 4)
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("logarithmic", [False, True])
def test_numbers_fill_their_range_evenly(logarithmic):
    scale = np.log if logarithmic else np.asarray
    drawn = draw((0.1, 10.0), 4000, torch.Generator().manual_seed(1), logarithmic=logarithmic).numpy()
    low, high = scale(0.1), scale(10.0)
    assert stats.kstest((scale(drawn) - low) / (high - low), "uniform").pvalue > 0.01
