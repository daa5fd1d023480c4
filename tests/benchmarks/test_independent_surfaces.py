"""The benchmark on the second generator: its figures on points that are known, and one small search."""

from __future__ import annotations

from dataclasses import replace

import independent_surfaces as benchmark
import numpy as np
import pandas as pd
import pytest
from independent import KINDS, make_surface

import napari_stm_impurities as stm


@pytest.fixture
def surface():
    return make_surface(replace(KINDS["three biases"], side_px=40, frame_nm=18.75, n_biases=3), 1)


def searched(surface, confidence: np.ndarray) -> benchmark.Searched:
    points = surface.points[["y_nm", "x_nm"]].assign(confidence=confidence)
    points = points.sort_values("confidence", ascending=False).reset_index(drop=True)
    return benchmark.Searched(surface, points, 0.5, 0.1)


def test_all_found_is_a_row_of_ones(surface) -> None:
    row = benchmark.row_of([searched(surface, np.ones(len(surface.points)))])

    assert (row["f1"], row["recall"], row["precision"], row["best_f1"]) == (1, 1, 1, 1)
    assert row["calibration_error"] == 0
    assert row["rms_nm"] == pytest.approx(0)


def test_recall_is_counted_in_its_bins(surface) -> None:
    weak = surface.points["strength"] < 0.5
    rows = benchmark.recall_by([searched(surface, np.where(weak, 0.1, 0.9))], "strength", (0.3, 0.5, 1.0))

    assert [row["n"] for row in rows] == [weak.sum(), (~weak).sum()]
    assert [row["recall"] for row in rows] == [0, 1]
    # at a lower threshold all would be found
    assert searched(surface, np.where(weak, 0.1, 0.9)).best.f1 == 1


def test_the_calibration_error_is_the_distance_of_confidence_and_truth() -> None:
    confidence = np.array([0.15, 0.15, 0.85, 0.85])

    assert benchmark.calibration_error(confidence, np.array([False, False, True, True])) == pytest.approx(0.15)
    assert benchmark.calibration_error(np.zeros(0), np.zeros(0, dtype=bool)) is None


def test_a_refusal_finds_nothing_and_is_named(surface, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_values: object) -> pd.DataFrame:
        raise stm.StmError("no ring")

    monkeypatch.setattr(stm, "find_impurities", refuse)
    row = benchmark.row_of([benchmark.search(surface, stm.load_model("default"))])

    assert row["f1"] == 0
    assert row["refusals"] == ["no ring"]


def test_a_small_search_runs(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setitem(benchmark.KINDS, "clean", replace(KINDS["clean"], n_biases=6))
    result = benchmark.measure(["clean"], 1, stm.load_model("default"), tmp_path / "result.json")

    assert (tmp_path / "result.json").exists()
    # the shipped model finds most of what stands out of next to no noise
    assert result["mean_f1"] > 0.5
    assert len(benchmark.table(result).splitlines()) == 4
