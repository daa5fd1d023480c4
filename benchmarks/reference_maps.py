"""How well find_reference does on simulated bound-state maps; the tables of docs/reference-finding.md.

    OMP_NUM_THREADS=1 python benchmarks/reference_maps.py --seeds 5 --first 10000

takes some minutes on one core. Every map has 80 x 80 pixels, heights spread evenly from 0.5 to 1.5, a background and a
tilt; noise is given in mean heights, a hit lies within one pixel of the truth.

The constants of the search were set on maps of this simulator: seeds 0 to 3, 500 to 505, 1000 to 1003 and 2000 to 2039,
two of them after a look at 7000 to 7004 and 8000 to 8004. Judge it on others.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_stm_impurities.analysis.comparison import compare
from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.spots import find_reference

Map = tuple[np.ndarray, np.ndarray]


def bound_state_map(
    rng: np.random.Generator,
    n: int,
    fwhm_px: float,
    *,
    noise: float = 0.15,
    side: int = 80,
    kind: str = "gaussian",
    heights: tuple[float, float] = (0.5, 1.5),
    apart_px: float | None = None,
    width_spread: float = 0.0,
    at: np.ndarray | None = None,
) -> Map:
    """A map (y, x) and its true positions (n, 2); spots lie one width apart or more unless said otherwise."""
    if at is None:
        apart = fwhm_px if apart_px is None else apart_px
        kept: list[np.ndarray] = []
        for _ in range(100_000):
            if len(kept) == n:
                break
            new = rng.uniform(0, side - 1, 2)
            if all(np.hypot(*(new - old)) >= apart for old in kept):
                kept.append(new)
        at = np.array(kept).reshape(-1, 2)
    height = rng.uniform(*heights, len(at))
    y, x = np.mgrid[:side, :side]
    values = 3.0 + 0.004 * y - 0.006 * x + rng.normal(0, noise * height.mean(), (side, side))
    for (row, column), h in zip(at, height, strict=True):
        r = np.hypot(y - row, x - column) / (fwhm_px * np.exp(width_spread * rng.standard_normal()))
        shape = {"gaussian": np.exp2(-4 * r**2), "exponential": np.exp2(-2 * r), "Lorentzian": 1 / (1 + 4 * r**2)}
        values += h * shape[kind]
    return values, at


def pairs(rng: np.random.Generator, fwhm_px: float, apart_px: float, *, noise: float = 0.15, n: int = 15) -> Map:
    """A map of `n` pairs of equal spots, each pair turned at random."""
    middle = np.mgrid[8:78:16, 8:78:16].reshape(2, -1).T[:n] + rng.uniform(-2, 2, (n, 2))
    angle = rng.uniform(0, np.pi, n)
    shift = np.stack([np.sin(angle), np.cos(angle)], axis=1) * apart_px / 2
    at = np.concatenate([middle + shift, middle - shift])
    return bound_state_map(rng, 0, fwhm_px, noise=noise, heights=(1.0, 1.0), at=at)


@dataclass
class Score:
    """Recall and precision over all maps, the worst of any map, and seconds a map."""

    hits: int = 0
    found: int = 0
    true: int = 0
    worst: float = 1.0
    seconds: float = 0.0

    def __str__(self) -> str:
        recall, precision = self.hits / max(self.true, 1), self.hits / max(self.found, 1)
        return f"{recall:.3f} | {precision:.3f} | {self.worst:.2f} | {self.seconds:.2f} |"


def score(make: Callable[[np.random.Generator], Map], seeds: Iterable[int]) -> Score:
    """Find the spots of one map a seed."""
    out, n = Score(), 0
    for seed in seeds:
        values, at = make(np.random.default_rng(seed))
        began = time.process_time()
        report = compare(find_reference(values, 1.0), at, 1.0)
        out.seconds += time.process_time() - began
        out.hits += len(report.pairs)
        out.found += report.n_points
        out.true += report.n_reference
        out.worst = min(out.worst, report.recall, report.precision)
        n += 1
    out.seconds /= n
    return out


def heading(title: str, *names: str) -> None:
    """A table's head."""
    columns = [*names, "recall", "precision", "worst map", "s a map (one core)"]
    print(f"\n{title}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)


def shapes(seeds: range) -> None:
    """Widths, densities and shapes at the noise of the specification."""
    heading("Width, number and shape; noise 0.15", "shape", "FWHM (px)", "spots")
    for kind in ("gaussian", "exponential", "Lorentzian"):
        for fwhm in (1.5, 2.0, 3.0, 4.0, 6.0):
            for n in (15, 30, 60):
                done = score(lambda rng, k=kind, f=fwhm, m=n: bound_state_map(rng, m, f, kind=k), seeds)
                print(f"| {kind} | {fwhm:g} | {n} | {done}", flush=True)


def noises(seeds: range) -> None:
    """Noise from 0 to 30 %."""
    heading("Noise; 40 Gaussian spots", "FWHM (px)", "noise")
    for fwhm in (2.0, 3.0, 4.0):
        for noise in (0.0, 0.05, 0.1, 0.15, 0.2, 0.3):
            done = score(lambda rng, f=fwhm, s=noise: bound_state_map(rng, 40, f, noise=s), seeds)
            print(f"| {fwhm:g} | {noise:g} | {done}", flush=True)


def close_ones(seeds: range) -> None:
    """What lies near one another, and what has other widths and heights."""
    heading("Near neighbours, other widths and heights; noise 0.15 unless said", "map")
    y, x = np.mgrid[:80, :80]
    cases: dict[str, Callable[[np.random.Generator], Map]] = {
        "15 pairs 2 px apart, FWHM 2 px": lambda rng: pairs(rng, 2, 2),
        "15 pairs 3 px apart, FWHM 3 px": lambda rng: pairs(rng, 3, 3),
        "15 pairs 2 px apart, FWHM 3 px": lambda rng: pairs(rng, 3, 2),
        "one pair alone, 2 px apart, FWHM 2 px": lambda rng: pairs(rng, 2, 2, n=1),
        "the same, noise 0.05": lambda rng: pairs(rng, 2, 2, n=1, noise=0.05),
        "40 anywhere, FWHM 2 px": lambda rng: bound_state_map(rng, 40, 2, apart_px=0),
        "40 anywhere, FWHM 4 px": lambda rng: bound_state_map(rng, 40, 4, apart_px=0),
        "widths scatter by 15 %, FWHM 3 px": lambda rng: bound_state_map(rng, 40, 3, width_spread=0.15),
        "widths scatter by 25 %, FWHM 4 px": lambda rng: bound_state_map(rng, 40, 4, width_spread=0.25),
        "heights 0.2 to 2, FWHM 3 px": lambda rng: bound_state_map(rng, 40, 3, heights=(0.2, 2)),
        "one spot, FWHM 3 px": lambda rng: bound_state_map(rng, 1, 3, heights=(1, 1)),
    }

    def spoiled(extra: Callable[[np.random.Generator], np.ndarray]) -> Callable[[np.random.Generator], Map]:
        def make(rng: np.random.Generator) -> Map:
            values, at = bound_state_map(rng, 40, 3)
            return values + extra(rng), at

        return make

    cases |= {
        "strong tilt (8 heights)": spoiled(lambda rng: 0.1 * y + 0.05 * x),
        "bowl (3 heights)": spoiled(lambda rng: 3 * ((x - 40) / 40) ** 2),
        "lines jump by 0.15": spoiled(lambda rng: rng.normal(0, 0.15, (80, 1))),
        "ripples of 0.2, period 13 px": spoiled(lambda rng: 0.2 * np.sin(x / 2)),
    }
    for name, make in cases.items():
        print(f"| {name} | {score(make, seeds)}", flush=True)


def false_alarms(seeds: range) -> None:
    """What is found in maps that hold nothing."""
    columns = ["noise", "maps", "refused", "maps with a find", "finds"]
    print(f"\nMaps without any spot, 80 x 80\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    kinds: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
        "white, Gaussian": lambda rng: rng.normal(size=(80, 80)),
        "white, uniform": lambda rng: rng.uniform(size=(80, 80)),
        "smooth, 1 px": lambda rng: gaussian_filter(rng.normal(size=(80, 80)), 1),
        "smooth, 2 px": lambda rng: gaussian_filter(rng.normal(size=(80, 80)), 2),
        "white and lines that jump": lambda rng: rng.normal(size=(80, 80)) + rng.normal(size=(80, 1)),
        "skew (exponential)": lambda rng: rng.exponential(size=(80, 80)),
    }
    for name, make in kinds.items():
        n_maps = (50 if name == "white, Gaussian" else 3) * len(seeds)
        finds = []
        for k in range(n_maps):
            with suppress(StmError):  # no map of single spots
                finds.append(len(find_reference(make(np.random.default_rng(seeds[0] + k)), 1.0)))
        refused = n_maps - len(finds)
        print(f"| {name} | {n_maps} | {refused} | {sum(n > 0 for n in finds)} | {sum(finds)} |", flush=True)


def confidences(seeds: range) -> None:
    """Whether the confidence is the share of true spots."""
    said, right = [], []
    for fwhm in (1.5, 2.0, 3.0, 4.0):
        for n in (15, 40, 60):
            for seed in seeds:
                values, at = bound_state_map(np.random.default_rng(seed + 5000), n, fwhm)
                table = find_reference(values, 1.0)
                hit = np.zeros(len(table), dtype=bool)
                hit[compare(table, at, 1.0).pairs["point"]] = True
                said.append(table["confidence"].to_numpy())
                right.append(hit)
    confidence, truth = np.concatenate(said), np.concatenate(right)
    print("\nConfidence\n\n| from | to | points | mean | share of true spots |\n|---|---|---|---|---|")
    for low, high in ((0.5, 0.7), (0.7, 0.9), (0.9, 0.97), (0.97, 1.0)):
        inside = (confidence >= low) & (confidence < high if high < 1 else confidence <= 1)
        mean, share = (f"{v[inside].mean():.2f}" if inside.any() else "-" for v in (confidence, truth))
        print(f"| {low:g} | {high:g} | {inside.sum()} | {mean} | {share} |", flush=True)


def sizes() -> None:
    """Larger maps."""
    heading("Larger maps; FWHM 3 px, noise 0.15", "side (px)", "spots")
    for side, n in ((80, 30), (256, 200), (512, 800)):
        done = score(lambda rng, s=side, m=n: bound_state_map(rng, m, 3, side=s), range(10000, 10001))
        print(f"| {side} | {n} | {done}", flush=True)


def main() -> None:
    """Print all tables, as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="maps a line")
    parser.add_argument("--first", type=int, default=10000, help="the first seed")
    arguments = parser.parse_args()
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    # the first call imports what later ones have at hand
    find_reference(np.random.default_rng(0).normal(size=(16, 16)), 1.0)
    shapes(seeds)
    noises(seeds)
    close_ones(seeds)
    false_alarms(seeds)
    confidences(seeds)
    sizes()


if __name__ == "__main__":
    main()
