"""The complete workflow on a simulated Au(111) surface, through files: simulate, write, read, find, reference, compare.

The surface is the paper's: 80 x 80 pixels over 37.5 nm, 126 maps from -230 to +20 mV, and the map of the
bound states at -520 mV. The points found are compared with two references: the points that
expectation-maximisation finds on that map, as in the paper, and the true positions, which only a
simulation has.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..analysis.comparison import Comparison, compare
from ..core.arguments import path_of, seed_of
from ..core.errors import StmError
from ..core.files import written_whole
from ..core.progress import Progress, ShouldStop, Stopped, never, silent
from ..data.images import pixel_size_nm
from ..impurities.detect import find_impurities
from ..io.readers import read_stack
from ..io.tables import save_points
from ..io.writers import write_nanonis_grid
from ..plots.maps import draw_overlay
from ..simulation.surface import simulate_surface
from ..spots import find_reference

#: The files of the demo, in the order in which they are made.
GRID, BOUND_STATES, TRUTH = "grid.3ds", "bound_states.3ds", "truth.csv"
POINTS, REFERENCE, SUMMARY, FIGURE = "points.csv", "reference.csv", "comparison.csv", "prediction_over_reference.png"


@dataclass(frozen=True)
class Demo:
    """The results of the demo."""

    points: pd.DataFrame
    """The points found by the model."""
    reference: pd.DataFrame
    """The reference points, found by expectation-maximisation on the bound-state map."""
    truth: pd.DataFrame
    """The true positions of the impurities."""
    against_reference: Comparison
    """The found points against the reference points."""
    against_truth: Comparison
    """The found points against the true positions."""
    reference_against_truth: Comparison
    """The reference points against the true positions: how good the reference itself is."""
    seconds: dict[str, float]
    """The duration of each step, in s."""
    files: tuple[Path, ...]
    """Everything that was written."""


def run_demo(
    folder: str | os.PathLike[str],
    *,
    seed: int = 0,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> Demo:
    """Run the complete workflow once, and write its tables and its figure into one folder.

    Parameters
    ----------
    folder
        The folder of the results, created when missing. Files of an earlier demo there are replaced.
    seed
        The same seed gives the same surface.
    progress, should_stop
        Progress callback and cancellation check; see :mod:`napari_stm_impurities.core.progress`.

    Returns
    -------
    Demo
        The tables, the comparisons, and where the files are.

    Raises
    ------
    StmError
        If the folder cannot be made or written to.
    Stopped
        If `should_stop` returned true.
    """
    folder, seed = path_of(folder, "a folder"), seed_of(seed)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StmError(f"{folder}: cannot be made ({error.strerror}); name a folder for the results") from None
    seconds: dict[str, float] = {}

    @contextmanager
    def step(number: int, name: str) -> Iterator[Progress]:
        if should_stop():
            raise Stopped
        began = time.perf_counter()
        progress(number / 6, name)
        yield lambda share, what: progress((number + share) / 6, f"{name}: {what}")
        seconds[name] = time.perf_counter() - began

    with step(0, "simulate") as report:
        surface = simulate_surface("Au(111)", seed, progress=report, should_stop=should_stop)
    with step(1, "write"):
        write_nanonis_grid(surface.stack, folder / GRID)
        write_nanonis_grid(surface.bound_state_map, folder / BOUND_STATES)
        save_points(surface.points, folder / TRUTH)
    with step(2, "read"):
        stack = read_stack(folder / GRID)
        bound_states = read_stack(folder / BOUND_STATES)
    with step(3, "find") as report:
        points = find_impurities(stack, progress=report, should_stop=should_stop)
        save_points(points, folder / POINTS)
    with step(4, "reference") as report:
        reference = find_reference(bound_states, progress=report, should_stop=should_stop)
        save_points(reference, folder / REFERENCE)
    with step(5, "compare"):
        size = pixel_size_nm(stack)
        against_reference = compare(points, reference, pixel_size_nm=size, frame=stack)
        against_truth = compare(points, surface.points, pixel_size_nm=size, frame=stack)
        reference_against_truth = compare(reference, surface.points, pixel_size_nm=size, frame=stack)
        named = {
            "found against reference": against_reference,
            "found against truth": against_truth,
            "reference against truth": reference_against_truth,
        }
        with written_whole(folder / SUMMARY) as temporary:
            comparison_figures(named).to_csv(temporary, index=False)
        draw_overlay(bound_states, points, reference, folder / FIGURE, comparison=against_reference)
    progress(1.0, "done")
    names = (GRID, BOUND_STATES, TRUTH, POINTS, REFERENCE, SUMMARY, FIGURE)
    return Demo(
        points=points,
        reference=reference,
        truth=surface.points,
        against_reference=against_reference,
        against_truth=against_truth,
        reference_against_truth=reference_against_truth,
        seconds=seconds,
        files=tuple(folder / name for name in names),
    )


def comparison_figures(comparisons: dict[str, Comparison]) -> pd.DataFrame:
    """The figures of several comparisons as one table, a row each, named by their key."""
    columns = (
        "n_points",
        "n_reference",
        "recall",
        "precision",
        "f1",
        "rms_distance_nm",
        "reference_ratio",
        "chance_ratio",
    )
    rows = [{"what": name, **{c: getattr(report, c) for c in columns}} for name, report in comparisons.items()]
    return pd.DataFrame(rows, columns=["what", *columns])
