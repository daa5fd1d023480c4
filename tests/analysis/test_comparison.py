"""Comparison: against brute force, and against what can be worked out by hand."""

from __future__ import annotations

import itertools
import json
import math
import time

import numpy as np
import pytest

from napari_stm_impurities.analysis.comparison import compare, match, paper_radius_nm, reference_ratio
from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.data.points import make_points

NONE = np.zeros((0, 2))


def best_by_trying_all(points: np.ndarray, reference: np.ndarray, radius: float) -> tuple[int, float]:
    """The most pairs, and the least sum of squares among those, over every one-to-one assignment."""
    best = (0, 0.0)
    n, m = len(points), len(reference)
    padded = [*range(m), *[-1] * n]
    for choice in set(itertools.permutations(padded, n)):
        squares = [((points[i] - reference[j]) ** 2).sum() for i, j in enumerate(choice) if j >= 0]
        if all(s <= radius**2 for s in squares):
            best = max(best, (len(squares), -float(sum(squares))))
    return best[0], -best[1]


@pytest.mark.parametrize("seed", range(12))
def test_the_matching_is_the_best_there_is(seed):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 5, 2)
    points, reference = rng.uniform(0, 2, (n, 2)), rng.uniform(0, 2, (m, 2))
    row, column, distance = match(points, reference, 0.9)
    pairs, squares = best_by_trying_all(points, reference, 0.9)
    assert len(row) == pairs
    assert (distance**2).sum() == pytest.approx(squares)
    assert len(set(row)) == len(set(column)) == pairs
    np.testing.assert_allclose(distance, np.linalg.norm(points[row] - reference[column], axis=1))


def test_more_pairs_count_more_than_nearer_ones():
    # the nearest first would leave one over: 1.0 takes 1.1, and nothing is within reach of 0.3
    points, reference = [[0.0, 0.3], [0.0, 1.0]], [[0.0, 1.1], [0.0, 1.9]]
    report = compare(points, reference, 0.95)
    assert report.pairs[["point", "reference"]].to_numpy().tolist() == [[0, 0], [1, 1]]


def test_figures_by_hand():
    points = [[0.0, 0.0], [0.0, 5.0], [5.0, 5.0]]
    reference = [[0.3, 0.4], [0.0, 5.0], [9.0, 9.0], [0.0, 0.2]]
    report = compare(points, reference, 0.5, frame=(0, 10, 0, 10))
    assert (report.recall, report.precision, report.f1) == (2 / 4, 2 / 3, 4 / 7)
    assert report.rms_distance_nm == pytest.approx(math.sqrt((0.2**2 + 0) / 2))
    assert report.pairs[["point", "reference"]].to_numpy().tolist() == [[0, 3], [1, 1]]
    assert report.missed["reference"].tolist() == [0, 2]
    assert report.missed[["y_nm", "x_nm"]].to_numpy().tolist() == [[0.3, 0.4], [9.0, 9.0]]
    assert report.extra["point"].tolist() == [2]
    # one point may serve two in the paper's ratio, but 0.5 is not less than 0.5
    assert report.reference_ratio == 2 / 4
    assert compare(points, reference, 0.51).reference_ratio == 3 / 4


def test_a_pair_may_lie_exactly_at_the_tolerance_and_the_ratio_is_strict():
    steps = np.arange(40) * 0.47
    assert len(set(np.diff(steps))) > 1  # not all of them are 0.47 in binary
    for near, far in itertools.pairwise(steps):
        report = compare([[0.0, near]], [[0.0, far]], 0.47)
        assert (report.recall, report.reference_ratio) == (1.0, 0.0)


def test_the_ratio_is_counted_in_pixels_where_they_are_known():
    report = compare([[0.0, 0.0]], [[0.0, 0.6]], 0.47, pixel_size_nm=(0.5, 0.7))
    assert (report.ratio_radius_nm, report.reference_ratio, report.recall) == (0.7, 1.0, 0.0)


def test_the_chance_level_is_what_random_points_get():
    rng = np.random.default_rng(0)
    reference = rng.uniform(0, 10, (30, 2))
    reference[:4] = [[0, 0], [10, 10], [0.2, 5], [9.9, 3]]
    frame = (0.0, 10.0, 0.0, 10.0)
    ratios = [compare(rng.uniform(0, 10, (40, 2)), reference, 0.8, frame=frame).reference_ratio for _ in range(400)]
    chance = compare(rng.uniform(0, 10, (40, 2)), reference, 0.8, frame=frame).chance_ratio
    assert chance == pytest.approx(np.mean(ratios), abs=0.02)


def test_the_frame_is_that_of_the_map_or_the_bounding_box():
    stack = make_stack(np.zeros((1, 20, 40)), 0, 0.5)
    points, reference = [[1.0, 2.0]], [[4.0, 8.0]]
    given = compare(points, reference, frame=stack)
    assert (given.frame_nm, given.frame_source) == ((-0.25, 9.75, -0.25, 19.75), "given")
    box = compare(points, reference)
    assert (box.frame_nm, box.frame_source) == ((1.0, 4.0, 2.0, 8.0), "bounding box of the points")
    assert math.isnan(compare(points, points).chance_ratio)


@pytest.mark.parametrize(
    ("points", "reference", "recall", "precision", "f1", "ratio"),
    [
        (NONE, NONE, 1, 1, 1, 1),
        ([[0, 0]], NONE, 0, 0, 0, 0),
        (NONE, [[0, 0]], 0, 0, 0, 0),
        ([[0, 0]], [[9, 9]], 0, 0, 0, 0),
    ],
)
def test_nothing_on_a_side_has_defined_figures(points, reference, recall, precision, f1, ratio):
    report = compare(points, reference, frame=(0, 10, 0, 10))
    assert (report.recall, report.precision, report.f1, report.reference_ratio) == (recall, precision, f1, ratio)
    assert math.isnan(report.rms_distance_nm)
    assert (len(report.missed), len(report.extra)) == (len(reference), len(points))
    assert 0 <= report.chance_ratio <= 1


def test_tables_and_arrays_give_the_same():
    px = np.array([[1.0, 2.0], [7.0, 3.0]])
    table = make_points(px, (0.5, 0.25), source="model")
    assert compare(table, table).to_dict() == compare(px * [0.5, 0.25], px * [0.5, 0.25]).to_dict()


def test_the_report_is_written_as_valid_json(tmp_path):
    report = compare([[0.0, 0.0]], [[9.0, 9.0]], 0.4, frame=(0, 10, 0, 10))
    path = report.to_json(tmp_path / "report.json")
    read = json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert read == report.to_dict()
    assert read["tolerance_nm"] == 0.4
    assert read["rms_distance_nm"] is None
    assert read["missed"] == [{"reference": 0, "y_nm": 9.0, "x_nm": 9.0}]


def test_thousands_of_points_are_quick():
    rng = np.random.default_rng(0)
    began = time.process_time()
    compare(rng.uniform(0, 100, (2000, 2)), rng.uniform(0, 100, (2000, 2)), 2.0)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (([[0, 0, 0]], [[0, 0]]), "shape"),
        (([[np.nan, 0]], [[0, 0]]), "finite"),
        (([[0, 0]], [[0, 0]], 0.0), "tolerance"),
        (([[0, 0]], [[0, 0]], math.nan), "tolerance"),
    ],
)
def test_bad_input_is_told_in_one_line(arguments, match):
    with pytest.raises(StmError, match=match) as error:
        compare(*arguments)
    assert "\n" not in str(error.value)


def test_a_frame_turned_round_is_refused():
    with pytest.raises(StmError, match="frame"):
        compare([[0, 0]], [[0, 0]], frame=(10, 0, 0, 10))


def test_the_rows_of_a_comparison_tell_every_point_once():
    report = compare([[1.0, 1.0], [5.0, 5.0], [9.0, 1.0]], [[9.0, 1.4], [1.0, 1.3], [2.0, 8.0]], tolerance_nm=0.5)
    rows = report.rows()
    assert rows["kind"].tolist() == ["matched", "matched", "missed", "extra"]
    assert rows["point"].fillna(-1).tolist() == [0, 2, -1, 1]
    assert rows["reference"].fillna(-1).tolist() == [1, 0, 2, -1]
    np.testing.assert_allclose(rows["distance_nm"], [0.3, 0.4, np.nan, np.nan])
    assert rows[["y_nm", "x_nm"]].values.tolist() == [[1, 1], [9, 1], [2, 8], [5, 5]]


def test_without_points_there_are_no_rows():
    rows = compare([], []).rows()
    assert len(rows) == 0
    assert list(rows.columns) == ["kind", "point", "reference", "distance_nm", "y_nm", "x_nm"]


def test_chance_counts_only_what_was_measured():
    # of an aborted grid a quarter was measured, so random points lie four times as densely there
    values = np.full((1, 40, 40), np.nan)
    values[:, :10] = 1.0
    grid = make_stack(values, 0.0, 0.5)
    reference = np.array([[2.0, 5.0], [2.5, 12.0]])
    found = np.random.default_rng(0).uniform(0, 4, size=(20, 2))
    whole = compare(found, reference, frame=make_stack(np.ones((1, 40, 40)), 0.0, 0.5))
    measured = compare(found, reference, frame=grid)
    disc = np.pi * measured.ratio_radius_nm**2
    assert measured.chance_ratio == pytest.approx(1 - (1 - disc / 100) ** 20)
    assert whole.chance_ratio == pytest.approx(1 - (1 - disc / 400) ** 20)


def test_the_ratio_of_oblong_pixels_is_one_number_in_comparison_and_training():
    reference = np.array([[1.0, 1.0]])
    found = np.array([[1.0, 1.7]])
    radius = paper_radius_nm((0.5, 1.0))
    assert radius == 1.0
    assert compare(found, reference, pixel_size_nm=(0.5, 1.0)).reference_ratio == 1.0
    assert reference_ratio(found, reference, radius) == 1.0
