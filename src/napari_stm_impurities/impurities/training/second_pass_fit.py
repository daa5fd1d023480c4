"""Fitting the second pass of a model on simulated windows that no training has seen."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from ...core.progress import Progress, ShouldStop, never, silent
from ...simulation.config import ScatteringConfig
from ...simulation.stream import simulate_windows
from ...simulation.windows import PatchBatch
from ..model import Model
from ..preprocess import ModelInput
from ..second_pass import SecondPass, common_amplitudes, features
from .calibration import RADIUS_PX, matched_by_rank, peaks_of_windows

#: Mixed into the seed, so that neither the training nor the calibration has seen these windows.
_SEED = 15_485_863
#: Larger than a training window, so that a window has points enough for a common kernel.
_SIDE_PX = 112
_BATCH = 4
#: Inverse of the ridge on the weights: so weak that it only keeps them finite where a feature separates perfectly.
_INVERSE_RIDGE = 10.0


def fit_second_pass(
    model: Model,
    windows: ScatteringConfig,
    seed: int,
    n_windows: int = 240,
    *,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> SecondPass | None:
    """The second pass of a model; None where the windows hold no points that it could be fitted to.

    Parameters
    ----------
    model
        Calibrated.
    windows
        What to simulate; side and k are set here.
    seed
        Of the windows.
    n_windows
        How many.
    progress, should_stop
        See :mod:`napari_stm_impurities.core.progress`.
    """
    known: list[NDArray[np.float64]] = []
    right: list[NDArray[np.bool_]] = []
    draw = np.random.default_rng((seed, _SEED))
    low, high = np.log(windows.k_rad_per_px)
    n_batches = -(-n_windows // _BATCH)
    for index in range(n_batches):
        if should_stop():
            break
        progress(index / n_batches, "fitting the second pass on held-out windows")
        k = float(np.exp(draw.uniform(low, high)))
        of_k = windows.model_copy(update={"side_px": _SIDE_PX, "k_rad_per_px": (k, k * (1 + 1e-6))})
        generator = _generator(draw)
        for of_window in _points(model, of_k, simulate_windows(of_k, _BATCH, generator), k):
            known.append(of_window[0])
            right.append(of_window[1])
    if not known or len(np.unique(np.concatenate(right))) < 2:
        return None
    regression = LogisticRegression(C=_INVERSE_RIDGE, max_iter=1000).fit(np.concatenate(known), np.concatenate(right))
    return SecondPass(weights=tuple(regression.coef_[0].tolist()), intercept=float(regression.intercept_[0]))


def _points(
    model: Model, config: ScatteringConfig, batch: PatchBatch, k: float
) -> list[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
    """The features of the points of each window, and which of them are impurities."""
    of_windows = []
    for window in peaks_of_windows(model, batch, config):
        n_maps = len(window.maps)
        confidence = model.config.calibration.confidence(window.score)
        view = ModelInput(window.maps, np.arange(n_maps, dtype=np.float64), (1.0, 1.0), window.measured, (k, k))
        amplitude = common_amplitudes(view, window.yx_px, confidence, model.threshold)
        if amplitude is None:
            continue
        right = matched_by_rank(window.yx_px, window.truth_px, RADIUS_PX)
        fitted = amplitude.fitted
        of_windows.append((features(confidence, amplitude, n_maps)[fitted], right[fitted]))
    return of_windows


def _generator(draw: np.random.Generator) -> torch.Generator:
    return torch.Generator().manual_seed(int(draw.integers(2**62)))
