"""What a network is made of, and what it is shown."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from ..core.configuration import Configuration


class NetworkConfig(Configuration):
    """The network: a CNN shared by all maps, attention across the biases, and a projection to S.

    With one level it is the paper's network; with several, the encoder is a pyramid with attention
    at each level, and a decoder that runs once for all biases.
    """

    channels: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field(
        default=(32, 64, 96, 128), min_length=1, max_length=6
    )
    """Features of each level. Each level halves the resolution of the one before by a learnt 2 x 2 convolution,
    since a mean over 2 x 2 pixels would wash out ripples that are only four pixels long."""
    convolutions: tuple[Annotated[int, Field(ge=1, le=8)], ...] = Field(
        default=(4, 2, 2, 2), min_length=1, max_length=6
    )
    """Convolutions of each level, as many numbers as levels."""
    kernel_px: Literal[3, 5, 7] = 3
    """The width of each convolution."""
    batch_norm: bool = True
    """Batch normalisation after each convolution; its statistics are fixed after training."""
    attention: Literal["global", "local", "off"] = "local"
    """Eq. 1 with one weight for each pair of biases (global, the paper), one for each pair and pixel, or equal ones."""
    key_channels: int = Field(default=8, ge=1, le=256)
    """d_q = d_k, the length of query and key."""
    value_channels: int | None = Field(default=None, ge=1, le=512)
    """d_v, the length of the value; as many as the features when not given."""
    sum_over_biases: Literal["mean", "sum"] = "mean"
    """V_T is the sum over the biases (the paper), or their mean, which does not grow with their number."""
    offsets: bool = True
    """Whether the network also gives the way from each pixel to the nearest impurity, in pixels."""
    structure: bool = False
    """Whether the network also scores each pixel as structure: step edges, walls, objects that are no impurities."""

    @model_validator(mode="after")
    def _one_number_a_level(self) -> Self:
        if len(self.convolutions) != len(self.channels):
            raise ValueError(
                f"channels names {len(self.channels)} levels and convolutions {len(self.convolutions)}; give as many"
            )
        return self


class InputConfig(Configuration):
    """What the network is shown of a stack."""

    scaling: Literal["robust", "unit_range"] = "robust"
    """Mean removed and scaled to a standard deviation of 1 without the outliers, or into [-1, 1] (the paper)."""
    scale_over: Literal["image", "tile"] = "image"
    """Whether this is done once for the whole map, or anew for each tile (the paper)."""
    measured_channel: bool = True
    """Whether the network is told which pixels were measured."""
    max_maps: int | None = Field(default=8, ge=1)
    """Neighbouring biases are averaged into at most this many maps; all are kept when not given."""
    tile_px: int = Field(default=192, ge=0)
    """Side of a tile; 0 takes the whole image at once."""
    halo_px: int = Field(default=72, ge=0)
    """What a tile sees beyond its edge."""
    both_ways: Literal["always", "one map", "never"] = "one map"
    """Test-time augmentation: whether the maps are also shown rotated by 180 degrees, and the mean of both scores is
    taken. It doubles the time; several maps already show the noise in several ways, a map alone gains."""
    k_rad_per_px: tuple[float, float] = (0.19, 1.0)
    """The scale that the model was trained for: k in radians a pixel. Data outside it are resampled."""

    def augments(self, n_maps: int) -> bool:
        """Whether so many maps are shown with test-time augmentation."""
        return self.both_ways == "always" or (self.both_ways == "one map" and n_maps == 1)

    @field_validator("both_ways", mode="before")
    @classmethod
    def _as_in_older_files(cls, value: Any) -> Any:
        # model files of the first release hold true or false
        return {True: "always", False: "never"}[value] if isinstance(value, bool) else value


def wang2020_network() -> NetworkConfig:
    """The paper's network: one level, global attention, sum over biases, a linear projection."""
    return NetworkConfig(
        channels=(32,),
        convolutions=(4,),
        kernel_px=5,
        batch_norm=False,
        attention="global",
        key_channels=8,
        value_channels=16,
        sum_over_biases="sum",
        offsets=False,
    )


def wang2020_input() -> InputConfig:
    """The paper's input: every map scaled into [-1, 1] in each 20 x 20 tile, all biases kept."""
    return InputConfig(
        scaling="unit_range",
        scale_over="tile",
        measured_channel=False,
        max_maps=None,
        tile_px=20,
        halo_px=0,
        both_ways="never",
        k_rad_per_px=(0.5, 1.0),
    )
