"""The model of impurities: its configuration, the calibration of its scores, and the shipped ones."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from ..core.arguments import path_like, path_of, value_text
from ..core.configuration import Configuration
from ..core.errors import ModelError
from ..nn import model_file
from ..nn.device import choose_device
from .inputs import input_channels
from .network import ImpurityNetwork, check_halo
from .network_config import InputConfig, NetworkConfig
from .second_pass import SecondPass

_SUFFIX = ".safetensors"


class Calibration(Configuration):
    """From a score to the probability that an impurity stands there, measured on held-out surfaces."""

    slope: float = Field(default=1.0, gt=0)
    """Confidence is 1 / (1 + exp(-(slope * score + intercept)))."""
    intercept: float = 0.0
    """See the slope."""
    threshold: float = Field(default=0.5, ge=0, le=1)
    """The confidence from which on a point counts: the best F1 on the held-out surfaces."""
    f1: float | None = None
    """That F1; None as long as the model has not been calibrated."""
    second_pass: SecondPass | None = None
    """How confidence follows from the score and the amplitude in the common pattern of a surface's points; None for a
    model without a second pass."""

    def confidence(self, score: ArrayLike) -> NDArray[np.float64]:
        """The confidence of each score, 0 to 1."""
        x = self.slope * np.asarray(score, dtype=np.float64) + self.intercept
        return np.exp(-np.logaddexp(0.0, -x))


class ModelConfig(model_file.ModelConfig):
    """Everything about a model of impurities but its weights."""

    kind: Literal["impurities"] = "impurities"
    """The family of the model."""
    network: NetworkConfig = NetworkConfig()
    """The network's make."""
    inputs: InputConfig = InputConfig()
    """What it is shown."""
    calibration: Calibration = Calibration()
    """What its scores mean."""

    @model_validator(mode="after")
    def _no_seams(self) -> Self:
        check_halo(self.network, self.inputs)
        return self


class Model(model_file.StoredModel[ModelConfig, ImpurityNetwork]):
    """A network that finds impurities; it can be run, saved and loaded.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "small.safetensors"
    >>> small = ModelConfig(name="small", network=NetworkConfig(channels=(8,), convolutions=(1,)))
    >>> _ = Model(small).save(path)
    >>> Model.load(path).config.name
    'small'
    """

    kind: ClassVar[str] = "impurities"
    config_type: ClassVar[type[model_file.ModelConfig]] = ModelConfig

    @classmethod
    def build(cls, config: ModelConfig) -> ImpurityNetwork:
        """A network with random weights for a configuration."""
        return ImpurityNetwork(config.network, input_channels(config.inputs))

    @property
    def threshold(self) -> float:
        """The confidence from which on a point counts."""
        return self.config.calibration.threshold


def shipped_models() -> tuple[str, ...]:
    """The names of the models inside the package."""
    folder = resources.files(__package__) / "weights"
    return tuple(
        sorted(
            file.name.removesuffix(".safetensors") for file in folder.iterdir() if file.name.endswith(".safetensors")
        )
    )


def load_model(model: str | os.PathLike[str] | Model = "default", device: torch.device | str | None = None) -> Model:
    """A shipped model by its name, or one from a file.

    Parameters
    ----------
    model
        ``"default"``, a path, or a model, which is returned as it is.
    device
        Where to put the weights, ``"cpu"`` or ``"cuda"``, say; the fastest there is when not given.

    Raises
    ------
    ModelError
        If there is no such model, the file is not one, or the device is not there.
    """
    if isinstance(model, Model):
        return model
    place = choose_device(device)
    if not path_like(model):
        raise ModelError(
            f"a model is a name ({', '.join(shipped_models())}), a .safetensors file or a Model,"
            f" got {value_text(model)}"
        )
    name = str(path_of(model, "a model"))
    if name in shipped_models():
        with resources.as_file(resources.files(__package__) / "weights" / f"{name}{_SUFFIX}") as path:
            return Model.load(path, place)
    if not name.endswith(_SUFFIX) and not Path(name).exists():
        raise ModelError(f"no model {name!r}; shipped are {', '.join(shipped_models())}, or give a .safetensors file")
    return Model.load(name, place)
