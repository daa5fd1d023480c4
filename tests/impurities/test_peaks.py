"""Peaks of a score map: where they are to a fraction of a pixel, and where none may be."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.impurities.peaks import MERGE_PX, find_peaks


def paraboloid(y: float, x: float, height: float = 3.0, shape=(15, 17)) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return height - 0.3 * (rows - y) ** 2 - 0.2 * (columns - x) ** 2


def bumps(places, heights, shape=(30, 30), sigma: float = 1.0) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    out = np.zeros(shape)
    for (y, x), height in zip(places, heights, strict=True):
        out += height * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2))
    return out


@pytest.mark.parametrize("place", [(7.0, 8.0), (6.7, 8.2), (7.45, 7.6)])
def test_a_parabola_gives_its_vertex_exactly(place):
    yx, score = find_peaks(paraboloid(*place))
    assert yx.shape == (1, 2)
    np.testing.assert_allclose(yx[0], place, atol=1e-9)
    rows = np.rint(place).astype(int)
    assert score[0] == pytest.approx(paraboloid(*place)[tuple(rows)])


def elsewhere():
    """Offsets of pixels that all say that the impurity is not in them."""
    return np.full((2, 30, 30), 2.0)


def test_peaks_come_highest_first():
    places, heights = [(5, 5), (20, 8), (12, 24)], [1.0, 3.0, 2.0]
    yx, score = find_peaks(bumps(places, heights))
    np.testing.assert_allclose(yx, [places[1], places[2], places[0]], atol=0.05)
    np.testing.assert_allclose(score, [3, 2, 1], atol=0.01)


def test_the_network_s_offset_takes_the_place_of_the_parabola():
    score = bumps([(10, 12)], [1.0])
    offsets = elsewhere()
    offsets[:, 10, 12] = 0.7, -0.4
    yx, _ = find_peaks(score, offsets)
    np.testing.assert_allclose(yx, [[10.7, 11.6]])


def test_an_offset_that_points_far_away_is_held():
    score = bumps([(10, 12)], [1.0])
    offsets = elsewhere()
    offsets[:, 10, 12] = 9.0, -9.0
    yx, _ = find_peaks(score, offsets)
    np.testing.assert_allclose(yx, [[11.5, 10.5]])


def test_two_peaks_that_point_at_one_place_are_one_and_the_higher_stays():
    score = bumps([(10, 10), (10, 13)], [1.0, 2.0], sigma=0.7)
    offsets = elsewhere()
    offsets[:, 10, 10], offsets[:, 10, 13] = (0, 1.4), (0, -1.2)
    yx, peak = find_peaks(score, offsets)
    np.testing.assert_allclose(yx, [[10, 11.8]])
    assert peak[0] == pytest.approx(2.0, abs=0.01)


def test_peaks_farther_apart_than_the_merging_distance_stay_two():
    score = bumps([(10, 10), (10, 13)], [1.0, 2.0], sigma=0.7)
    offsets = elsewhere()
    offsets[:, 10, 10], offsets[:, 10, 13] = (0, 3 - MERGE_PX - 0.01), (0, 0)
    assert len(find_peaks(score, offsets)[0]) == 2


def test_a_peak_that_was_merged_away_takes_no_third_one_with_it():
    score = bumps([(10, 10), (10, 13), (10, 16)], [3.0, 2.0, 1.0], sigma=0.6)
    offsets = elsewhere()
    offsets[:, 10, 10], offsets[:, 10, 13], offsets[:, 10, 16] = (0, 1.0), (0, -1.0), (0, -1.0)
    # at 11, 12 and 15: the second goes to the first, the third is two pixels and more from both
    np.testing.assert_allclose(find_peaks(score, offsets)[0], [[10, 11], [10, 15]])


@pytest.mark.parametrize("corner", [(0, 0), (0, 29), (29, 0), (29, 29), (0, 14), (14, 29)])
def test_a_peak_on_the_edge_is_found_inside_the_frame(corner):
    yx, _ = find_peaks(bumps([corner], [1.0]))
    np.testing.assert_allclose(yx[0], corner, atol=0.5)
    offsets = elsewhere()
    offsets[:, corner[0], corner[1]] = np.sign(np.array(corner) - 14.5) * 1.4
    yx, _ = find_peaks(bumps([corner], [1.0]), offsets)
    assert (yx >= -0.5).all()
    assert (yx <= 29.5).all()


def test_two_equal_pixels_are_one_peak_between_them():
    score = np.zeros((9, 9))
    score[4, 3:5] = 1.0
    yx, _ = find_peaks(score)
    np.testing.assert_allclose(yx, [[4, 3.5]])


def test_a_flat_top_is_one_peak():
    score = np.zeros((9, 9))
    score[4, 3:6] = 1.0
    yx, _ = find_peaks(score)
    assert len(yx) == 1
    np.testing.assert_allclose(yx[0], [4, 4], atol=0.5)


def test_a_flat_map_has_no_peak():
    yx, score = find_peaks(np.full((12, 12), 0.7))
    assert yx.shape == (0, 2)
    assert score.shape == (0,)


def test_nothing_is_found_where_nothing_was_measured():
    draw = np.random.default_rng(0)
    score = draw.normal(size=(60, 60))
    offsets = draw.uniform(-1.5, 1.5, (2, 60, 60))
    measured = np.ones((60, 60), bool)
    measured[20:30, 10:40] = False
    measured[draw.random((60, 60)) < 0.05] = False
    for way in (None, offsets):
        yx, _ = find_peaks(score, way, measured)
        assert len(yx) > 50
        row, column = np.clip(np.rint(yx), 0, 59).astype(int).T
        assert measured[row, column].all()


def test_without_a_measured_pixel_nothing_is_found():
    yx, _ = find_peaks(bumps([(5, 5)], [1.0]), None, np.zeros((30, 30), bool))
    assert yx.shape == (0, 2)


def test_impurities_on_neighbouring_pixels_are_two_where_their_offsets_say_so():
    score = np.full((9, 9), -9.0)
    offsets = np.full((2, 9, 9), 1.4)
    for row, column, height, way in [(4, 3, 3.0, (0.0, -0.4)), (4, 4, 2.5, (0.1, 0.5)), (4, 5, 1.0, (0.1, -0.9))]:
        score[row, column] = height
        offsets[:, row, column] = way
    yx, peak = find_peaks(score, offsets)
    np.testing.assert_allclose(yx, [[4, 2.6], [4.1, 4.5]], atol=1e-9)
    assert peak.tolist() == [3.0, 2.5]
    merged, _ = find_peaks(score, offsets, merge_px=2.0)
    np.testing.assert_allclose(merged, [[4, 2.6]])
