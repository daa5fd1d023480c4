"""What a score means: measured once on held-out simulated windows, and carried in the model file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from ...core.progress import Progress, ShouldStop, never, silent
from ...simulation.config import WindowConfig
from ...simulation.stream import window_stream
from ...simulation.windows import PatchBatch
from ..inference import predict
from ..model import Calibration, Model
from ..peaks import find_peaks
from .window_inputs import shown

#: A peak is right if it lies this near to an impurity, in pixels: the paper's measure.
RADIUS_PX = 1.0
#: Mixed into the seed, so that no window of the training comes again.
_HELD_OUT = 7_919
_BATCH = 8
#: A difference in mean F1 that the held-out surfaces cannot tell from none.
_AS_GOOD = 0.002


def calibrate(
    model: Model,
    windows: WindowConfig,
    seed: int,
    n_windows: int = 160,
    *,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> Calibration:
    """Measure how often a peak of a given score is an impurity, and which threshold gives the best F1.

    Each window counts the same for the F1, so that dense ones do not decide alone.

    Parameters
    ----------
    model
        The model to measure.
    windows
        What to simulate; windows of the same kind, but none that was trained on.
    seed
        The training's seed.
    n_windows
        How many windows.

    Returns
    -------
    Calibration
        A logistic curve through the outcomes, the threshold, and its F1.
    """
    peaks = held_out_peaks(model, windows, seed, n_windows, progress=progress, should_stop=should_stop)
    return fit_calibration(peaks)


def fit_calibration(peaks: Sequence[RankedPeaks]) -> Calibration:
    """A logistic curve through the outcomes of many peaks, and the threshold with the best mean F1.

    Where neighbouring thresholds do as well, it is the one in their middle.

    Returns
    -------
    Calibration
        The default one, without an F1, where the peaks are all right or all wrong, or a higher score is no
        better sign than a lower one.
    """
    scores = np.concatenate([one.score for one in peaks] or [np.zeros(0)])
    right = np.concatenate([one.right for one in peaks] or [np.zeros(0, bool)])
    if len(np.unique(right)) < 2:
        return Calibration()
    curve = LogisticRegression(C=1e4).fit(scores[:, None], right)
    slope, intercept = float(curve.coef_[0, 0]), float(curve.intercept_[0])
    if slope <= 0:
        return Calibration()
    fitted = Calibration(slope=slope, intercept=intercept)
    thresholds = np.linspace(0.02, 0.98, 97)
    f1 = np.mean([one.f1(fitted.confidence(one.score), thresholds) for one in peaks if one.n_truth], axis=0)
    best = _middle_of_the_best(f1)
    return fitted.model_copy(update={"threshold": round(float(thresholds[best]), 2), "f1": float(f1[best])})


def _middle_of_the_best(f1: np.ndarray) -> int:
    """Of neighbouring thresholds that do as well as the best one, the one in the middle.

    The curve is flat at its top, and where exactly it is highest is chance.
    """
    good = f1 >= f1.max() - _AS_GOOD
    first = last = int(f1.argmax())
    while first > 0 and good[first - 1]:
        first -= 1
    while last < len(f1) - 1 and good[last + 1]:
        last += 1
    return (first + last) // 2


@dataclass(frozen=True)
class RankedPeaks:
    """All peaks of one window or surface, the highest first.

    Attributes
    ----------
    score
        Shape (n,).
    right
        Shape (n,), bool: whether it is an impurity that no higher peak has taken.
    n_truth
        How many impurities there are.
    """

    score: np.ndarray
    right: np.ndarray
    n_truth: int

    def f1(self, confidence: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
        """The F1 at each threshold."""
        counted = confidence[None] >= thresholds[:, None]
        return 2 * (counted & self.right).sum(1) / np.maximum(counted.sum(1) + self.n_truth, 1)


def held_out_peaks(
    model: Model,
    windows: WindowConfig,
    seed: int,
    n_windows: int,
    *,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> list[RankedPeaks]:
    """All peaks in held-out windows."""
    peaks: list[RankedPeaks] = []
    stream = window_stream(windows, _BATCH, seed, _HELD_OUT)
    n_batches = -(-n_windows // _BATCH)
    for index in range(n_batches):
        if should_stop():
            break
        progress(index / n_batches, "calibrating on held-out windows")
        batch = next(stream)
        for window in peaks_of_windows(model, batch, windows):
            pixel = window.truth_px.round().astype(int).clip(0, np.array(window.measured.shape) - 1)
            truth = window.truth_px[window.measured[pixel[:, 0], pixel[:, 1]]]
            right = matched_by_rank(window.yx_px, truth, RADIUS_PX)
            peaks.append(RankedPeaks(window.score, right, len(truth)))
    return peaks


class WindowPeaks(NamedTuple):
    """The peaks of one simulated window, the highest first.

    Attributes
    ----------
    maps
        Shape (bias, y, x), NaN where a pixel is missing.
    measured
        Shape (y, x), bool: measured at one bias at least.
    yx_px, score
        Of the peaks, shapes (n, 2) and (n,).
    truth_px
        The impurities, shape (m, 2).
    """

    maps: Tensor
    measured: np.ndarray
    yx_px: np.ndarray
    score: np.ndarray
    truth_px: np.ndarray


def peaks_of_windows(model: Model, batch: PatchBatch, config: WindowConfig) -> Iterator[WindowPeaks]:
    """The peaks that a model gives in each window of a batch that `config` simulated."""
    inputs = model.config.inputs
    scores = predict(model.network, shown(batch, config, inputs).to(model.device), inputs)
    for item, maps in enumerate(batch.maps):
        offsets = None if scores.offsets_px is None else scores.offsets_px[item].float().cpu().numpy()
        measured = (~maps.isnan().all(0)).numpy()
        yx, score = find_peaks(scores.score[item].float().cpu().numpy(), offsets, measured)
        yield WindowPeaks(maps, measured, yx, score, batch.yx_px[item][batch.present[item]].double().numpy())


def matched_by_rank(yx: np.ndarray, truth: np.ndarray, radius: float) -> np.ndarray:
    """Whether each peak, the highest first, finds an impurity within the radius that no higher one has taken."""
    right = np.zeros(len(yx), bool)
    free = np.ones(len(truth), bool)
    if len(truth):
        distance = np.linalg.norm(yx[:, None] - truth[None], axis=-1)
        for index in range(len(yx)):
            open_distance = np.where(free, distance[index], np.inf)
            nearest = int(open_distance.argmin())
            if open_distance[nearest] <= radius:
                right[index], free[nearest] = True, False
    return right
