"""What a score means: measured once on held-out simulated windows, and carried in the model file."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from ..find.peaks import find_peaks
from ..network.inputs import network_input, scale_maps
from ..network.model import Calibration, Model
from ..progress import Progress, ShouldStop, never, silent
from ..simulation.config import WindowConfig
from ..simulation.stream import window_stream

#: A peak is right if it lies this near to an impurity, in pixels: the paper's measure.
RADIUS_PX = 1.0
#: Mixed into the seed, so that no window of the training comes again.
_HELD_OUT = 7_919
_BATCH = 8


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
    scores, right, n_truth = held_out_peaks(model, windows, seed, n_windows, progress=progress, should_stop=should_stop)
    if len(np.unique(right)) < 2:
        return Calibration()
    curve = LogisticRegression(C=1e4).fit(scores[:, None], right)
    slope, intercept = float(curve.coef_[0, 0]), float(curve.intercept_[0])
    if slope <= 0:
        return Calibration()
    order = np.argsort(-scores)
    hits = np.cumsum(right[order])
    f1 = 2 * hits / (np.arange(1, len(hits) + 1) + n_truth)
    best = int(f1.argmax())
    fitted = Calibration(slope=slope, intercept=intercept)
    threshold = float(fitted.confidence(scores[order[best]]))
    return fitted.model_copy(update={"threshold": threshold, "f1": float(f1[best])})


def held_out_peaks(
    model: Model,
    windows: WindowConfig,
    seed: int,
    n_windows: int,
    *,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> tuple[np.ndarray, np.ndarray, int]:
    """All peaks in held-out windows: their scores, whether each is an impurity, and how many impurities there are."""
    inputs = model.config.inputs
    scores: list[np.ndarray] = []
    right: list[np.ndarray] = []
    n_truth = 0
    stream = window_stream(windows, _BATCH, seed, _HELD_OUT)
    n_batches = -(-n_windows // _BATCH)
    for index in range(n_batches):
        if should_stop():
            break
        progress(index / n_batches, "calibrating on held-out windows")
        batch = next(stream)
        shown = network_input(scale_maps(batch.maps, inputs.scaling), inputs).to(model.device)
        with torch.inference_mode():
            answer = model.network(shown)
        measured = ~batch.maps.isnan().all(1)
        for item in range(len(batch.maps)):
            offsets = None if answer.offsets_px is None else answer.offsets_px[item].cpu().numpy()
            seen = measured[item].numpy()
            yx, score = find_peaks(answer.score[item].cpu().numpy(), offsets, seen)
            truth = batch.yx_px[item][batch.present[item]].double().numpy()
            pixel = truth.round().astype(int).clip(0, np.array(seen.shape) - 1)
            truth = truth[seen[pixel[:, 0], pixel[:, 1]]]
            scores.append(score)
            right.append(_matched_by_rank(yx, truth))
            n_truth += len(truth)
    if not scores:
        return np.zeros(0), np.zeros(0, bool), 0
    return np.concatenate(scores), np.concatenate(right), n_truth


def _matched_by_rank(yx: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Whether each peak, the highest first, finds an impurity that no higher one has taken."""
    right = np.zeros(len(yx), bool)
    free = np.ones(len(truth), bool)
    if len(truth):
        distance = np.linalg.norm(yx[:, None] - truth[None], axis=-1)
        for index in range(len(yx)):
            open_distance = np.where(free, distance[index], np.inf)
            nearest = int(open_distance.argmin())
            if open_distance[nearest] <= RADIUS_PX:
                right[index], free[nearest] = True, False
    return right
