"""The search: seeds, expectation-maximisation, split, merge and prune, until nothing changes any more."""

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

#: Rounds of the search, and of the weighing after it; each ends as soon as nothing changes any more.
ROUNDS = 12

#: The narrowest and the widest core, body and wings of the profile, over the starting width: the body keeps that width
#: within a factor of some 1.5, the core is narrower, the wings are wider.
_NARROWEST_PARTS, _WIDEST_PARTS = np.array([0.35, 0.6, 1.2]), np.array([0.8, 1.5, 4.0])
#: The most work of a search, in pixels of windows times iterations: so much, and more for each pixel of the map.
#: 60 spots that fill 80 x 80 pixels take a third of it, 3000 spots on 512 x 512 nearly all, which is some 15 s on one
#: core. Where single spots stand on a level ground, their number settles long before.
MOST_WORK, MOST_WORK_PER_PX = 4 * 10**7, 800

#: Of hundreds of spots, this share may still come and go when the search has settled: some always sit on the brink.
RESTLESS = 0.01

#: The signal-to-noise ratio from which a place is tried; whether it is kept, the evidence decides.
SMALLEST_RATIO = 3.5

#: With so few spots or fewer their typical width may be that of an unresolved pair: a second start is tried, as narrow
#: as each of two Gaussians that just merge into one (two standard deviations apart: 0.58 of the width of both).
_FEW_SPOTS, _NARROWER_START = 6, 0.6

#: Iterations of expectation-maximisation: from the start of a round; of the first and of the later final fits; after
#: spots were merged or pruned. EM creeps at the end, so the fit that decides gets the most; the others go on from one
#: that had nearly settled.
_ITERATIONS, _ITERATIONS_FINAL, _ITERATIONS_FINAL_AGAIN, _ITERATIONS_SIMPLIFIED = 40, 100, 20, 10

#: The last rounds end when the excess of the noise grows by less than this factor: no spot's signal-to-noise ratio then
#: falls by more than a tenth any more.
_SETTLED_EXCESS = 1.1

#: Rounds of merging and pruning after one fit; each takes spots away, and one that takes none ends them.
_SIMPLIFYING_ROUNDS = 6

#: Spots that moved by less than this, in pixels, are at the same places: a quarter of the paper's radius of a hit.
_SETTLED_PX = 0.25

#: The signal-to-noise ratio that is assumed for the second of two spots.
PAIR_RATIO = 6.0


@dataclass
class State:
    """What the search knows so far."""

    mixture: Mixture
    level: np.ndarray
    """Shape (y, x), the map without its background, in its own unit."""
    noise: float
    """The noise of one pixel."""
    bulk_excess: float = 1.0
    """The noise at the scale of a spot over what white noise would give, in the bulk of what the spots leave over."""
    dip_excess: float = 1.0
    """The same in its dips."""
    work: int = 0
    """What the fits have cost so far: pixels of all windows, times iterations."""

    @property
    def residual(self) -> np.ndarray:
        """What the spots leave over; shape (y, x)."""
        return self.level - render(self.mixture, self.level.shape)

    @property
    def pair_noise(self) -> float:
        """The noise by which one spot is told from two."""
        return self.noise * self.bulk_excess

    @property
    def spot_noise(self) -> float:
        """The noise by which a spot is told from none."""
        return self.noise * self.dip_excess


@dataclass(frozen=True)
class Found:
    """What the search found."""

    mixture: Mixture
    confidence: np.ndarray
    """Shape (k,), posterior probabilities."""
    noise_std: float
    """The noise of one pixel, in the map's unit."""
    log_evidence: float
    """Of the whole mixture, up to a constant; to compare starts."""
    sign: Literal["bright", "dark"]
    """What the spots were before they were turned upward."""


def search(
    density: Density, aspect: np.ndarray, config: ReferenceConfig, progress: Progress, should_stop: ShouldStop
) -> Found:
    """Fit the mixture, from one or two starting widths.

    With a handful of spots their typical width cannot be told from that of an unresolved pair, so a
    narrower start is tried as well, and the evidence decides.

    Raises
    ------
    Stopped
        If `should_stop` says so.
    """
    fwhm = starting_fwhm_px(density.values, density.observed, config.largest_fwhm_px)
    found = search_from(fwhm, density, aspect, config, progress, should_stop)
    if 0 < len(found.mixture) <= _FEW_SPOTS:
        other = search_from(_NARROWER_START * fwhm, density, aspect, config, progress, should_stop)
        if other.log_evidence > found.log_evidence:
            return other
    return found


def search_from(
    fwhm_px: float,
    density: Density,
    aspect: np.ndarray,
    config: ReferenceConfig,
    progress: Progress,
    should_stop: ShouldStop,
) -> Found:
    """Fit the mixture from one starting width."""
    observed = density.observed
    fwhm_px = float(np.clip(fwhm_px, NARROWEST_FWHM_PX, config.largest_fwhm_px))
    bounds = _profile_bounds(fwhm_px / FWHM_PER_STD)
    now = State(Mixture.empty(Profile.gaussian(fwhm_px), aspect), density.values, density.noise_std)
    if not now.noise > 0 or as_deep_as_high(now.level, observed, now.mixture, now.noise):
        return Found(now.mixture, np.zeros(0), now.noise, 0.0, density.sign)
    for round_ in range(ROUNDS):
        if should_stop():
            raise Stopped
        progress(round_ / (2 * ROUNDS), f"placing spots, {len(now.mixture)} so far")
        before = now.mixture
        residual = now.residual
        apart = CLOSEST * before.profile.fwhm_px
        new = new_spots(residual, observed, before, now.pair_noise, SMALLEST_RATIO, apart)
        if len(before):
            now.mixture = split(before, residual, observed, now.pair_noise, _needed(now, observed))
        now.mixture = now.mixture.plus(new)
        if not len(now.mixture):
            break
        if round_ == 0:
            _fit(now, observed, None, _ITERATIONS, should_stop)
            now.mixture = replace(now.mixture, profile=now.mixture.profile.with_core_and_wings())
        _fit(now, observed, bounds, _ITERATIONS, should_stop)
        _simplify(now, observed, bounds, config, now.pair_noise, should_stop)
        _measure_noise(now, observed)
        if _settled(before, now.mixture):
            break
    for last in range(ROUNDS):
        before, excess = now.mixture, now.dip_excess
        progress(0.5 + last / (2 * ROUNDS), f"weighing {len(now.mixture)} spots against the noise")
        _fit(now, observed, bounds, _ITERATIONS_FINAL_AGAIN if last else _ITERATIONS_FINAL, should_stop)
        _simplify(now, observed, bounds, config, now.spot_noise, should_stop)
        _measure_noise(now, observed)
        gone = len(before) - len(now.mixture)
        if abs(gone) <= RESTLESS * len(before) and now.dip_excess < _SETTLED_EXCESS * excess:
            break
    progress(1.0, f"{len(now.mixture)} spots")
    return _found(now, density, config.min_confidence)


def _found(now: State, density: Density, min_confidence: float) -> Found:
    """What there is at the end; the evidence rests on the noise before the search, the same for all starts."""
    observed, noise = density.observed, density.noise_std
    n_pixels = int(observed.sum())
    ratio = signal_to_noise(now.mixture, observed, now.spot_noise)
    confidence = posterior(ratio, now.mixture, n_pixels)
    needed = needed_gain(ratio, now.mixture, n_pixels, float(ratio.max())).sum() if len(ratio) else 0.0
    misfit = float((now.residual[observed] ** 2).sum()) / noise**2
    # the noise was measured once more since the last pruning
    kept = confidence >= min_confidence
    return Found(now.mixture.only(kept), confidence[kept], now.noise, -misfit / 2 - float(needed), density.sign)


def _profile_bounds(std: float) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of core, body and wings, around the starting width, which is good to some 20 %."""
    low = np.maximum(_NARROWEST_PARTS * std, NARROWEST_FWHM_PX / FWHM_PER_STD)
    return low, np.maximum(_WIDEST_PARTS * std, low)


def _fit(
    now: State,
    observed: np.ndarray,
    bounds: tuple[np.ndarray, np.ndarray] | None,
    iterations: int,
    should_stop: ShouldStop,
) -> None:
    """Expectation-maximisation, and then the background anew."""
    if not len(now.mixture):
        return
    now.work += iterations * len(now.mixture) * (2 * now.mixture.profile.reach_px + 1) ** 2
    if now.work > MOST_WORK + MOST_WORK_PER_PX * observed.size:
        raise StmError(
            f"{len(now.mixture)} spots are placed and more keep coming up, so this is no map of single spots on a level"
            " ground, but a lattice, a texture or a topograph; take the map of the bound states, or a part with fewer"
        )
    now.mixture = expectation_maximisation(
        now.mixture,
        now.level,
        observed,
        now.noise,
        iterations=iterations,
        std_bounds=bounds,
        should_stop=should_stop,
    )
    background = leftover_background(now.residual, observed, now.noise, now.mixture.profile.fwhm_px)
    now.level = np.where(observed, now.level - background, 0.0)


def _simplify(
    now: State,
    observed: np.ndarray,
    bounds: tuple[np.ndarray, np.ndarray],
    config: ReferenceConfig,
    noise: float,
    should_stop: ShouldStop,
) -> None:
    """Merge and prune until every component is worth its parameters."""
    for _ in range(_SIMPLIFYING_ROUNDS):
        n = len(now.mixture)
        now.mixture = merge(now.mixture, now.residual, observed, now.pair_noise, _needed(now, observed))
        if len(now.mixture) == n:
            now.mixture = prune(now.mixture, observed, noise, config.min_confidence)
        if len(now.mixture) == n:
            return
        _fit(now, observed, bounds, _ITERATIONS_SIMPLIFIED, should_stop)


def _needed(now: State, observed: np.ndarray) -> float:
    return float(needed_gain(PAIR_RATIO, now.mixture, int(observed.sum()), PAIR_RATIO))


def _measure_noise(now: State, observed: np.ndarray) -> None:
    """Measure the noise again, in what the spots leave over."""
    height = float(np.median(now.mixture.height)) if len(now.mixture) else 0.0
    residual = now.residual
    # where most pixels hold one and the same value, nothing is left over
    now.noise = max(noise_std(residual, observed), SMALLEST_NOISE * height) or now.noise
    now.bulk_excess, now.dip_excess = excess_noise(residual, observed, now.mixture, now.noise)


def _settled(before: Mixture, after: Mixture) -> bool:
    """Whether the same spots are at the same places, to a quarter of a pixel; a few never come to rest."""
    if not (len(before) and len(after)):
        return len(before) == len(after)
    moved = int((cKDTree(after.yx).query(before.yx)[0] >= _SETTLED_PX).sum())
    return moved + abs(len(after) - len(before)) <= RESTLESS * len(before)
