"""The report: one folder with all results of a stack, and with the provenance to reproduce its points."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from ..analysis.comparison import Comparison, compare
from ..analysis.edits import apply_edits, edits_between
from ..analysis.spatial_statistics import SurfaceStatistics, surface_statistics
from ..core import files
from ..core.errors import ReadError, StmError
from ..core.hashing import sha256_of_file
from ..core.progress import Progress, ShouldStop, Stopped, never, silent
from ..data.images import map_at, pixel_size_nm
from ..data.method import Result
from ..data.observation_window import ObservationWindow
from ..data.points import make_points, positions_nm
from ..data.schemas import schema_of
from ..impurities.record import MODEL_FILE
from ..io.tables import save_points
from ..io.writers import save_image
from ..plots.distances import draw_nearest_neighbours, draw_pair_correlation
from ..plots.maps import draw_overlay, draw_points
from ..plots.spectra import draw_spectra
from ..prepare.recipe import recipe_of
from ..spots import find_reference
from .provenance import InputFile, Inputs, Provenance, rounded_positions, versions_now
from .report_page import Page, page

#: Everything that a report may hold. A folder with any other file is not replaced by a new report.
PROVENANCE, PAGE, POINTS, STATISTICS = "provenance.json", "report.html", "points.csv", "statistics.json"
REFERENCE, COMPARISON, STACK, MODEL = "reference.csv", "comparison.json", "stack.nc", MODEL_FILE
MAP, OVERLAY, SPECTRA, PAIRS, NEAREST = (
    "map.png",
    "overlay.png",
    "spectra.png",
    "pair_correlation.png",
    "nearest_neighbours.png",
)
_NAMES = {PROVENANCE, PAGE, POINTS, STATISTICS, REFERENCE, COMPARISON, STACK, MODEL}
_NAMES |= {MAP, OVERLAY, SPECTRA, PAIRS, NEAREST}


@dataclass(frozen=True)
class Report:
    """A written report."""

    folder: Path
    """The folder of the report."""
    files: tuple[Path, ...]
    """All its files, the page first."""
    points: pd.DataFrame
    """The table of points."""
    statistics: SurfaceStatistics
    """The spatial statistics of the points."""
    comparison: Comparison | None
    """The comparison of the points with the reference; None without one."""
    no_reference: str
    """Why the map of the bound states gave no reference points, in one line; empty if it did or was not searched."""
    provenance: Provenance
    """The provenance of the points."""


def write_report(
    folder: str | os.PathLike[str],
    stack: xr.DataArray,
    points: pd.DataFrame,
    *,
    date: str,
    inputs: Inputs | None = None,
    finding: Result | None = None,
    threshold: float | None = None,
    reference: pd.DataFrame | None = None,
    bound_map: xr.DataArray | None = None,
    bias_mv: float = 0.0,
    seed: int = 0,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> Report:
    """Write a folder with points, figures, statistics, comparison and provenance, and one page that shows them all.

    Parameters
    ----------
    folder
        The folder of the report: a new or an empty folder, or an earlier report, which is replaced.
    stack
        The image: a stack of maps, a movie or a single one.
    points
        The final points, in the coordinates of `stack`. Those whose column ``checked`` is rejected are left
        out; every further column is kept.
    date
        The date, ISO 8601.
    inputs
        The files that the stack was read from. Where they do not reproduce this stack with the recipe in its
        attributes, or there are none, the stack is saved in the folder.
    finding
        The run that found the points; without one all points count as set by hand.
    threshold
        The final threshold of the confidence; that of the run when not given.
    reference
        A table of reference points: it is compared with, and drawn.
    bound_map
        The map of the bound states, one bias: the reference is drawn on it, and is found on it where none is given.
        Where :func:`~napari_stm_impurities.find_reference` refuses it, the report is written without a reference and
        states why.
    bias_mv
        The map of a stack that is drawn: the one of the nearest bias.
    seed
        Of the random placements for the statistics.
    progress, should_stop
        Progress callback and cancellation check; see :mod:`napari_stm_impurities.core.progress`.

    Returns
    -------
    Report
        The written report.

    Raises
    ------
    StmError
        If the stack is no image, or the folder cannot be written or holds anything that is not of a report.
    Stopped
        If `should_stop` returned true; nothing is left then, and an earlier report stays.
    """
    schema_of(stack).validate(stack)

    def step(share: float, what: str) -> None:
        if should_stop():
            raise Stopped
        progress(share, what)

    final_threshold = 0.0 if finding is None else finding.threshold if threshold is None else threshold
    found = make_points([], (1.0, 1.0), source="manual") if finding is None else finding.points
    if finding is not None:
        found = found[found["confidence"] >= final_threshold].reset_index(drop=True)
    edits = edits_between(found, points)
    final = apply_edits(found, edits)
    with files.folder_written_whole(folder, "report", is_report) as temporary:
        step(0.0, "reading the files again")
        final_inputs = (
            _inputs(stack, inputs, temporary, should_stop) if finding is not None else inputs or Inputs(files=())
        )
        run = None if finding is None else finding.recorded(temporary, final_threshold)
        provenance = Provenance(
            date=date,
            inputs=final_inputs.model_copy(update={"history": tuple(stack.attrs.get("history", ()))}),
            run=run,
            edits=edits,
            points_nm=rounded_positions(final),
            seed=seed,
            versions=versions_now(),
        )
        provenance.save(temporary / PROVENANCE)
        save_points(final, temporary / POINTS)
        statistics = surface_statistics(
            final,
            stack,
            seed=seed,
            progress=lambda share, what: progress(0.2 + 0.3 * share, what),
            should_stop=should_stop,
        )
        statistics.to_json(temporary / STATISTICS)
        no_reference = ""
        if reference is None and bound_map is not None:
            step(0.5, "finding the reference on the map of the bound states")
            try:
                reference = find_reference(bound_map, should_stop=should_stop)
            except StmError as error:
                no_reference = f"no reference points on the map of the bound states: {error}"
        comparison = None
        if reference is not None:
            comparison = compare(final, reference, pixel_size_nm=pixel_size_nm(stack), frame=stack)
            comparison.to_json(temporary / COMPARISON)
            save_points(reference, temporary / REFERENCE)
        step(0.7, "drawing")
        draw_points(stack, final, temporary / MAP, bias_mv=bias_mv)
        if reference is not None:
            background = map_at(stack, bias_mv) if bound_map is None else bound_map
            draw_overlay(background, final, reference, temporary / OVERLAY, comparison=comparison)
        if stack.sizes.get("bias", 1) > 1 and ObservationWindow.of(stack).contains(positions_nm(final)).any():
            draw_spectra(stack, final, temporary / SPECTRA)
        if statistics.n_points > 1:
            draw_pair_correlation(statistics, temporary / PAIRS)
            draw_nearest_neighbours(statistics, temporary / NEAREST)
        step(0.95, "writing the page")
        text = page(Page(stack, statistics, comparison, no_reference, provenance, pictures=_pictures(temporary)))
        (temporary / PAGE).write_text(text, encoding="utf-8")
        names = sorted((path.name for path in temporary.iterdir()), key=lambda name: (name != PAGE, name))
    progress(1.0, "done")
    written = tuple(Path(folder) / name for name in names)
    return Report(Path(folder), written, final, statistics, comparison, no_reference, provenance)


def check_place(folder: str | os.PathLike[str]) -> None:
    """Check, before any work is done, that a report can be written to a folder.

    Raises
    ------
    StmError
        If the folder above does not exist, or the folder holds anything that is not of a report.
    """
    files.check_place(Path(folder), "report", is_report)


def is_report(folder: Path) -> bool:
    """Whether a folder is empty, or holds an earlier report and nothing else."""
    names = {path.name for path in folder.iterdir()}
    if not names:
        return True
    if not (PROVENANCE in names and names <= _NAMES):
        return False
    try:
        Provenance.load(folder / PROVENANCE)
    except ReadError:
        return False
    return True


def _pictures(folder: Path) -> dict[str, Path]:
    """The existing pictures by their captions, in the order of the page."""
    captions = {
        MAP: "The points on the map",
        OVERLAY: "The points over the reference",
        SPECTRA: "Spectra on the impurities and away from them",
        PAIRS: "Pair correlation",
        NEAREST: "Nearest neighbours",
    }
    return {caption: folder / name for name, caption in captions.items() if (folder / name).is_file()}


def _inputs(stack: xr.DataArray, inputs: Inputs | None, folder: Path, should_stop: ShouldStop) -> Inputs:
    """The inputs that reproduce this stack: the files with the stack's recipe, else the saved stack."""
    if inputs is not None:
        paths = [file.path for file in inputs.files]
        try:
            raw = inputs.read(paths, should_stop=should_stop)
            if same_maps(raw, stack):
                return inputs
            # the steps that a file saved after a preparation contains are applied already
            recipe = tuple(recipe_of(stack)[len(recipe_of(raw)) :])
            prepared = inputs.model_copy(update={"recipe": recipe})
            if recipe and same_maps(prepared.read(paths, should_stop=should_stop), stack):
                return prepared
        except StmError:
            pass  # the files are missing or cannot be prepared alike, so the maps themselves are saved
    path = save_image(stack, folder / STACK)
    came_from = () if inputs is None else inputs.files
    return Inputs(files=(InputFile(path=STACK, sha256=sha256_of_file(path)),), came_from=came_from)


def same_maps(first: xr.DataArray, second: xr.DataArray) -> bool:
    """Whether two images hold the same values at the same biases or times, on the same pixels."""
    return (
        first.dims == second.dims
        and first.shape == second.shape
        and all(np.array_equal(first[axis].values, second[axis].values) for axis in first.dims[:-2])
        and bool(np.allclose(pixel_size_nm(first), pixel_size_nm(second), rtol=1e-9))
        and np.array_equal(first.values, second.values, equal_nan=True)
    )
