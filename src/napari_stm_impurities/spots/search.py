"""The search: seeds, expectation-maximisation, split, merge and prune, until the mixture has converged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.spatial import cKDTree

from ..core.errors import StmError
from ..core.progress import Progress, ShouldStop, Stopped
from .config import ReferenceConfig
from .density import SMALLEST_NOISE, Density, leftover_background, noise_std
from .em import expectation_maximisation
from .evidence import needed_gain, posterior, prune, signal_to_noise
from .mixture import Mixture, render
from .profile import FWHM_PER_STD, NARROWEST_FWHM_PX, Profile
from .seeds import as_deep_as_high, excess_noise, new_spots
from .split_pairs import CLOSEST, merge, split
from .width import starting_fwhm_px

#: The most rounds of the search, and of the final selection; each ends on convergence.
ROUNDS = 12

#: The narrowest and the widest core, body and wings of the profile, over the starting width: the body keeps that width
#: within a factor of some 1.5, the core is narrower, the wings are wider.
_NARROWEST_PARTS, _WIDEST_PARTS = np.array([0.35, 0.6, 1.2]), np.array([0.8, 1.5, 4.0])
#: The most work of a search, in pixels of windows times iterations: a constant, and a part for each pixel of the map.
#: 60 spots that fill 80 x 80 pixels take a third of it, 3000 spots on 512 x 512 nearly all, which is some 15 s on one
#: core. With isolated spots on a level background the number of spots converges long before.
MOST_WORK, MOST_WORK_PER_PX = 4 * 10**7, 800

#: The share of spots that may still appear or vanish at convergence: a few always lie at the limit of significance.
UNSETTLED_SHARE = 0.01

#: The signal-to-noise ratio from which a seed is tried; the evidence decides whether it is kept.
SMALLEST_RATIO = 3.5

#: With at most this number of spots their typical width may be that of an unresolved pair: a second start is tried, as
#: narrow as each of two Gaussians that just merge into one (two standard deviations apart: 0.58 of the width of both).
_FEW_SPOTS, _NARROWER_START = 6, 0.6

#: Iterations of expectation-maximisation: from the start of a round; of the first and of the later final fits; after
#: spots were merged or pruned. EM converges slowly at the end, so the deciding fit gets the most; the others start
#: from a nearly converged fit.
_ITERATIONS, _ITERATIONS_FINAL, _ITERATIONS_FINAL_AGAIN, _ITERATIONS_SIMPLIFIED = 40, 100, 20, 10

#: The last rounds end when the excess of the noise grows by less than this factor: no spot's signal-to-noise ratio then
#: falls by more than a tenth any more.
_SETTLED_EXCESS = 1.1

#: Rounds of merging and pruning after one fit; each takes spots away, and one that takes none ends them.
_SIMPLIFYING_ROUNDS = 6

#: Spots that moved by less than this, in pixels, have converged: a quarter of the paper's radius of a hit.
_SETTLED_PX = 0.25

#: The signal-to-noise ratio that is assumed for the second of two spots.
PAIR_RATIO = 6.0


@dataclass
class State:
    """The state of the search."""

    mixture: Mixture
    level: np.ndarray
    """Shape (y, x), the map without its background, in its own unit."""
    noise: float
    """The noise of one pixel."""
    bulk_excess: float = 1.0
    """The noise at the scale of a spot over that of white noise, in the bulk of the residual."""
    dip_excess: float = 1.0
    """The same in the dips of the residual."""
    work: int = 0
    """The work of the fits so far: pixels of all windows, times iterations."""

    @property
    def residual(self) -> np.ndarray:
        """The map without the spots; shape (y, x)."""
        return self.level - render(self.mixture, self.level.shape)

    @property
    def pair_noise(self) -> float:
        """The noise for the decision between one spot and two."""
        return self.noise * self.bulk_excess

    @property
    def spot_noise(self) -> float:
        """The noise for the decision between a spot and none."""
        return self.noise * self.dip_excess


@dataclass(frozen=True)
class SearchResult:
    """The result of a search."""

    mixture: Mixture
    confidence: np.ndarray
    """Shape (k,), posterior probabilities."""
    noise_std: float
    """The noise of one pixel, in the map's unit."""
    log_evidence: float
    """Of the whole mixture, up to a constant; to compare starts."""
    sign: Literal["bright", "dark"]
    """Sign of the spots in the map."""


def search(
    density: Density, aspect: np.ndarray, config: ReferenceConfig, progress: Progress, should_stop: ShouldStop
) -> SearchResult:
    """The mixture with the highest evidence, from one or two starting widths.

    With a handful of spots their typical width cannot be distinguished from that of an unresolved pair, so a
    narrower start is tried as well, and the evidence decides.

    Raises
    ------
    Stopped
        If `should_stop` returned true.
    """
    fwhm = starting_fwhm_px(density.values, density.observed, config.largest_fwhm_px)
    result = search_from(fwhm, density, aspect, config, progress, should_stop)
    if 0 < len(result.mixture) <= _FEW_SPOTS:
        narrower = search_from(_NARROWER_START * fwhm, density, aspect, config, progress, should_stop)
        if narrower.log_evidence > result.log_evidence:
            return narrower
    return result


def search_from(
    fwhm_px: float,
    density: Density,
    aspect: np.ndarray,
    config: ReferenceConfig,
    progress: Progress,
    should_stop: ShouldStop,
) -> SearchResult:
    """The mixture from one starting width."""
    observed = density.observed
    fwhm_px = float(np.clip(fwhm_px, NARROWEST_FWHM_PX, config.largest_fwhm_px))
    bounds = _profile_bounds(fwhm_px / FWHM_PER_STD)
    state = State(Mixture.empty(Profile.gaussian(fwhm_px), aspect), density.values, density.noise_std)
    if not state.noise > 0 or as_deep_as_high(state.level, observed, state.mixture, state.noise):
        return SearchResult(state.mixture, np.zeros(0), state.noise, 0.0, density.sign)
    for round_ in range(ROUNDS):
        if should_stop():
            raise Stopped
        progress(round_ / (2 * ROUNDS), f"placing spots, {len(state.mixture)} so far")
        before = state.mixture
        residual = state.residual
        apart = CLOSEST * before.profile.fwhm_px
        new = new_spots(residual, observed, before, state.pair_noise, SMALLEST_RATIO, apart)
        if len(before):
            state.mixture = split(before, residual, observed, state.pair_noise, _needed_gain(state, observed))
        state.mixture = state.mixture.plus(new)
        if not len(state.mixture):
            break
        if round_ == 0:
            _fit(state, observed, None, _ITERATIONS, should_stop)
            state.mixture = replace(state.mixture, profile=state.mixture.profile.with_core_and_wings())
        _fit(state, observed, bounds, _ITERATIONS, should_stop)
        _simplify(state, observed, bounds, config, state.pair_noise, should_stop)
        _measure_noise(state, observed)
        if _settled(before, state.mixture):
            break
    for final_round in range(ROUNDS):
        before, excess = state.mixture, state.dip_excess
        progress(0.5 + final_round / (2 * ROUNDS), f"testing {len(state.mixture)} spots against the noise")
        _fit(state, observed, bounds, _ITERATIONS_FINAL_AGAIN if final_round else _ITERATIONS_FINAL, should_stop)
        _simplify(state, observed, bounds, config, state.spot_noise, should_stop)
        _measure_noise(state, observed)
        n_removed = len(before) - len(state.mixture)
        if abs(n_removed) <= UNSETTLED_SHARE * len(before) and state.dip_excess < _SETTLED_EXCESS * excess:
            break
    progress(1.0, f"{len(state.mixture)} spots")
    return _result(state, density, config.min_confidence)


def _result(state: State, density: Density, min_confidence: float) -> SearchResult:
    """The result at the end; its evidence uses the noise before the search, the same for all starts."""
    observed, noise = density.observed, density.noise_std
    n_pixels = int(observed.sum())
    ratio = signal_to_noise(state.mixture, observed, state.spot_noise)
    confidence = posterior(ratio, state.mixture, n_pixels)
    needed = needed_gain(ratio, state.mixture, n_pixels, float(ratio.max())).sum() if len(ratio) else 0.0
    misfit = float((state.residual[observed] ** 2).sum()) / noise**2
    # the noise was measured again after the last pruning
    kept = confidence >= min_confidence
    return SearchResult(
        state.mixture.only(kept), confidence[kept], state.noise, -misfit / 2 - float(needed), density.sign
    )


def _profile_bounds(std: float) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of core, body and wings, around the starting width, which is accurate to some 20 %."""
    low = np.maximum(_NARROWEST_PARTS * std, NARROWEST_FWHM_PX / FWHM_PER_STD)
    return low, np.maximum(_WIDEST_PARTS * std, low)


def _fit(
    state: State,
    observed: np.ndarray,
    bounds: tuple[np.ndarray, np.ndarray] | None,
    iterations: int,
    should_stop: ShouldStop,
) -> None:
    """Run expectation-maximisation, then update the background."""
    if not len(state.mixture):
        return
    state.work += iterations * len(state.mixture) * (2 * state.mixture.profile.reach_px + 1) ** 2
    if state.work > MOST_WORK + MOST_WORK_PER_PX * observed.size:
        raise StmError(
            f"{len(state.mixture)} spots are placed and the search does not converge, so this is no map of single spots"
            " on a level background, but a lattice, a texture or a topograph; take the map of the bound states, or a"
            " part with fewer"
        )
    state.mixture = expectation_maximisation(
        state.mixture,
        state.level,
        observed,
        state.noise,
        iterations=iterations,
        std_bounds=bounds,
        should_stop=should_stop,
    )
    background = leftover_background(state.residual, observed, state.noise, state.mixture.profile.fwhm_px)
    state.level = np.where(observed, state.level - background, 0.0)


def _simplify(
    state: State,
    observed: np.ndarray,
    bounds: tuple[np.ndarray, np.ndarray],
    config: ReferenceConfig,
    noise: float,
    should_stop: ShouldStop,
) -> None:
    """Merge and prune until every component is significant."""
    for _ in range(_SIMPLIFYING_ROUNDS):
        n = len(state.mixture)
        state.mixture = merge(state.mixture, state.residual, observed, state.pair_noise, _needed_gain(state, observed))
        if len(state.mixture) == n:
            state.mixture = prune(state.mixture, observed, noise, config.min_confidence)
        if len(state.mixture) == n:
            return
        _fit(state, observed, bounds, _ITERATIONS_SIMPLIFIED, should_stop)


def _needed_gain(state: State, observed: np.ndarray) -> float:
    return float(needed_gain(PAIR_RATIO, state.mixture, int(observed.sum()), PAIR_RATIO))


def _measure_noise(state: State, observed: np.ndarray) -> None:
    """Measure the noise again, in the residual."""
    height = float(np.median(state.mixture.height)) if len(state.mixture) else 0.0
    residual = state.residual
    # where most pixels hold the same value, the residual is zero
    state.noise = max(noise_std(residual, observed), SMALLEST_NOISE * height) or state.noise
    state.bulk_excess, state.dip_excess = excess_noise(residual, observed, state.mixture, state.noise)


def _settled(before: Mixture, after: Mixture) -> bool:
    """Whether the spots have converged to a quarter of a pixel, apart from a small share."""
    if not (len(before) and len(after)):
        return len(before) == len(after)
    moved = int((cKDTree(after.yx).query(before.yx)[0] >= _SETTLED_PX).sum())
    return moved + abs(len(after) - len(before)) <= UNSETTLED_SHARE * len(before)
