"""Levelling, bad values, other grids: each against something known beforehand."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_stm_impurities import prepare, stacks
from napari_stm_impurities.errors import StmError
from napari_stm_impurities.stacks import make_stack

RNG_SEED = 7
EVERY_STEP = [
    prepare.clip_saturated,
    prepare.level_planes,
    prepare.level_lines,
    prepare.fill_missing,
    lambda stack: prepare.resample(stack, 0.6),
    lambda stack: prepare.average_biases(stack, 2),
    prepare.crop,
]


def noise(shape, seed=RNG_SEED) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def plane(n_y: int, n_x: int) -> np.ndarray:
    y, x = np.mgrid[:n_y, :n_x]
    return 5.0 + 0.3 * y - 0.1 * x


def spot(n_y: int, n_x: int, y: float, x: float, fwhm: float) -> np.ndarray:
    rows, columns = np.mgrid[:n_y, :n_x]
    return np.exp(-4 * np.log(2) * ((rows - y) ** 2 + (columns - x) ** 2) / fwhm**2)


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
    assert out.dims == stacks.DIMS
    assert out.dtype == np.float32
    assert len(out.attrs["history"]) == 1
    assert out.attrs["source"] == "a"
    assert not np.isinf(out.values).any()
    if missing == "none":
        assert np.isfinite(out.values).all()


def test_the_plane_goes_and_the_rest_stays():
    n_y, n_x = 40, 60
    signal = 0.01 * noise((n_y, n_x))
    out = prepare.level_planes(make_stack(plane(n_y, n_x) + signal, 0, 1.0))
    np.testing.assert_allclose(out.values[0], signal, atol=0.005)


def test_defects_a_step_and_missing_rows_do_not_tilt_the_plane():
    n_y, n_x = 60, 60
    data = plane(n_y, n_x)
    defects = sum(50 * spot(n_y, n_x, y, x, 6) for y, x in ((5, 5), (10, 20), (8, 40)))
    with_hole = data + defects
    with_hole[45:] = np.nan
    out = prepare.level_planes(make_stack(with_hole, 0, 1.0)).values[0]
    away = (defects < 0.01) & np.isfinite(out)
    assert np.abs(out[away]).max() < 0.3
    assert np.isnan(out[45:]).all()
    # a least-squares plane is led astray by the same defects
    y, x = np.nonzero(np.isfinite(with_hole))
    design = np.column_stack([np.ones(len(y)), y, x])
    plain = with_hole[y, x] - design @ np.linalg.lstsq(design, with_hole[y, x], rcond=None)[0]
    assert np.abs(plain[away[y, x]]).max() > 2


def test_tiny_currents_are_levelled_as_well_as_large_numbers():
    for scale in (1e-12, 1.0, 1e9):
        out = prepare.level_planes(make_stack(scale * plane(20, 20), 0, 1.0))
        assert np.abs(out.values).max() < 1e-5 * scale


def test_lines_lose_their_median_even_where_pixels_are_missing():
    jumps = np.repeat([0.0, 3.0, -2.0, 7.0], 5)[:, None]
    pattern = noise((20, 31))
    pattern -= np.median(pattern, axis=1, keepdims=True)
    data = pattern + jumps
    data[3, :10] = np.nan
    data[4] = np.nan
    out = prepare.level_lines(make_stack(data, 0, 1.0)).values[0]
    np.testing.assert_allclose(out[5:], pattern[5:], atol=1e-5)
    assert np.nanmedian(out[3]) == pytest.approx(0, abs=1e-6)
    assert np.isnan(out[4]).all()


@pytest.mark.parametrize("rail", [10.0, -10.0])
def test_values_at_a_rail_become_missing_and_nothing_else(rail):
    data = noise((5, 20, 20))
    data[1, 4:7, 4:7] = rail
    data[2, 5:8, 5] = rail
    out = prepare.clip_saturated(make_stack(data, range(5), 1.0))
    np.testing.assert_array_equal(np.isnan(out.values), data == rail)
    assert "12 at the rail" in out.attrs["history"][-1]


def test_maps_that_were_scaled_to_one_have_no_rail():
    data = noise((30, 20, 20))
    data = 2 * (data - data.min((1, 2), keepdims=True)) / np.ptp(data, axis=(1, 2), keepdims=True) - 1
    assert not np.isnan(prepare.clip_saturated(make_stack(data, range(30), 1.0)).values).any()


def test_coarse_steps_of_a_converter_are_no_rail():
    data = np.round(8 * noise((3, 40, 40)))
    assert not np.isnan(prepare.clip_saturated(make_stack(data, range(3), 1.0)).values).any()


@pytest.mark.parametrize("background", [0.0, 0.02])
def test_a_sharp_bright_spot_is_no_spike_but_a_lone_pixel_is(background):
    data = background * noise((1, 40, 40)) + spot(40, 40, 12.3, 20.7, 1.7) + 3 * spot(40, 40, 30, 8, 2.0)
    data[0, 25, 30] = 40.0
    data[0, 0, 0] = -40.0
    out = prepare.clip_saturated(make_stack(data, 0, 1.0))
    assert sorted(map(tuple, np.argwhere(np.isnan(out.values[0])).tolist())) == [(0, 0), (25, 30)]


def test_infinite_values_become_missing():
    data = noise((2, 12, 12))
    data[0, 3, 3], data[1, 4, 4] = np.inf, -np.inf
    out = prepare.clip_saturated(make_stack(data, [0, 1], 1.0))
    np.testing.assert_array_equal(np.isnan(out.values), np.isinf(data))


def test_the_saturated_values_of_the_real_grid(shared_data):
    from napari_stm_impurities.readers import read_stack

    stack = read_stack(shared_data / "pycroscopy__SciFiDatasets" / "NanonisReader_STS_grid_lockin.3ds")
    out = prepare.clip_saturated(stack)
    np.testing.assert_array_equal(np.isnan(out.values), stack.values == 10.0)
    assert np.isfinite(prepare.fill_missing(out).values).all()


def test_a_missing_pixel_is_filled_from_its_neighbours_and_a_missing_area_with_the_median():
    data = plane(40, 40)[None] * np.ones((3, 1, 1))
    data[0, 10, 10] = np.nan
    data[1, 20:] = np.nan
    data[2] = np.nan
    out = prepare.fill_missing(make_stack(data, [0, 1, 2], 1.0)).values
    assert out[0, 10, 10] == pytest.approx(plane(40, 40)[10, 10], abs=0.01)
    assert out[1, 20, 20] == pytest.approx(plane(40, 40)[19, 20], abs=0.5)
    np.testing.assert_allclose(out[1, 24:], np.median(plane(40, 40)[:20]))
    np.testing.assert_array_equal(out[2], 0)
    np.testing.assert_array_equal(out[1, :20], plane(40, 40)[:20].astype(np.float32))


def test_the_mask_tells_what_was_measured_at_no_bias():
    data = noise((3, 9, 9))
    data[:, 2, 3] = np.nan
    data[1:, 4, 5] = np.nan
    mask = prepare.missing_mask(make_stack(data, [0, 1, 2], 1.0))
    assert mask.dims == ("y", "x")
    assert np.argwhere(mask.values).tolist() == [[2, 3]]


@pytest.mark.parametrize(("old", "new"), [((0.3, 0.3), 0.5), ((0.3, 0.2), 0.25), ((0.5, 0.5), 0.2)])
def test_a_wave_keeps_its_place_and_height_on_another_grid(old, new):
    wavelength = 4.0
    y, x = (np.arange(60) * size for size in old)
    data = np.sin(2 * np.pi * y / wavelength)[:, None] * np.cos(2 * np.pi * x / wavelength)
    out = prepare.resample(make_stack(data, 0, old), new)
    expected = np.sin(2 * np.pi * out.y.values / wavelength)[:, None] * np.cos(2 * np.pi * out.x.values / wavelength)
    assert stacks.pixel_size_nm(out) == pytest.approx((new, new))
    inner = (slice(4, -4), slice(4, -4))
    np.testing.assert_allclose(out.values[0][inner], expected[inner], atol=0.12)
    assert float(out.y[-1]) <= y[-1] + 1e-9


def test_what_coarser_pixels_cannot_show_is_gone():
    x = np.arange(240)
    fine = np.cos(np.pi * x * 0.8)[None, :] * np.ones((240, 1))
    out = prepare.resample(make_stack(fine, 0, 1.0), 4.0).values[0]
    assert np.abs(out[5:-5, 5:-5]).max() < 0.01
    # taking every fourth pixel instead makes a wave that is not there
    assert np.abs(fine[::4, ::4]).max() > 0.9


def test_resampling_keeps_missing_areas_missing():
    data = np.ones((1, 40, 40))
    data[0, :, 20:] = np.nan
    out = prepare.resample(make_stack(data, 0, 1.0), 2.0).values[0]
    np.testing.assert_allclose(out[:, :10], 1, atol=1e-5)
    assert np.isnan(out[:, 11:]).all()


def test_pixels_larger_than_the_frame_are_refused():
    stack = make_stack(noise((1, 9, 9)), 0, 1.0)
    with pytest.raises(StmError, match="larger than the frame"):
        prepare.resample(stack, 20)
    with pytest.raises(StmError, match="positive"):
        prepare.resample(stack, 0)


def test_neighbouring_biases_are_averaged_without_the_missing_values():
    data = noise((7, 9, 9))
    data[1, 0, 0] = np.nan
    data[:3, 5, 5] = np.nan
    stack = make_stack(data, [0, 1, 2, 3, 10, 20, 30], 1.0)
    out = prepare.average_biases(stack, 3)
    assert out.bias.values.tolist() == [1.0, 6.5, 25.0]
    np.testing.assert_allclose(out.values[2], data[5:].mean(axis=0), rtol=1e-5)
    assert float(out[0, 0, 0]) == pytest.approx(data[[0, 2], 0, 0].mean())
    assert np.isnan(out.values[0, 5, 5])
    assert prepare.average_biases(stack, 100).shape == stack.shape
    with pytest.raises(StmError, match="at least one map"):
        prepare.average_biases(stack, 0)


def test_cropping_keeps_the_way_back():
    stack = make_stack(noise((2, 40, 50)), [0, 1], (0.5, 0.25))
    once = prepare.crop(stack, y_nm=(5, 10), x_nm=(2, 8))
    twice = prepare.crop(once, y_nm=(1, 3))
    assert twice.attrs["crop_origin_nm"] == [6.0, 2.0]
    assert float(twice.y[0]) == 0.0
    back = stack.sel(y=twice.y + 6.0, x=twice.x + 2.0)
    np.testing.assert_array_equal(twice.values, back.values)
    with pytest.raises(StmError, match="no pixel lies between 90 and 99 nm"):
        prepare.crop(stack, x_nm=(90, 99))


@settings(max_examples=40, deadline=None)
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
