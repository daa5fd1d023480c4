"""What a stack is, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.images import (
    as_stack,
    check_stack,
    make_stack,
    map_at,
    missing_share,
    pixel_size_nm,
    select_bias,
    with_history,
)


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, 10, 12))


def test_a_stack_has_its_axes_units_and_type(values):
    stack = make_stack(values, [-10, 0, 10], (0.5, 0.25), channel="LI X", units="A", attrs={"source": "a.3ds"})
    assert stack.dims == ("bias", "y", "x")
    assert stack.dtype == np.float32
    assert stack.bias.attrs["units"] == "mV"
    np.testing.assert_allclose(stack.y, np.arange(10) * 0.5)
    np.testing.assert_allclose(stack.x, np.arange(12) * 0.25)
    assert (stack.name, stack.attrs["units"], stack.attrs["source"]) == ("LI X", "A", "a.3ds")


@pytest.mark.parametrize("bias", [[10, 0, -10], [0, 10, -10]])
def test_maps_are_sorted_with_their_bias(values, bias):
    stack = make_stack(values, bias, 1.0)
    assert list(stack.bias.values) == [-10, 0, 10]
    for value, given in zip(bias, values, strict=True):
        np.testing.assert_array_equal(stack.sel(bias=value), given.astype(np.float32))


def test_the_given_array_is_not_changed(values):
    before = values.copy()
    make_stack(values, [1, 2, 3], 1.0)[:] = 0
    np.testing.assert_array_equal(values, before)


def test_a_single_map_is_a_stack_with_one_bias(values):
    assert make_stack(values[0], -520, 0.47).shape == (1, 10, 12)


@pytest.mark.parametrize(
    ("bias", "size", "says"),
    [
        ([1, 2], 1.0, "3 maps need 3 biases"),
        ([1, 2, 3, 4], 1.0, "got 4"),
        ([1, 2, np.nan], 1.0, "not finite"),
        ([1, 1, 2], 1.0, "1 mV occurs more than once"),
        ([1, 2, 3], 0.0, "pixel size must be positive"),
        ([1, 2, 3], np.nan, "pixel size must be positive"),
    ],
)
def test_a_bad_axis_is_told(values, bias, size, says):
    with pytest.raises(StmError, match=says):
        make_stack(values, bias, size)


@pytest.mark.parametrize(
    ("array", "says"),
    [(np.zeros(5), "shape"), (np.zeros((1, 2, 3, 4)), "shape"), (np.array([["a"]]), "real numbers")],
)
def test_a_bad_array_is_told(array, says):
    with pytest.raises(StmError, match=says):
        make_stack(array, [0], 1.0)


@pytest.mark.parametrize("shape", [(2, 1, 9), (2, 9, 1), (1, 1, 1)])
def test_the_pixel_size_survives_a_single_row_or_column(shape):
    assert pixel_size_nm(make_stack(np.zeros(shape), np.arange(shape[0]), (0.5, 0.25))) == (0.5, 0.25)


def test_the_pixel_size_follows_the_coordinates_when_pixels_are_dropped(values):
    stack = make_stack(values, [1, 2, 3], (0.5, 0.25))
    assert pixel_size_nm(stack[:, ::2, ::3]) == pytest.approx((1.0, 0.75))


def test_missing_pixels_are_counted(values):
    values[0, :5] = np.nan
    assert missing_share(make_stack(values, [1, 2, 3], 1.0)) == pytest.approx(1 / 6)


def test_a_sound_stack_passes_unchanged(values):
    stack = make_stack(values, [1, 2, 3], 1.0)
    assert check_stack(stack) is stack


def test_one_constant_map_among_others_is_no_error(values):
    values[1] = 3.0
    check_stack(make_stack(values, [1, 2, 3], 1.0))


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.ones((2, 8, 30)), "8 x 30 pixels is too small"),
        (np.full((2, 12, 12), np.nan), "every pixel is missing"),
        (np.ones((2, 12, 12)), "constant"),
        (np.where(np.arange(144).reshape(1, 12, 12) % 2, np.nan, 4.0), "constant"),
    ],
)
def test_what_cannot_be_searched_is_told_with_its_source(array, says):
    stack = make_stack(array, np.arange(len(array)), 1.0, attrs={"source": "a.3ds"})
    with pytest.raises(StmError, match=rf"a\.3ds: .*{says}"):
        check_stack(stack)


def test_another_array_is_not_taken_for_a_stack(values):
    with pytest.raises(StmError, match="dimensions"):
        check_stack(xr.DataArray(values, dims=("z", "y", "x")))
    with pytest.raises(StmError, match="an array of float64"):
        check_stack(values)


def test_a_bare_array_needs_bias_and_pixel_size(values):
    with pytest.raises(StmError, match="bias_mv"):
        as_stack(values, bias_mv=[1, 2, 3])
    stack = as_stack(values, bias_mv=[1, 2, 3], pixel_size_nm=0.5)
    assert as_stack(stack) is stack


def test_history_grows_on_the_copy_only(values):
    stack = make_stack(values, [1, 2, 3], 1.0)
    levelled = with_history(stack, values - 1, "one taken off")
    assert levelled.attrs["history"] == ["one taken off"]
    assert stack.attrs["history"] == []
    np.testing.assert_allclose(levelled, stack - 1, atol=1e-6)


def test_a_range_of_biases_includes_both_ends(values):
    stack = make_stack(values, [-10, 0, 10], 1.0)
    assert list(select_bias(stack, -10, 0).bias.values) == [-10, 0]
    assert select_bias(stack).sizes["bias"] == 3
    with pytest.raises(StmError, match="from -10 to 10 mV"):
        select_bias(stack, 20, 30)


def test_the_nearest_map_is_taken(values):
    stack = make_stack(values, [-10, 0, 10], 1.0)
    assert float(map_at(stack, -520).bias) == -10
    assert map_at(stack, 4).dims == ("y", "x")
