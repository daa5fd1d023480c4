"""What a training is: the windows it draws, the network, the losses and the schedule."""

from __future__ import annotations

from typing import Literal, Self

from numpy.typing import ArrayLike
from pydantic import Field, model_validator

from ...core.arguments import LARGEST_SEED, value_text
from ...core.configuration import Configuration
from ...core.errors import StmError
from ...physics.dispersion import Dispersion
from ...simulation.config import FriedelConfig, ScatteringConfig, WindowConfig
from ..network import check_halo
from ..network_config import InputConfig, NetworkConfig, wang2020_input, wang2020_network


class TrainingConfig(Configuration):
    """One training, from random weights to a model."""

    windows: WindowConfig = ScatteringConfig()
    """What the network learns from."""
    network: NetworkConfig = NetworkConfig(structure=True)
    """The network's make."""
    inputs: InputConfig = InputConfig()
    """What the network is shown of a stack."""
    loss: Literal["detection", "cross_entropy"] = "detection"
    """One decision a pixel with sub-pixel offsets, or the paper's cross entropy over all pixels (Eq. 2)."""
    structure_weight: float = Field(default=2.0, ge=0)
    """The weight of the structure loss; the other losses of a window are of the order of 2 while it learns."""
    confidence_weight: float = Field(default=0.0, ge=0)
    """alpha, the weight of the prediction's entropy on the experiment's tiles (Eq. 4; paper: 0.03)."""
    experiment_tile_px: int = Field(default=64, ge=8, le=512)
    """Side of the unlabelled tiles that are cut out of the experiment."""
    experiment_tiles_per_step: int = Field(default=4, ge=1)
    """How many of these tiles, drawn at random, enter each step."""
    experiment_maps_per_step: int = Field(default=16, ge=1)
    """At how many biases, drawn at random, they are shown."""
    epochs: int = Field(default=60, ge=1)
    """How many epochs; the loss is reported, and a checkpoint written, after each."""
    steps_per_epoch: int = Field(default=50, ge=1)
    """Training steps in an epoch."""
    batch_size: int = Field(default=8, ge=1)
    """Windows in a step."""
    learning_rate: float = Field(default=2e-3, gt=0)
    """The highest learning rate; it rises over the first 3 % of the steps and then falls to 0 along a cosine."""
    weight_decay: float = Field(default=1e-4, ge=0)
    """Decoupled weight decay (AdamW)."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Number format of the network's products while it learns; weights and results are float32 either way."""
    average_over_steps: int = Field(default=200, ge=0)
    """The model is the running mean of the weights over about this many steps; 0 takes the last weights."""
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)
    """The same seed gives the same windows and the same first weights."""
    started_from: str | None = None
    """The model whose weights this training begins with, by name; random weights when not given."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        check_halo(self.network, self.inputs)
        if self.loss == "detection" and not self.network.offsets:
            raise ValueError("the detection loss needs a network with offsets; set network.offsets, or cross_entropy")
        return self

    def for_band(self, band: Dispersion, bias_mv: ArrayLike, pixel_size_nm: float) -> Self:
        """The same training with k_F0 and its spread from a surface band, where the windows are the paper's.

        Windows of exact scattering cover all scales, and stay as they are.

        Parameters
        ----------
        band
            The dispersion of the surface.
        bias_mv
            The biases of the measurement, in mV.
        pixel_size_nm
            Its pixel size in nm.
        """
        if not isinstance(self.windows, FriedelConfig):
            return self
        scale = FriedelConfig.of_dispersion(band, bias_mv, pixel_size_nm)
        told = {"k_rad_per_px": scale.k_rad_per_px, "k_spread": scale.k_spread}
        return self.model_copy(update={"windows": self.windows.model_copy(update=told)})

    @classmethod
    def preset(cls, name: str) -> Self:
        """The ``default`` training, or the paper's (``wang2020``).

        Raises
        ------
        StmError
            If there is no such preset.
        """
        if not isinstance(name, str):
            raise StmError(f"a training preset is named by a word, default or wang2020, got {value_text(name)}")
        if name == "default":
            return cls()
        if name == "wang2020":
            return cls(
                windows=FriedelConfig(),
                network=wang2020_network(),
                inputs=wang2020_input(),
                loss="cross_entropy",
                confidence_weight=0.03,
                experiment_tile_px=20,
                learning_rate=1e-3,
                precision="float32",
                average_over_steps=0,
                batch_size=32,
            )
        raise StmError(f"no training preset {value_text(name)}; there are default and wang2020")
