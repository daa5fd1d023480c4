"""Reference points: how many are found, where, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from napari_stm_impurities.analysis.comparison import compare
from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.core.progress import Stopped
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.data.points import check_points
from napari_stm_impurities.io.readers import read_stack
from napari_stm_impurities.spots import ReferenceConfig, find_reference, search


@pytest.mark.parametrize(
    ("n", "fwhm_px", "exponential"),
    [(15, 3.0, False), (60, 2.0, False), (50, 4.0, False), (30, 6.0, False), (30, 3.0, True)],
)
def test_recall_and_precision_are_at_least_95_percent(bound_map, n, fwhm_px, exponential):
    pairs = found = true = 0
    for seed in range(2):
        values, at = bound_map(seed, n, fwhm_px, exponential=exponential)
        report = compare(find_reference(values, 1.0), at, 1.0)
        pairs, found, true = pairs + len(report.pairs), found + report.n_points, true + report.n_reference
    assert pairs / true >= 0.95
    assert pairs / found >= 0.95


def test_positions_are_sub_pixel(bound_map):
    values, at = bound_map(0, 20, 3.0, noise=0.02)
    assert compare(find_reference(values, 1.0), at, 1.0).rms_distance_nm < 0.06


@pytest.mark.parametrize("seed", range(3))
def test_two_spots_a_width_apart_are_two(bound_map, seed):
    angle = np.random.default_rng(seed).uniform(0, np.pi)
    shift = np.array([np.sin(angle), np.cos(angle)])
    at = np.array([40.3, 39.8]) + np.stack([shift, -shift])
    values, _ = bound_map(seed, fwhm_px=2.0, at=at, noise=0.05, heights=(1.0, 1.0))
    report = compare(find_reference(values, 1.0), at, 1.0)
    assert (report.recall, report.precision) == (1.0, 1.0)


def test_pairs_a_width_apart_are_pairs(bound_map):
    rng = np.random.default_rng(1)
    middle = np.mgrid[10:75:16, 10:75:16].reshape(2, -1).T + rng.uniform(-2, 2, (25, 2))
    angle = rng.uniform(0, np.pi, 25)
    shift = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    at = np.concatenate([middle + shift, middle - shift])
    values, _ = bound_map(2, fwhm_px=2.0, at=at, heights=(1.0, 1.0))
    report = compare(find_reference(values, 1.0), at, 1.0)
    assert min(report.recall, report.precision) >= 0.9


def test_none_in_pure_noise():
    for seed in range(25):
        noise = np.random.default_rng(seed).normal(size=(80, 80))
        assert len(find_reference(noise, 0.47)) == 0


def test_smooth_noise_is_not_taken_for_spots():
    # most of it is told from spots, not all: docs/reference-finding.md has the share
    noise = gaussian_filter(np.random.default_rng(0).normal(size=(80, 80)), 1.0)
    assert len(find_reference(noise, 1.0)) == 0


def test_spots_that_fill_the_frame_are_not_taken_for_noise(bound_map):
    values, at = bound_map(5, 60, 6.0)
    assert compare(find_reference(values, 1.0), at, 1.0).recall >= 0.95


def test_none_in_lines_that_jump():
    rng = np.random.default_rng(0)
    assert len(find_reference(rng.normal(size=(80, 80)) + rng.normal(size=(80, 1)), 1.0)) == 0


def test_dark_spots_are_found_and_it_is_said(bound_map):
    values, at = bound_map(3)
    bright, dark = find_reference(values, 1.0), find_reference(-values, 1.0)
    assert (bright.attrs["sign"], dark.attrs["sign"]) == ("bright", "dark")
    np.testing.assert_allclose(dark[["y_px", "x_px"]], bright[["y_px", "x_px"]], atol=1e-6)
    assert compare(dark, at, 1.0).recall >= 0.95
    assert (dark["score"] > 0).all()


def test_the_sign_can_be_chosen(bound_map):
    values, at = bound_map(3, 10)
    table = find_reference(values, 1.0, config=ReferenceConfig.of(sign="dark"))
    assert table.attrs["sign"] == "dark"
    assert compare(table, at, 1.0).recall == 0


def test_missing_pixels_and_rows_are_left_out(bound_map):
    values, at = bound_map(4)
    values[20:23] = np.nan
    values[70:] = np.nan
    values[np.random.default_rng(0).random(values.shape) < 0.05] = np.nan
    there = (at[:, 0] < 69.5) & ~((at[:, 0] > 19) & (at[:, 0] < 23))
    table = find_reference(values, 1.0)
    assert compare(table, at[there], 1.0).recall >= 0.95
    assert (table["y_px"] < 70).all()


def test_spots_on_the_edge_stay_where_they_are(bound_map):
    at = np.array([[0.0, 0.0], [0.0, 40.3], [40.4, 0.0], [79.0, 79.0], [79.0, 30.0], [20.0, 79.0], [40.0, 40.0]])
    values, _ = bound_map(5, at=at, noise=0.05, heights=(1.0, 1.0))
    report = compare(find_reference(values, 1.0), at, 1.0)
    assert (report.recall, report.precision) == (1.0, 1.0)
    assert report.rms_distance_nm < 0.2


def test_a_hot_pixel_is_no_spot(bound_map):
    values, at = bound_map(6, 20)
    values[[5, 33, 61], [70, 11, 45]] += 20
    report = compare(find_reference(values, 1.0), at, 1.0)
    assert min(report.recall, report.precision) >= 0.95


def test_unit_and_offset_do_not_matter(bound_map):
    values, _ = bound_map(7, 15)
    plain, tiny = find_reference(values, 1.0), find_reference(values * 1e-12, 1.0)
    np.testing.assert_allclose(tiny[["y_px", "x_px"]], plain[["y_px", "x_px"]], atol=0.05)
    np.testing.assert_allclose(tiny["score"], plain["score"] * 1e-12, rtol=0.05)


def test_the_table_is_in_the_maps_own_coordinates(bound_map):
    values, at = bound_map(8, 12)
    stack = make_stack(values, -520.0, 0.5)
    table = check_points(find_reference(stack))
    assert set(table["source"]) == {"reference"}
    np.testing.assert_allclose(table["y_nm"], table["y_px"] * 0.5)
    np.testing.assert_allclose(table["x_nm"], table["x_px"] * 0.5)
    assert table["confidence"].between(0.5, 1).all()
    part = find_reference(stack.isel(bias=0, y=slice(20, 80)))
    assert compare(part, at[at[:, 0] > 20] * 0.5, 0.5).recall == 1


def test_spots_round_in_nm_are_found_where_pixels_are_not_square():
    y, x = np.mgrid[:60, :60]
    rng = np.random.default_rng(0)
    at = np.array([[a, b] for a in (8.2, 24.4, 41.1, 52.0) for b in (10.0, 30.5, 50.2)])
    values = rng.normal(0, 0.15, (60, 60))
    for row, column in at:
        values += np.exp(-(((y - row) * 0.3) ** 2 + ((x - column) * 0.6) ** 2) / (2 * 0.55**2))
    report = compare(find_reference(values, (0.3, 0.6)), at * [0.3, 0.6], 0.45)
    assert (report.recall, report.precision) == (1.0, 1.0)


def test_the_height_of_a_spot_is_its_score(bound_map):
    values, _ = bound_map(9, at=np.array([[20.0, 20.0], [60.0, 50.0]]), noise=0.02, heights=(2.0, 2.0))
    np.testing.assert_allclose(find_reference(values, 1.0)["score"], [2.0, 2.0], rtol=0.15)


def test_the_same_map_gives_the_same_table(bound_map):
    values, _ = bound_map(10, 10)
    assert find_reference(values, 1.0).equals(find_reference(values.copy(), 1.0))


def test_progress_is_told_and_stopping_stops(bound_map):
    values, _ = bound_map(11, 10)
    told: list[float] = []
    find_reference(values, 1.0, progress=lambda share, what: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1.0
    with pytest.raises(Stopped):
        find_reference(values, 1.0, should_stop=lambda: True)


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (np.ones((20, 20)), "constant"),
        (np.full((20, 20), np.nan), "missing"),
        (np.eye(6), "too small"),
        (np.zeros((2, 20, 20)), "shape"),
    ],
)
def test_bad_maps_are_refused_in_one_line(values, match):
    with pytest.raises(StmError, match=match) as error:
        find_reference(values, 1.0)
    assert "\n" not in str(error.value)


def test_several_biases_and_a_missing_pixel_size_are_refused():
    with pytest.raises(StmError, match="one bias"):
        find_reference(make_stack(np.random.default_rng(0).normal(size=(2, 20, 20)), [-520, 0], 1.0))
    with pytest.raises(StmError, match="pixel_size_nm"):
        find_reference(np.eye(20))


def found_or_refused(*what: Any) -> pd.DataFrame | None:
    """The table; None where the map was refused as none of spots."""
    try:
        return find_reference(*what)
    except StmError as error:
        refused = str(error)
    assert "no map of single spots" in refused
    return None


def missing_lines(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    values[rng.random(len(values)) < 0.4] = np.nan
    return values


def lost_lines(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lines that were lost are written as 0 by some programs."""
    values[rng.random(len(values)) < 0.6] = 0
    return values


def one_line_in_four(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    values[np.arange(len(values)) % 4 > 0] = np.nan
    return values


def few_pixels(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    values[rng.random(values.shape) < 0.9] = np.nan
    return values


def broken_off(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    values[3:] = 0
    return values


def one_value_but_for_a_pixel(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    values[:] = 0
    values[20, 30] = 1
    return values


@pytest.mark.parametrize(
    "spoil",
    [missing_lines, lost_lines, one_line_in_four, few_pixels, broken_off, one_value_but_for_a_pixel],
    ids=lambda spoil: spoil.__name__,
)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.filterwarnings("error")
def test_what_a_scan_can_lack_gives_a_table_or_one_line(bound_map, spoil, seed):
    rng = np.random.default_rng(seed)
    values, _ = bound_map(seed, 12, side=48)
    table = found_or_refused(spoil(values, rng), 1.0)
    if table is not None:
        assert np.isfinite(check_points(table)[["y_nm", "x_nm", "score", "confidence"]]).all(axis=None)


def work_of(values: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> float:
    """The work of the fits, over the most that is allowed."""
    done = []
    fit = search.expectation_maximisation

    def counted(mixture, *rest, **more):
        done.append(more["iterations"] * len(mixture) * (2 * mixture.profile.reach_px + 1) ** 2)
        return fit(mixture, *rest, **more)

    monkeypatch.setattr(search, "expectation_maximisation", counted)
    try:
        find_reference(values, 1.0)
    finally:
        monkeypatch.undo()
    return sum(done) / (search.MOST_WORK + search.MOST_WORK_PER_PX * values.size)


def test_spots_that_fill_the_frame_are_far_from_the_most_work(bound_map, monkeypatch):
    values, _ = bound_map(0, 60, 6.0)
    assert work_of(values, monkeypatch) < 0.5


@pytest.mark.parametrize("seed", range(2))
def test_a_surface_without_single_spots_ends_in_one_line(seed):
    # rough at all scales, as a topograph is
    rng = np.random.default_rng(seed)
    q = np.hypot(*np.meshgrid(np.fft.fftfreq(128), np.fft.fftfreq(128)))
    rough = np.fft.ifft2(np.fft.fft2(rng.normal(size=(128, 128))) / np.maximum(q, 1 / 128) ** 1.5).real
    with pytest.raises(StmError, match="no map of single spots") as caught:
        find_reference(np.exp(rough / rough.std()), 1.0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["Topo014.sxm", "Topo038.sxm", "Topo043.sxm", "Topo312.sxm", "unnamed0001.sxm"])
def test_a_real_topograph_ends(shared_data, name):
    bound_map = read_stack(shared_data / "jjacobe2__PyAutoSTM" / name).isel(bias=[-1])
    table = found_or_refused(bound_map)
    if table is not None:
        check_points(table)


@pytest.mark.parametrize(("size_nm", "step"), [((0.5, 0.125), (1, 4)), ((0.25, 0.5), (2, 1)), ((0.5, 0.2), (1, 2.5))])
def test_spots_on_oblong_pixels_lie_where_they_are(size_nm, step):
    rng = np.random.default_rng(1)
    at_nm = np.array([[a, b] for a in (5.1, 12.2, 20.4, 26.0) for b in (5.0, 15.3, 25.2)])
    shape = np.rint(60 * np.array(step)).astype(int)
    y, x = np.meshgrid(*(np.arange(n) * one for n, one in zip(shape, size_nm, strict=True)), indexing="ij")
    values = rng.normal(0, 0.15, y.shape)
    for row, column in at_nm:
        values += np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * 0.5**2))
    report = compare(find_reference(values, size_nm), at_nm, 0.4)
    assert (report.recall, report.precision) == (1.0, 1.0)
    assert report.rms_distance_nm < 0.1


@pytest.mark.parametrize("size_nm", [(457.0, 14.0), (5.0, 0.1), (1e-4, 1e4)], ids=str)
def test_pixels_too_oblong_for_any_spot_are_refused(size_nm):
    with pytest.raises(StmError, match="as long as they are wide"):
        find_reference(np.random.default_rng(0).normal(size=(64, 64)), size_nm)


@pytest.mark.parametrize("shape", [(10, 2000), (10, 10), (300, 10)], ids=str)
def test_frames_of_any_shape_are_searched(shape):
    assert len(find_reference(np.random.default_rng(0).normal(size=shape), 0.5)) == 0
