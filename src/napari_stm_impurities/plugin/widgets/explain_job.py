"""What *Spectrum and attention* asks of the core in its thread, and what it gets: no Qt, no viewer."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from ...analysis.spectra import SurfaceSpectrum, pixel_at, spectrum_at, surface_spectrum
from ...core.errors import StmError
from ...core.progress import Progress, ShouldStop, Stopped
from ...impurities.detect import Finding
from ...impurities.explain import Attribution, Explainer, scored_pixel
from ...impurities.model import load_model
from ...prepare import choose_biases


@dataclass(frozen=True, eq=False)
class ClickedPosition:
    """Where to look.

    Attributes
    ----------
    y_nm, x_nm
        In the stack's own coordinates.
    points_nm
        Shape (n, 2): all impurities, in the same; the surface's spectrum is taken away from them.
    score
        Of the point that stands there, as its run gave it; NaN where none does.
    """

    y_nm: float
    x_nm: float
    points_nm: np.ndarray
    score: float = float("nan")


@dataclass(eq=False)
class ExplainRequest:
    """The stack that is looked at, with what is the same for all its places; the first look fills it in.

    Attributes
    ----------
    stack
        All biases of the layer; it may lie on the disk.
    finding
        The run that found the points: its model, its band and its biases are looked at. None: the shipped model, and
        the band is read off the data.
    device
        Where the shipped model runs; the fastest device when None.
    """

    stack: xr.DataArray
    finding: Finding | None
    device: str | None
    explainer: Explainer | None = None
    problem: str = ""
    surface: SurfaceSpectrum | None = None
    surface_points: np.ndarray = field(default_factory=lambda: np.full((1, 2), np.nan))


@dataclass(frozen=True, eq=False)
class ExplainResult:
    """What there is to see at a place.

    Attributes
    ----------
    place
        Where.
    spectrum
        dI/dV there, dimension (bias,).
    surface
        The same of the surface away from the points.
    reasons
        What the network makes of the place; None where it cannot tell.
    problem
        Why it cannot, in one line.
    """

    place: ClickedPosition
    spectrum: xr.DataArray
    surface: SurfaceSpectrum
    reasons: Attribution | None
    problem: str


def explain_at(
    subject: ExplainRequest, place: ClickedPosition, *, progress: Progress, should_stop: ShouldStop
) -> ExplainResult:
    """Look at a place of a stack.

    Raises
    ------
    StmError
        If the place lies outside the frame.
    Stopped
        If `should_stop` said so.
    """
    pixel_at(subject.stack, place.y_nm, place.x_nm)
    if subject.surface is None or not np.array_equal(subject.surface_points, place.points_nm):
        progress(0.0, "taking the spectrum of the surface")
        subject.surface = surface_spectrum(subject.stack, place.points_nm)
        subject.surface_points = place.points_nm
    if subject.explainer is None and not subject.problem:
        if should_stop():
            raise Stopped
        progress(0.3, "preparing the maps for the network")
        try:
            subject.explainer = _explainer(subject)
        except StmError as error:  # there is a spectrum all the same
            subject.problem = str(error)
    if should_stop():
        raise Stopped
    reasons = None
    if subject.explainer is not None:
        where = place.y_nm, place.x_nm
        if subject.finding is not None:
            where = scored_pixel(subject.finding.score, *where, place.score)
        reasons = subject.explainer.at(*where)
    spectrum = spectrum_at(subject.stack, place.y_nm, place.x_nm)
    return ExplainResult(place, spectrum, subject.surface, reasons, subject.problem)


def _explainer(subject: ExplainRequest) -> Explainer:
    finding = subject.finding
    if finding is None:
        return Explainer(subject.stack.compute(), load_model("default", subject.device))
    low_mv, high_mv = finding.score.attrs["bias_range_mv"]
    maps = choose_biases(subject.stack, low_mv, high_mv).compute()
    return Explainer(maps, finding.model, finding.dispersion)
