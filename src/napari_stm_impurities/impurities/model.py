"""A model: weights and the whole configuration that made them, in one safetensors file."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, ValidationError, model_validator
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ..core.configuration import Configuration, one_line
from ..core.errors import ModelError
from ..core.files import written_whole
from ..core.hashing import sha256_of_named_bytes
from .inputs import input_channels
from .network import ImpurityNetwork, check_halo
from .network_config import InputConfig, NetworkConfig

#: The key under which a model file keeps its configuration; a file without it is not ours.
HEADER_KEY = "napari_stm_impurities"
#: No model of ours comes near this size; a file beyond it is refused before it is read.
_LARGEST_FILE_BYTES = 200_000_000


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

    def confidence(self, score: ArrayLike) -> NDArray[np.float64]:
        """The confidence of each score, 0 to 1."""
        x = self.slope * np.asarray(score, dtype=np.float64) + self.intercept
        return np.exp(-np.logaddexp(0.0, -x))


class ModelConfig(Configuration):
    """Everything about a model but its weights."""

    name: str = "untitled"
    """What to call it."""
    network: NetworkConfig = NetworkConfig()
    """The network's make."""
    inputs: InputConfig = InputConfig()
    """What it is shown."""
    calibration: Calibration = Calibration()
    """What its scores mean."""
    training: dict[str, Any] = Field(default_factory=dict)
    """The whole training configuration, and how far the training came."""

    @model_validator(mode="after")
    def _no_seams(self) -> Self:
        check_halo(self.network, self.inputs)
        return self


class Model:
    """A network that can be run, saved and loaded.

    Parameters
    ----------
    config
        Everything but the weights.
    network
        The weights; fresh random ones when not given.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "small.safetensors"
    >>> small = ModelConfig(name="small", network=NetworkConfig(channels=(8,), convolutions=(1,)))
    >>> _ = Model(small).save(path)
    >>> Model.load(path).config.name
    'small'
    """

    def __init__(self, config: ModelConfig, network: ImpurityNetwork | None = None) -> None:
        self.config = config
        self.network = network or ImpurityNetwork(config.network, input_channels(config.inputs))
        self.network.eval()

    @property
    def threshold(self) -> float:
        """The confidence from which on a point counts."""
        return self.config.calibration.threshold

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.network.parameters()).device

    def sha256(self) -> str:
        """The SHA-256 of the weights: the same for the same network, whatever file or name it has."""
        weights = sorted(self.network.state_dict().items())
        return sha256_of_named_bytes((name, value.contiguous().cpu().numpy().data) for name, value in weights)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write weights and configuration into one file, whole or not at all."""
        weights = {name: value.contiguous().cpu() for name, value in self.network.state_dict().items()}
        with written_whole(path) as beside:
            save_file(weights, beside, metadata={HEADER_KEY: self.config.model_dump_json()})
        return Path(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], device: torch.device | str = "cpu") -> Self:
        """Read a model file. No code in it is ever run.

        Raises
        ------
        ModelError
            If the file is missing, is not a model of ours, or is damaged.
        """
        path = Path(path)
        header, weights = read_tensors(path, "a model")
        try:
            config = ModelConfig.model_validate_json(header)
        except ValidationError as error:
            raise ModelError(f"{path}: {one_line('its configuration does not fit this version', error)}") from None
        # the weights come from the file, so the person's generator is left as it is
        with torch.random.fork_rng(devices=[]):
            model = cls(config)
        try:
            model.network.load_state_dict(weights)
        except RuntimeError:
            raise ModelError(f"{path}: its weights do not fit its configuration; the file is damaged") from None
        model.network.to(device)
        return model


def read_tensors(path: Path, what: str) -> tuple[str, dict[str, torch.Tensor]]:
    """The header text and the tensors of one of our safetensors files.

    Raises
    ------
    ModelError
        If it is missing, foreign, truncated, or of another format (a pickle, say).
    """
    expected = f"expected {what} of napari-stm-impurities (.safetensors)"
    if not path.is_file():
        raise ModelError(f"{path}: no such file; {expected}")
    if path.stat().st_size > _LARGEST_FILE_BYTES:
        raise ModelError(f"{path}: {expected}, found {path.stat().st_size / 1e9:.1f} GB")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if HEADER_KEY not in metadata:
                raise ModelError(f"{path}: {expected}, found a safetensors file of another program")
            return metadata[HEADER_KEY], {name: file.get_tensor(name) for name in list(file.keys())}
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"{path}: {expected}, found a damaged file or one of another format") from None


def shipped_models() -> tuple[str, ...]:
    """The names of the models inside the package."""
    folder = resources.files(__package__) / "weights"
    return tuple(sorted(file.name.removesuffix(".safetensors") for file in folder.iterdir() if file.name.endswith("s")))


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
    place = choose_device(None if device is None else str(device))
    name = os.fspath(model)
    if name in shipped_models():
        with resources.as_file(resources.files(__package__) / "weights" / f"{name}.safetensors") as path:
            return Model.load(path, place)
    if not name.endswith(".safetensors") and not Path(name).exists():
        raise ModelError(f"no model {name!r}; shipped are {', '.join(shipped_models())}, or give a .safetensors file")
    return Model.load(name, place)


def choose_device(name: str | None = None) -> torch.device:
    """The device by name, or the fastest there is: a CUDA or Apple GPU, else the CPU.

    Raises
    ------
    ModelError
        If the named device is not there.
    """
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        return torch.zeros(1, device=name).device
    except (RuntimeError, AssertionError):
        raise ModelError(f"no device {name!r} on this machine; try cpu") from None
