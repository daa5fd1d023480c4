"""Fine-tuning a model on one measured stack: points that a person has corrected, and the unlabelled rest."""

from __future__ import annotations

import os
from collections.abc import Callable
from copy import deepcopy

import numpy as np
import pandas as pd
import xarray as xr

from ...analysis.merging import review_status_of
from ...core.arguments import instance, path_of, rectangle
from ...core.errors import StmError
from ...core.files import check_file_place
from ...core.hashing import sha256_of_arrays
from ...core.progress import Progress, ShouldStop, never, silent
from ...data.geometry import Rectangle
from ...data.images import check_stack, rectangle_of
from ...data.points import positions_nm
from ...nn.device import choose_device
from ...nn.loop import run_epochs
from ...physics.dispersion import Dispersion, band_given
from ...qpi.dispersion_fit import NoRing, fit_dispersion
from ..model import Model, load_model
from ..preprocess import prepare_input
from .checkpoint import Checkpoint, EpochReport
from .fine_tune_config import Adaptation, AdaptConfig, Lineage, with_adaptation
from .forgetting import forgetting_f1
from .labelled_windows import LabelledWindows
from .task import ImpurityTask
from .unlabelled_tiles import UnlabelledStack


def adapt(
    model: str | os.PathLike[str] | Model,
    experiment: xr.DataArray,
    points: pd.DataFrame | None = None,
    region_nm: Rectangle | None = None,
    *,
    dispersion: Dispersion | str | None = None,
    config: AdaptConfig | None = None,
    path: str | os.PathLike[str] | None = None,
    resume: bool = False,
    on_epoch: Callable[[EpochReport], None] | None = None,
    device: str | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> Model:
    """Adapt a model to one stack, without forgetting what it knew.

    Each step has three parts: simulated windows, as in the training of the model; windows of the stack with the points
    that are known inside the region, turned and mirrored at random; and windows of the rest of the stack, unlabelled,
    on which the entropy of the prediction shall be low (Eq. 4, the paper's confidence loss). Without points there are
    the first and the last part. A strip of the region is held out of the second part, and tells the F1.

    The calibration is the parent's: on simulated windows the scores stay what they were.

    Parameters
    ----------
    model
        What to begin with: a shipped model's name (``"default"``), a file, or a model.
    experiment
        The measured stack; it is looked at as :func:`~napari_stm_impurities.find_impurities` looks at it.
    points
        The impurities inside the region: the model's points as a person has corrected them. A table without a row says
        that there is none. What its column ``checked`` calls rejected is none either.
    region_nm
        (y from, y to, x from, x to) in nm, in the stack's coordinates: inside it every impurity is among the points.
        The whole stack when not given.
    dispersion
        The surface band, or a material's name; read off the stack when not given.
    config
        How long, and the weights of the three parts.
    path
        Where the model file goes; a checkpoint is written beside it after each epoch. Where it is stopped before the
        first epoch is done, there is a checkpoint to go on from, and no model.
    resume
        Go on from the checkpoint beside `path`, with the settings that it holds and the same stack, points and model.
    on_epoch
        Called with each epoch's report.
    device
        ``"cpu"``, ``"cuda"``, ...; the fastest there is when not given.
    progress, should_stop
        Progress callback and cancellation check, once a step; when stopped, the model as it stands is returned.

    Returns
    -------
    Model
        A new model; :func:`~napari_stm_impurities.impurities.training.adaptation_of` returns what it came from, and the
        F1 before and after.

    Raises
    ------
    StmError
        If there is nothing to learn from; one bias only, in which no ring stands out; or what is given is not that of
        the adaptation to resume.
    ModelError
        If there is no such model, or the checkpoint is damaged.

    References
    ----------
    Wang et al. 2020: L = L_0 + alpha L_reg.

    Examples
    --------
    >>> from napari_stm_impurities.simulation.surface import SurfaceConfig, simulate_surface
    >>> surface = simulate_surface(seed=1, config=SurfaceConfig(side_px=32, frame_nm=15.0, n_biases=2))
    >>> short = AdaptConfig(epochs=1, steps_per_epoch=1, simulated_per_step=1, labelled_per_step=1)
    >>> mine = adapt("default", surface.stack, surface.points, dispersion="Au(111)", config=short, device="cpu")
    >>> mine.config.training["adaptation"]["origin"]["parent"]
    'default'
    """
    model_path = None if path is None else path_of(path, "a model file")
    if model_path is not None:
        check_file_place(model_path)
    if points is not None and not np.isfinite(positions_nm(points)).all():
        raise StmError("a point has a position that is not a finite number")
    checkpoint = Checkpoint.of_model(model_path) if resume else None
    place = choose_device(device)
    given = load_model(model, str(place))
    # a copy: a model that is handed over may be looking at another stack just now
    parent = Model(given.config, deepcopy(given.network).to(place))
    settings = _settings(checkpoint, config)
    progress(0.0, "reading the scale off the data")
    check_stack(experiment)
    band = band_given(dispersion)
    if band is None:
        try:
            band = fit_dispersion(experiment)
        except NoRing:
            if experiment.sizes["bias"] == 1:
                raise  # nothing would be found in it either
    side_px = min(prepare_input(experiment, parent.config.inputs, band).maps.shape[-2:])
    if points is not None:
        points = points[review_status_of(points) != "rejected"]
    region = _region(experiment, points, region_nm)
    measured = UnlabelledStack(experiment, settings.plan(parent, side_px), None, band, labelled_nm=region)
    labels = None
    if points is not None and region is not None:
        labels = LabelledWindows(
            measured, points, region, settings.held_out_share, settings.labelled_per_step, settings.labelled_weight
        )
    elif settings.confidence_weight == 0:
        raise StmError("without points there is nothing to learn: give points, or a confidence weight above 0")
    origin = _origin(parent, experiment, points, region, labels, settings)
    if checkpoint and checkpoint.header.origin != origin:
        raise StmError(
            "an adaptation that is taken up again needs the same model, stack, points and region, and one of them"
            " differs; give the same, or begin a new one under another name"
        )
    task = ImpurityTask(measured.plan, place, measured, labels, parent, origin=origin, keep_statistics=True)
    done: tuple[EpochReport, ...] = ()
    if checkpoint:
        task.restore(checkpoint)
        done = checkpoint.header.reports
    reports, _ = run_epochs(task, model_path, done, on_epoch, progress, should_stop)
    adapted = task.model(model_path.stem if model_path else "untitled", reports)
    if not reports:
        return adapted
    # whoever has stopped it still wants to know what it has become, and that is a matter of seconds
    facts = Adaptation(
        origin=origin,
        epochs=len(reports),
        held_out_f1=_before_and_after(labels, parent, adapted),
        simulated_f1=(forgetting_f1(parent, progress=progress), forgetting_f1(adapted, progress=progress)),
    )
    adapted = with_adaptation(adapted, facts)
    if model_path:
        adapted.save(model_path)
    return adapted


def _settings(checkpoint: Checkpoint | None, config: AdaptConfig | None) -> AdaptConfig:
    if checkpoint is None:
        return AdaptConfig() if config is None else instance(config, AdaptConfig, "the config")
    if checkpoint.header.origin is None:
        raise StmError("the checkpoint beside this file is of a training; go on with train")
    if config is not None and config != checkpoint.header.origin.settings:
        raise StmError(
            "an adaptation that is taken up again keeps its own settings, and those given differ; leave them out, or"
            " begin a new one under another name"
        )
    return checkpoint.header.origin.settings


def _region(stack: xr.DataArray, points: pd.DataFrame | None, region_nm: Rectangle | None) -> Rectangle | None:
    """Where the points are known; None without points."""
    if points is None:
        if region_nm is not None:
            raise StmError(
                "a region tells where all impurities are known, so it needs points; leave it out, or give them"
            )
        return None
    if region_nm is not None:
        return rectangle(region_nm, "the region")
    return rectangle_of(stack)


def _before_and_after(labels: LabelledWindows | None, parent: Model, adapted: Model) -> tuple[float, float] | None:
    if labels is None:
        return None
    before, after = labels.f1(parent), labels.f1(adapted)
    return None if before is None or after is None else (before, after)


def _origin(
    parent: Model,
    stack: xr.DataArray,
    points: pd.DataFrame | None,
    region: Rectangle | None,
    labels: LabelledWindows | None,
    settings: AdaptConfig,
) -> Lineage:
    return Lineage(
        parent=parent.config.name,
        parent_sha256=parent.sha256(),
        data=str(stack.attrs.get("source", stack.name)),
        data_sha256=sha256_of_arrays(stack.values, stack.bias.values, stack.y.values, stack.x.values),
        n_points=None if labels is None else labels.n_points,
        points_sha256=None if points is None else sha256_of_arrays(positions_nm(points)),
        region_nm=region,
        held_out_nm=None if labels is None else labels.held_out_nm,
        n_held_out=None if labels is None else labels.n_held_out,
        settings=settings,
    )
