"""Training a model of impurities from its beginning, or on from a checkpoint."""

from __future__ import annotations

import os
from collections.abc import Callable

import pandas as pd
import xarray as xr

from ...core.arguments import instance, path_of
from ...core.errors import StmError
from ...core.files import check_file_place
from ...core.progress import Progress, ShouldStop, never, silent
from ...nn.device import choose_device
from ...nn.distributed import is_first, process_group, stop_of_any_process
from ...nn.loop import run_epochs
from ...physics.dispersion import Dispersion, band_given
from ..model import Model
from .calibration import calibrate
from .checkpoint import Checkpoint, EpochReport
from .config import TrainingConfig
from .task import ImpurityTask
from .unlabelled_tiles import UnlabelledStack

#: Held-out windows for the calibration of a finished training, and of one that was stopped.
_CALIBRATION_WINDOWS = 320
_CALIBRATION_WINDOWS_STOPPED = 64


def train(
    preset: str = "default",
    experiment: xr.DataArray | None = None,
    *,
    reference: pd.DataFrame | None = None,
    dispersion: Dispersion | str | None = None,
    config: TrainingConfig | None = None,
    start: Model | None = None,
    path: str | os.PathLike[str] | None = None,
    resume: bool = False,
    on_epoch: Callable[[EpochReport], None] | None = None,
    device: str | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> Model:
    """Train a model, on several processes where torchrun started them.

    Each process draws windows of its own, `config.batch_size` a step; the first one writes, reports and calibrates. A
    checkpoint can be taken up by any number of processes.

    Parameters
    ----------
    preset
        ``"default"``, or ``"wang2020"`` for the paper's method.
    experiment
        A measured stack without labels. Where `config.confidence_weight` is above 0, the entropy of the
        prediction on its tiles is added to the loss at every step (Eq. 4).
    reference
        Points known in the experiment; they are never trained on, and only serve the paper's ratio.
    dispersion
        The experiment's surface band, or a material's name, which sets its scale; read off its maps when not given.
    config
        The whole training; it takes the place of the preset.
    start
        A model to begin with, in place of random weights; its network and inputs take the place of the plan's.
    path
        Where the model file goes; a checkpoint is written beside it after each epoch. Where the training is stopped
        before the first epoch is done, there is a checkpoint to go on from, and no model.
    resume
        Go on from the checkpoint beside `path`, with the configuration that it holds.
    on_epoch
        Called with each epoch's report.
    device
        ``"cpu"``, ``"cuda"``, ...; the fastest there is when not given.
    progress, should_stop
        Progress callback and cancellation check, once a step; a stopped training returns the model as it stands.

    Returns
    -------
    Model
        Calibrated on held-out windows; not calibrated in any but the first of several processes.

    Raises
    ------
    StmError
        If the preset is unknown, the loss is no longer a number, or `config` or `experiment` is not that of the
        training to resume.
    ModelError
        If the checkpoint is damaged, or processes cannot train together on the device.

    References
    ----------
    Wang et al. 2020: L = L_0 + alpha L_reg.

    Examples
    --------
    >>> from napari_stm_impurities.impurities.training.config import TrainingConfig
    >>> tiny = TrainingConfig.preset("wang2020").model_copy(update={"epochs": 1, "steps_per_epoch": 2})
    >>> train(config=tiny, device="cpu").config.network.attention
    'global'
    """
    model_path = None if path is None else path_of(path, "a model file")
    if model_path is not None:
        check_file_place(model_path)
    for value, kind, what in ((config, TrainingConfig, "the config"), (start, Model, "the model to start from")):
        if value is not None:
            instance(value, kind, what)
    checkpoint = Checkpoint.of_model(model_path) if resume else None
    if checkpoint:
        _check_resumable(checkpoint, config, experiment)
    plan = checkpoint.header.training if checkpoint else config or TrainingConfig.preset(preset)
    if start is not None and checkpoint is None:
        # a model without a structure output gets one where the plan has it
        network = start.config.network.model_copy(update={"structure": plan.network.structure})
        taken = {"network": network, "inputs": start.config.inputs, "started_from": start.config.name}
        plan = plan.model_copy(update=taken)
    band = band_given(dispersion)
    measured = None if experiment is None else UnlabelledStack(experiment, plan, reference, band)
    place = choose_device(device)
    with process_group(place):
        task = ImpurityTask(plan, place, measured, start=start if checkpoint is None else None)
        done: tuple[EpochReport, ...] = ()
        if checkpoint:
            task.restore(checkpoint)
            done = checkpoint.header.reports
        output, report_to = (model_path, on_epoch) if is_first() else (None, None)
        reports, stopped = run_epochs(task, output, done, report_to, progress, stop_of_any_process(should_stop, place))
        model = task.model(model_path.stem if model_path else "untitled", reports)
        if not reports or not is_first():
            return model
        n_windows = _CALIBRATION_WINDOWS_STOPPED if stopped else _CALIBRATION_WINDOWS
        # whoever has stopped the training still wants a calibrated model, and that is a matter of seconds
        ask = never if stopped else should_stop
        calibration = calibrate(model, plan.windows, plan.seed, n_windows, progress=progress, should_stop=ask)
        model.config = model.config.model_copy(update={"calibration": calibration})
        if model_path:
            model.save(model_path)
        return model


def _check_resumable(checkpoint: Checkpoint, config: TrainingConfig | None, experiment: xr.DataArray | None) -> None:
    if checkpoint.header.origin is not None:
        raise StmError(
            "this training has adapted a model to a stack; go on with adapt, and give the same stack and points"
        )
    if config is not None and config != checkpoint.header.training:
        raise StmError(
            "a training that is taken up again keeps its own configuration, and the one given differs; leave it out, or"
            " begin a new training under another name"
        )
    had_experiment = any(report.entropy is not None for report in checkpoint.header.reports)
    if had_experiment and experiment is None:
        raise StmError("this training had an experiment's maps beside the simulated ones; give the same stack again")
