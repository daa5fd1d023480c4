"""What holds for each step of the preparation, and for all of them in a row."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_stm_impurities import prepare
from napari_stm_impurities.data import images
from napari_stm_impurities.data.images import make_stack

EVERY_STEP = [
    prepare.clip_saturated,
    prepare.level_planes,
    prepare.level_lines,
    prepare.fill_missing,
    lambda stack: prepare.resample(stack, 0.6),
    lambda stack: prepare.average_biases(stack, 2),
    prepare.crop,
    prepare.clip_extremes,
    prepare.choose_biases,
    lambda stack: prepare.join_directions(stack, stack),
]


def noise(shape, seed=7) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("step", EVERY_STEP)
@pytest.mark.parametrize("shape", [(1, 9, 9), (3, 12, 31), (2, 1, 20), (2, 20, 1)])
@pytest.mark.parametrize("missing", ["none", "some", "one map"])
def test_every_step_takes_any_stack_and_leaves_it_alone(step, shape, missing):
    data = noise(shape)
    if missing == "some":
        data[:, 0, : shape[2] // 3 + 1] = np.nan
    elif missing == "one map":
        data[0] = np.nan
    stack = make_stack(data, np.arange(shape[0]), (0.5, 0.4), attrs={"source": "a"})
    before = stack.copy(deep=True)
    out = step(stack)
    assert stack.identical(before)
    assert out.dims == images.DIMS
    assert out.dtype == np.float32
    assert len(out.attrs["history"]) == 1
    assert out.attrs["source"] == "a"
    assert not np.isinf(out.values).any()
    if missing == "none":
        assert np.isfinite(out.values).all()


@settings(max_examples=40)
@given(
    st.tuples(st.integers(1, 4), st.integers(1, 14), st.integers(1, 14)),
    st.floats(0, 1),
    st.integers(0, 2**32 - 1),
    st.sampled_from([1e-12, 1.0, 1e6]),
)
def test_the_whole_preparation_ends_in_finite_numbers(shape, missing, seed, scale):
    rng = np.random.default_rng(seed)
    data = scale * rng.normal(size=shape)
    data[rng.random(shape) < missing] = np.nan
    stack = make_stack(data, np.arange(shape[0]), 1.0)
    for step in (prepare.clip_saturated, prepare.level_planes, prepare.level_lines, prepare.fill_missing):
        stack = step(stack)
    assert np.isfinite(stack.values).all()
    assert len(stack.attrs["history"]) == 4


def test_the_preparation_is_quick_and_holds_no_second_stack_beside_its_result():
    def run(stack):
        for step in (prepare.clip_saturated, prepare.level_planes, prepare.level_lines, prepare.fill_missing):
            stack = step(stack)

    # the paper's stack; the limit leaves room for a machine that is ten times slower
    stack = make_stack(noise((126, 80, 80)), np.arange(126), 0.47)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        run(stack)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.5
    large = make_stack(noise((20, 256, 256)).astype(np.float32), np.arange(20), 0.1)
    for step in (prepare.level_planes, prepare.level_lines, prepare.clip_saturated, prepare.fill_missing):
        tracemalloc.start()
        step(large)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 2.5 * large.nbytes
