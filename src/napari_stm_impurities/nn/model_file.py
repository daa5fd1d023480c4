"""Model files: weights and the whole configuration that made them, in one safetensors file, which cannot contain code.

The configuration states the kind of the model, so that a model of another family is refused in one line. A family
derives its configuration from :class:`ModelConfig` and its model from :class:`StoredModel`.
"""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import torch
from pydantic import Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ..core.arguments import path_of
from ..core.configuration import Configuration, one_line
from ..core.errors import ModelError
from ..core.files import written_whole
from ..core.hashing import sha256_of_named_bytes

#: The key under which a model file keeps its configuration; a file without it was written by another program.
HEADER_KEY = "napari_stm_impurities"
#: The kind of a model file that states none: all models of the first release found impurities.
FIRST_KIND = "impurities"
#: Far above the size of any model of this package; a larger file is not read.
_LARGEST_FILE_BYTES = 200_000_000


class ModelConfig(Configuration):
    """Everything about a model but its weights; each family adds its network, inputs and calibration."""

    kind: str
    """The family of the model."""
    name: str = "untitled"
    """The name to show."""
    training: dict[str, Any] = Field(default_factory=dict)
    """The training configuration, and the number of completed epochs."""


Config = TypeVar("Config", bound=ModelConfig)
Network = TypeVar("Network", bound=torch.nn.Module)


class StoredModel(ABC, Generic[Config, Network]):
    """A network with its configuration that can be run, saved and loaded.

    Parameters
    ----------
    config
        Everything but the weights.
    network
        The weights; random ones when not given.
    """

    kind: ClassVar[str]
    """The family, as in :class:`ModelConfig`."""
    config_type: ClassVar[type[ModelConfig]]
    """The configuration of this family."""

    def __init__(self, config: Config, network: Network | None = None) -> None:
        self.config = config
        self.network: Network = self.build(config) if network is None else network
        self.network.eval()

    @classmethod
    @abstractmethod
    def build(cls, config: Any) -> Any:
        """A network with random weights for a configuration."""

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.network.parameters()).device

    def sha256(self) -> str:
        """The SHA-256 of the weights: the same for the same network, whatever file or name it has."""
        weights = sorted(self.network.state_dict().items())
        return sha256_of_named_bytes((name, value.contiguous().cpu().numpy().data) for name, value in weights)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write weights and configuration (complete or not at all) and return the path."""
        return write_tensors(path, self.network.state_dict(), self.config.model_dump_json())

    @classmethod
    def load(cls, path: str | os.PathLike[str], device: torch.device | str = "cpu") -> Self:
        """The model in a file. No code in it is ever run.

        Raises
        ------
        ModelError
            If the file is missing, is no model of this family, or is damaged.
        """
        path = path_of(path, "a model")
        header, weights = read_tensors(path, "a model")
        kind = kind_of_header(header)
        if kind != cls.kind:
            raise ModelError(f"{path}: expected a model of the kind {cls.kind!r}, found one of the kind {kind!r}")
        try:
            config = cls.config_type.model_validate_json(header)
        except ValidationError as error:
            raise ModelError(f"{path}: {one_line('its configuration does not fit this version', error)}") from None
        # the random weights are replaced, so the generator of the calling program must not advance
        with torch.random.fork_rng(devices=[]):
            model = cls(config)  # type: ignore[arg-type]  # config_type is the type of this class's configuration
        try:
            model.network.load_state_dict(weights)
        except RuntimeError:
            raise ModelError(f"{path}: its weights do not fit its configuration; the file is damaged") from None
        model.network.to(device)
        return model


def kind_of_header(header: str) -> str:
    """The kind that the header of a model file states.

    Examples
    --------
    >>> kind_of_header('{"kind": "atoms"}'), kind_of_header('{"name": "of the first release"}')
    ('atoms', 'impurities')
    """
    try:
        values = json.loads(header)
    except ValueError:
        return FIRST_KIND
    return str(values.get("kind", FIRST_KIND)) if isinstance(values, dict) else FIRST_KIND


def write_tensors(path: str | os.PathLike[str], tensors: Mapping[str, torch.Tensor], header: str) -> Path:
    """Write tensors and a header as a safetensors file (complete or not at all) and return the path.

    Raises
    ------
    StmError
        If it cannot be written there, or the disk is full.
    """
    cpu_tensors = {name: value.detach().contiguous().cpu() for name, value in tensors.items()}
    with written_whole(path) as temporary:
        try:
            save_file(cpu_tensors, temporary, metadata={HEADER_KEY: header})
        except SafetensorError as error:
            # the reason of the operating system is only in its text
            raise OSError(str(error)) from error
    return Path(path)


def read_tensors(path: Path, what: str) -> tuple[str, dict[str, torch.Tensor]]:
    """The header text and the tensors of a safetensors file of this package.

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
