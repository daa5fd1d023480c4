"""What a score means, recovered from peaks whose law is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_stm_impurities.impurities.model import Calibration, Model, ModelConfig
from napari_stm_impurities.impurities.training import calibration
from napari_stm_impurities.impurities.training.calibration import (
    RankedPeaks,
    fit_calibration,
    held_out_peaks,
    matched_by_rank,
)
from napari_stm_impurities.simulation.stream import window_stream


def peaks_of_a_known_law(slope: float, intercept: float, n_windows: int = 400, seed: int = 0) -> list[RankedPeaks]:
    draw = np.random.default_rng(seed)
    peaks = []
    for _ in range(n_windows):
        score = np.sort(draw.normal(0, 2.5, 30))[::-1]
        right = draw.random(30) < 1 / (1 + np.exp(-(slope * score + intercept)))
        # some impurities have no peak at all
        peaks.append(RankedPeaks(score, right, int(right.sum()) + int(draw.poisson(1.0))))
    return peaks


@pytest.mark.parametrize(("slope", "intercept"), [(1.3, -0.7), (0.6, 0.4), (3.0, -2.0)])
def test_the_law_is_recovered_and_the_threshold_is_best(slope, intercept):
    peaks = peaks_of_a_known_law(slope, intercept)
    found = fit_calibration(peaks)
    assert found.slope == pytest.approx(slope, rel=0.06)
    assert found.intercept == pytest.approx(intercept, abs=0.12)
    # of the peaks given 0.75 to 0.85, eight in ten are right
    score, right = (np.concatenate([getattr(one, name) for one in peaks]) for name in ("score", "right"))
    confidence = found.confidence(score)
    band = (confidence > 0.75) & (confidence < 0.85)
    assert right[band].mean() == pytest.approx(0.8, abs=0.04)

    def f1(threshold: float) -> float:
        of_each = []
        for one in peaks:
            if one.n_truth:
                counted = found.confidence(one.score) >= threshold
                hits = int((counted & one.right).sum())
                of_each.append(2 * hits / (int(counted.sum()) + one.n_truth))
        return float(np.mean(of_each))

    assert found.f1 == pytest.approx(f1(found.threshold), abs=1e-6)
    # the middle of those that do as well as the best
    assert found.f1 >= max(f1(threshold) for threshold in np.arange(0.02, 0.981, 0.01)) - 0.002 - 1e-6


@pytest.mark.parametrize("right", [True, False])
def test_where_all_peaks_are_alike_nothing_is_claimed(right):
    peaks = [RankedPeaks(np.array([2.0, 1.0]), np.array([right, right]), 2)] * 5
    assert fit_calibration(peaks) == Calibration()


def test_scores_that_point_the_wrong_way_are_not_taken_for_a_confidence():
    peaks = peaks_of_a_known_law(-1.5, 0.0)
    assert fit_calibration(peaks).f1 is None


def test_each_impurity_counts_once_and_the_higher_peak_gets_it():
    truth = np.array([[5.0, 5.0], [10.0, 10.0]])
    # highest first: near the first, nearer to the first but taken, near the second, near nothing
    yx = np.array([[5.5, 5.0], [5.1, 5.0], [10.0, 10.9], [20.0, 20.0]])
    assert matched_by_rank(yx, truth, 1.0).tolist() == [True, False, True, False]
    assert matched_by_rank(yx, np.empty((0, 2)), 1.0).tolist() == [False] * 4
    # within the radius only
    assert matched_by_rank(np.array([[5.0, 6.01]]), truth, 1.0).tolist() == [False]


def test_the_held_out_windows_are_none_of_the_training(tiny):
    seed = tiny.seed
    trained_on = [next(window_stream(tiny.windows, 8, seed, epoch)).maps for epoch in range(3)]
    held_out = next(window_stream(tiny.windows, 8, seed, calibration._HELD_OUT)).maps
    assert not any(torch.equal(maps, held_out) for maps in trained_on)


def test_every_peak_of_every_held_out_window_is_looked_at(tiny):
    model = Model(ModelConfig(network=tiny.network, inputs=tiny.inputs))
    peaks = held_out_peaks(model, tiny.windows, 0, 24)
    assert len(peaks) == 24
    batches = window_stream(tiny.windows, 8, 0, calibration._HELD_OUT)
    truth = torch.cat([next(batches).present.sum(1) for _ in range(3)])
    assert [one.n_truth for one in peaks] == truth.tolist()
    assert all((np.diff(one.score) <= 0).all() for one in peaks)
    assert all(one.right.sum() <= one.n_truth for one in peaks)
    asked = []
    assert len(held_out_peaks(model, tiny.windows, 0, 24, should_stop=lambda: asked.append(1) or len(asked) > 1)) == 8


def test_of_thresholds_that_do_as_well_the_middle_one_is_taken():
    score, right = np.array([4.0, 3.9, -3.9, -4.0]), np.array([True, True, False, False])
    found = fit_calibration([RankedPeaks(score, right, 2)] * 10)
    assert found.f1 == 1
    assert found.threshold == pytest.approx(0.5, abs=0.02)
