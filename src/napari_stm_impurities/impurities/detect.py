"""Finding impurities: the whole way from a stack to the table of points."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from ..core.arguments import number
from ..core.progress import Progress, ShouldStop, never, silent
from ..data.images import as_stack, check_stack
from ..data.images import pixel_size_nm as pixel_size_of
from ..data.masks import exclude
from ..data.points import make_points
from ..physics.dispersion import Dispersion
from .model import Model, ModelConfig, load_model
from .peaks import MERGE_PX, find_peaks
from .preprocess import ModelInput, prepare_input
from .record import ImpurityRun, model_sha256, named_or_saved
from .second_pass import second_confidence
from .surface_band import band_of
from .tiles import ScoreField, score_view

#: Two points nearer than this are one impurity. On the close-packed metals the next site of the same kind is 0.26 nm
#: (Cu) to 0.29 nm (Ag, Au) away, and adsorbates keep to the second next, sqrt(3) times as far, 0.44 nm on Cu(111); this
#: lies halfway.
LEAST_DISTANCE_NM = 0.35


class FindingWarning(UserWarning):
    """Something that a person should know about a result before trusting it."""


@dataclass(frozen=True)
class Finding:
    """What was found in a stack, and on what it rests.

    Attributes
    ----------
    points
        The table of points at or above the threshold, the most confident first.
    score
        The S layer, dimensions (y, x), coordinates in nm; `attrs` tell the `bias_range_mv` that was searched.
    attention
        Which biases mattered: the weights of Eq. 1, dimensions (bias, asked_bias) in mV, the mean over the
        image. A row says how much that map asks each map, and sums to 1.
    dispersion
        The band that set the scale; None where none could be read off the data.
    threshold
        The confidence from which on a point was counted.
    notes
        One sentence each on what a person should know about this result.
    model
        What found it.
    tile_px
        Side of the tiles that was asked for; None where the model's own was taken.
    structure
        The probability of each pixel to lie on structure that is no impurity (a step edge, a wall, an object),
        dimensions (y, x); None where the model does not know structure.
    second_pass
        Whether the confidence rests on the common pattern of the points too.
    """

    points: pd.DataFrame
    score: xr.DataArray
    attention: xr.DataArray
    dispersion: Dispersion | None
    threshold: float
    notes: tuple[str, ...]
    model: Model
    tile_px: int | None = None
    structure: xr.DataArray | None = None
    second_pass: bool = True
    kind: ClassVar[str] = "impurities"

    @property
    def maps(self) -> dict[str, xr.DataArray]:
        """The score map, and the map of structure where the model gives one."""
        return {"score": self.score} | ({} if self.structure is None else {"structure": self.structure})

    @property
    def default_threshold(self) -> float:
        """The model's own threshold."""
        return self.model.threshold

    @property
    def device(self) -> str:
        """The device that the model is on."""
        return str(self.model.device)

    @property
    def confidence_basis(self) -> ModelConfig:
        """The model's configuration: two models with the same one mean the same by a confidence."""
        return self.model.config

    def recorded(self, folder: Path, threshold: float) -> ImpurityRun:
        """The record of the run, its points counted from `threshold` on; a model of one's own is saved in `folder`."""
        return ImpurityRun.of(
            model=self.model.config.name,
            model_file=named_or_saved(self.model, folder),
            model_sha256=model_sha256(self.model),
            dispersion=self.dispersion,
            threshold=threshold,
            tile_px=self.tile_px,
            second_pass=self.second_pass,
            device=self.device,
            notes=self.notes,
        )


def find(
    stack: xr.DataArray | ArrayLike,
    model: str | os.PathLike[str] | Model = "default",
    dispersion: Dispersion | str | None = None,
    threshold: float | None = None,
    *,
    bias_mv: ArrayLike | None = None,
    pixel_size_nm: float | Sequence[float] | None = None,
    mask: ArrayLike | None = None,
    second_pass: bool = True,
    tile_px: int | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> Finding:
    """Find impurities, and keep the score map and what the result rests on.

    Parameters are those of :func:`find_impurities`.
    """
    maps = check_stack(as_stack(stack, bias_mv, pixel_size_nm))
    if mask is not None:
        maps = exclude(maps, mask)
    loaded = load_model(model)
    least = number(loaded.threshold if threshold is None else threshold, "the threshold", least=0, most=1)
    progress(0.0, "reading the scale off the data")
    band, notes = band_of(maps, dispersion)
    notes = (*(f"assumed {text}" for text in maps.attrs.get("assumptions", ())), *notes)
    view = prepare_input(maps, loaded.config.inputs, band)
    field = score_view(loaded, view, tile_px, progress=progress, should_stop=should_stop)
    progress(1.0, "scoring the points by their common pattern" if second_pass else "collecting the points")
    points = _points(field, view, loaded, maps, second_pass)
    points = points[points["confidence"] >= least].reset_index(drop=True)
    if loaded.config.calibration.f1 is None:
        notes = (*notes, "the model's confidence was never calibrated; do not read it as a probability")
    score = _layer(field.score, "score", view, loaded, maps)
    structure = None if field.structure is None else _layer(field.structure, "structure", view, loaded, maps)
    attention = _attention(field, view)
    return Finding(points, score, attention, band, least, notes, loaded, tile_px, structure, second_pass)


def find_impurities(
    stack: xr.DataArray | ArrayLike,
    model: str | os.PathLike[str] | Model = "default",
    dispersion: Dispersion | str | None = None,
    threshold: float | None = None,
    *,
    bias_mv: ArrayLike | None = None,
    pixel_size_nm: float | Sequence[float] | None = None,
    mask: ArrayLike | None = None,
    second_pass: bool = True,
    tile_px: int | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> pd.DataFrame:
    """Find the impurities in a stack.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x), or a bare array of that shape with `bias_mv` and `pixel_size_nm`.
    model
        A shipped model's name (``"default"``), a file, or a model.
    dispersion
        The surface band, or a material's name; read off the data when not given.
    threshold
        The least confidence, 0 to 1; the model's own when not given.
    bias_mv, pixel_size_nm
        For a bare array: one bias a map in mV, and the pixel size in nm.
    mask
        Shape (y, x): pixels to leave out, true or any label but 0; they count as not measured.
    second_pass
        Whether the pattern that the confident points have in common scores all points once more.
    tile_px
        Side of the tiles; 0 takes the whole image at once. The model's own when not given.
    progress, should_stop
        Progress callback and cancellation check (:mod:`napari_stm_impurities.core.progress`).

    Returns
    -------
    pandas.DataFrame
        The table of points, the most confident first; positions on the stack's own pixels and in nm.

    Raises
    ------
    StmError
        If there is nothing to look at: too small, constant, or not a number anywhere; or fewer than four biases, in
        which no ring stands out.
    Stopped
        If `should_stop` said so.

    Warns
    -----
    FindingWarning
        If no ring stands out in the Fourier transforms and no dispersion was given, so that the pixels were
        taken as they are; if a dispersion was given and none of its ripples stand out; or if the model was never
        calibrated.

    Examples
    --------
    >>> from napari_stm_impurities.simulation.surface import simulate_surface
    >>> surface = simulate_surface(seed=1)
    >>> points = find_impurities(surface.stack)
    >>> list(points.columns)[:7]
    ['y_nm', 'x_nm', 'y_px', 'x_px', 'score', 'confidence', 'source']
    >>> list(points.columns)[7:]
    ['amplitude', 'amplitude_sigma', 'structure']

    References
    ----------
    Wang et al. 2020: local maxima of the S layer are the impurities.
    """
    finding = find(
        stack,
        model,
        dispersion,
        threshold,
        bias_mv=bias_mv,
        pixel_size_nm=pixel_size_nm,
        mask=mask,
        second_pass=second_pass,
        tile_px=tile_px,
        progress=progress,
        should_stop=should_stop,
    )
    _warn(finding)
    return finding.points


def score_map(
    stack: xr.DataArray | ArrayLike,
    model: str | os.PathLike[str] | Model = "default",
    dispersion: Dispersion | str | None = None,
    *,
    bias_mv: ArrayLike | None = None,
    pixel_size_nm: float | Sequence[float] | None = None,
    mask: ArrayLike | None = None,
    tile_px: int | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> xr.DataArray:
    """The S layer of a stack, stitched from its tiles; parameters as for :func:`find_impurities`.

    Returns
    -------
    xarray.DataArray
        Dimensions (y, x), coordinates in nm; on the model's own pixels where it had to resample.

    Warns
    -----
    FindingWarning
        As :func:`find_impurities` does.
    """
    finding = find(
        stack,
        model,
        dispersion,
        bias_mv=bias_mv,
        pixel_size_nm=pixel_size_nm,
        mask=mask,
        second_pass=False,
        tile_px=tile_px,
        progress=progress,
        should_stop=should_stop,
    )
    _warn(finding)
    return finding.score


def _warn(finding: Finding) -> None:
    """Issue the notes of a :class:`Finding` as warnings."""
    for note in finding.notes:
        warnings.warn(note, FindingWarning, stacklevel=3)


def _points(field: ScoreField, view: ModelInput, model: Model, stack: xr.DataArray, second_pass: bool) -> pd.DataFrame:
    merge_px = max(MERGE_PX, LEAST_DISTANCE_NM / min(view.pixel_size_nm))
    yx, score = find_peaks(field.score, field.offsets_px, view.measured, merge_px)
    confidence, amplitude = model.config.calibration.confidence(score), None
    regression = model.config.calibration.second_pass
    if second_pass and regression is not None:
        confidence, amplitude = second_confidence(regression, view, yx, confidence, model.threshold)
    own = np.array(pixel_size_of(stack))
    yx_own = yx * np.array(view.pixel_size_nm) / own
    last = np.array([stack.sizes["y"], stack.sizes["x"]]) - 0.5
    points = make_points(
        np.clip(yx_own, -0.5, last),
        (own[0], own[1]),
        source="model",
        score=score,
        confidence=confidence,
    )
    if amplitude is not None:
        points = points.assign(amplitude=amplitude.value, amplitude_sigma=amplitude.sigma)
    if field.structure is not None:
        row, column = np.clip(np.rint(yx).astype(np.intp), 0, np.array(field.structure.shape) - 1).T
        points = points.assign(structure=field.structure[row, column].astype(np.float64))
    # a stack that was cut out of a larger one keeps the larger one's coordinates
    origin = float(stack.y.values[0]), float(stack.x.values[0])
    points = points.assign(y_nm=points["y_nm"] + origin[0], x_nm=points["x_nm"] + origin[1])
    return points.sort_values("confidence", ascending=False, kind="stable").reset_index(drop=True)


def _attention(field: ScoreField, view: ModelInput) -> xr.DataArray:
    return xr.DataArray(
        field.attention,
        dims=("bias", "asked_bias"),
        coords={name: (name, view.bias_mv, {"units": "mV"}) for name in ("bias", "asked_bias")},
        name="attention",
    )


def _layer(values: np.ndarray, name: str, view: ModelInput, model: Model, stack: xr.DataArray) -> xr.DataArray:
    size_y, size_x = view.pixel_size_nm
    height, width = values.shape
    return xr.DataArray(
        values,
        dims=("y", "x"),
        coords={
            "y": ("y", float(stack.y.values[0]) + np.arange(height) * size_y, {"units": "nm"}),
            "x": ("x", float(stack.x.values[0]) + np.arange(width) * size_x, {"units": "nm"}),
        },
        name=name,
        attrs={
            "model": model.config.name,
            "pixel_size_nm": [size_y, size_x],
            "bias_range_mv": [float(bias) for bias in stack.bias.values[[0, -1]]],
        },
    )
