"""What an adaptation is: its settings, what the model came from, and what became of it."""

from __future__ import annotations

import warnings
from typing import Any

from pydantic import Field, TypeAdapter, ValidationError

from ...core.arguments import LARGEST_SEED
from ...core.configuration import Configuration
from ...data.geometry import Rectangle
from ...simulation.config import WindowConfig
from ..model import Model
from .config import TrainingConfig

#: A fall of the F1 on simulated surfaces that a person is told of.
WORSE_BY = 0.02
#: Where a model's file carries its adaptation.
_KEY = "adaptation"


class AssumedWindowsWarning(UserWarning):
    """A model does not state the simulated windows that it was trained on, so others are taken."""


class AdaptConfig(Configuration):
    """How a model is adapted to one stack. The defaults take a few minutes on two cores."""

    epochs: int = Field(default=10, ge=1)
    """How many epochs; the losses and the held-out F1 are told, and a checkpoint written, after each."""
    steps_per_epoch: int = Field(default=15, ge=1)
    """Training steps in an epoch."""
    learning_rate: float = Field(default=2e-4, gt=0)
    """The highest learning rate, a tenth of that of a training from nothing; it ends at 0."""
    simulated_per_step: int = Field(default=4, ge=1)
    """Simulated windows in a step, so that what the model knew is not forgotten; their loss has the weight 1."""
    labelled_per_step: int = Field(default=4, ge=1)
    """Windows with your points in a step."""
    labelled_weight: float = Field(default=1.0, gt=0)
    """The weight of the loss on your points."""
    unlabelled_per_step: int = Field(default=2, ge=1)
    """Windows without points in a step, from outside the region."""
    confidence_weight: float = Field(default=0.03, ge=0)
    """alpha, the weight of the prediction's entropy on those (Eq. 4; paper: 0.03)."""
    window_px: int = Field(default=64, ge=16, le=512)
    """Side of the windows that are cut from the stack, in the model's pixels; smaller where the stack is."""
    held_out_share: float = Field(default=0.25, ge=0, le=0.5)
    """The share of the region that is not learnt from, a strip at the far end of its longer side; the F1 is measured
    there."""
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)
    """The same seed draws the same windows."""

    def plan(self, parent: Model, side_px: int) -> TrainingConfig:
        """The training that this is: the parent's network, inputs and simulated windows, with these settings.

        Parameters
        ----------
        parent
            The model to begin with.
        side_px
            The shorter side of the stack on the model's scale.

        Warns
        -----
        AssumedWindowsWarning
            If the parent does not state the simulated windows that it was trained on: those of the default training
            are taken.
        """
        return TrainingConfig.of(
            windows=_windows_of(parent),
            network=parent.config.network,
            inputs=parent.config.inputs,
            loss="detection" if parent.config.network.offsets else "cross_entropy",
            confidence_weight=self.confidence_weight,
            # the paper's network has learnt from, and sees, tiles of its own size
            experiment_tile_px=min(
                self.window_px,
                side_px,
                parent.config.inputs.tile_px if parent.config.inputs.scale_over == "tile" else side_px,
            ),
            experiment_tiles_per_step=self.unlabelled_per_step,
            epochs=self.epochs,
            steps_per_epoch=self.steps_per_epoch,
            batch_size=self.simulated_per_step,
            learning_rate=self.learning_rate,
            # the last quarter of the steps
            average_over_steps=-(-self.epochs * self.steps_per_epoch // 4),
            seed=self.seed,
            started_from=parent.config.name,
        )


class Lineage(Configuration):
    """What a model is adapted from and to; a checkpoint is taken up again with the same only."""

    parent: str
    """The name of the model that it began with."""
    parent_sha256: str
    """The SHA-256 of that model's weights."""
    data: str
    """The file or layer of the stack, as far as it tells."""
    data_sha256: str
    """The SHA-256 of its maps and axes."""
    n_points: int | None = None
    """How many points there are inside the region; None where it learnt without any."""
    points_sha256: str | None = None
    """The SHA-256 of their positions."""
    region_nm: Rectangle | None = None
    """Where the points are known, (y from, y to, x from, x to) in nm."""
    held_out_nm: Rectangle | None = None
    """The part of it that was not learnt from."""
    n_held_out: int | None = None
    """How many of the points lie there."""
    settings: AdaptConfig
    """How it learnt."""


class Adaptation(Configuration):
    """What became of it; carried in the model file."""

    origin: Lineage
    """What it came from."""
    epochs: int
    """How many epochs were finished."""
    held_out_f1: tuple[float, float] | None = None
    """The F1 in the strip that was held out, before and after; None without points."""
    simulated_f1: tuple[float, float]
    """The mean F1 on simulated surfaces, before and after."""

    @property
    def worse(self) -> str | None:
        """One line where it has lost more than 0.02 of F1 on simulated surfaces or in the strip held out, else None."""
        places = {"on simulated surfaces": self.simulated_f1, "in the part held out": self.held_out_f1}
        lost = [
            f"{place} (F1 {f1[0]:.2f} before, {f1[1]:.2f} now)"
            for place, f1 in places.items()
            if f1 is not None and f1[0] - f1[1] > WORSE_BY
        ]
        return f"the adapted model is worse than the one it came from {' and '.join(lost)}" if lost else None

    def __str__(self) -> str:
        arrows = [f"simulated {self.simulated_f1[0]:.2f} -> {self.simulated_f1[1]:.2f}"]
        if self.held_out_f1 is not None:
            before, after = self.held_out_f1
            arrows.insert(0, f"held-out F1 {before:.2f} -> {after:.2f} ({self.origin.n_held_out} points)")
        else:
            # the confidence loss makes a model surer of its errors, too
            arrows[0] = (
                f"F1 {arrows[0]}; look at its points again, for without known ones nothing tells if it is better here"
            )
        return ", ".join(arrows)


def adaptation_of(model: Model) -> Adaptation | None:
    """What an adapted model came from and what became of it; None for a model that was not adapted.

    Examples
    --------
    >>> from napari_stm_impurities.impurities.model import load_model
    >>> adaptation_of(load_model("default")) is None
    True
    """
    told = model.config.training.get(_KEY)
    return None if told is None else Adaptation.model_validate(told)


def with_adaptation(model: Model, adaptation: Adaptation) -> Model:
    """The same model with its adaptation written into its configuration."""
    facts: dict[str, Any] = {**model.config.training, _KEY: adaptation.model_dump(mode="json")}
    return Model(model.config.model_copy(update={"training": facts}), model.network)


def _windows_of(model: Model) -> WindowConfig:
    """The simulated windows that a model was trained on; the default ones, with a warning, where it states none."""
    stated = model.config.training.get("windows")
    try:
        windows: WindowConfig = TypeAdapter(WindowConfig).validate_python(stated)
    except ValidationError:
        problem = "states no simulated windows" if stated is None else "states its simulated windows in an older form"
        warnings.warn(
            f"the model {model.config.name} {problem}; those of the default training are taken in their place",
            AssumedWindowsWarning,
            stacklevel=3,
        )
        return TrainingConfig().windows
    return windows
