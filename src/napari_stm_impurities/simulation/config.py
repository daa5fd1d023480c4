"""Configurations of the simulated windows: the paper's Friedel windows (Eq. 3), and exact multiple scattering."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field, model_validator

from ..core.configuration import Configuration
from ..physics.dispersion import Dispersion, k_from_carrier_density
from .artefacts import TRAINING_ARTEFACTS, Artefact
from .flat_fields import with_list_of_artefacts
from .ranges import (
    AboveZeroRange,
    BelowOneRange,
    CountRange,
    OneOrMoreRange,
    PositiveRange,
    Range,
    Share,
)
from .structures import TRAINING_STRUCTURES, Structure


class FriedelConfig(Configuration):
    """The paper's training data: independent Friedel oscillations (Eq. 3), with white noise added."""

    kind: Literal["friedel"] = "friedel"
    """Eq. 3 of Wang et al. 2020."""
    side_px: int = Field(default=20, ge=8, le=256)
    """L, the side of a window in pixels (paper: 20)."""
    n_maps: int = Field(default=8, ge=1, le=512)
    """Number of k_F, that is biases, of one window."""
    impurities: CountRange = (1, 6)
    """N_i, the fewest and the most impurities in a window."""
    k_rad_per_px: float = Field(default=0.78, gt=0, lt=np.pi / 2)
    """k_F0 in radians a pixel (0.78: Au(111) on the paper's grid of 0.47 nm)."""
    k_spread: Share = 0.15
    """k_F is drawn between k_F0 (1 - spread) and k_F0 (1 + spread)."""
    amplitude: Range = (0.5, 1.5)
    """A_w, drawn for each impurity and each k_F."""
    cutoff_px: float = Field(default=1.0, gt=0)
    """eps in pixels, which avoids the divergence at an impurity."""
    noise_std: float = Field(default=0.8, ge=0)
    """eta, the width of the white Gaussian noise, where a map lies in [-1, 1] (paper: 0.8)."""

    @model_validator(mode="after")
    def _check_impurities_fit(self) -> Self:
        if self.impurities[1] > self.side_px**2:
            raise ValueError(f"{self.impurities[1]} impurities do not fit on {self.side_px} x {self.side_px} pixels")
        return self

    @classmethod
    def of_dispersion(cls, band: Dispersion, bias_mv: ArrayLike, pixel_size_nm: float) -> Self:
        """The configuration for one material and grid: k_F0 and its spread from the band over the range of biases."""
        k = band.k_per_nm(bias_mv) * pixel_size_nm
        middle = (k.max() + k.min()) / 2
        return cls.of(k_rad_per_px=float(middle), k_spread=float((k.max() - middle) / middle))

    @classmethod
    def of_carrier_density(cls, density_per_nm2: float, pixel_size_nm: float) -> Self:
        """The configuration with k_F0 from the carrier density, k_F0 = sqrt(2 pi n)."""
        return cls.of(k_rad_per_px=k_from_carrier_density(density_per_nm2) * pixel_size_nm)


class ScatteringConfig(Configuration):
    """Windows of exact multiple scattering, with structure and artefacts of measured frames.

    Lengths that the electrons set are in units of 1/k, so that one range serves all scales.
    Artefacts are in units of the standard deviation of the clean modulation.
    """

    kind: Literal["scattering"] = "scattering"
    """The exact density of states of a two-dimensional electron gas with s-wave scatterers."""
    side_px: int = Field(default=64, ge=16, le=512)
    """The side of a window in pixels."""
    n_maps: OneOrMoreRange = (1, 8)
    """The fewest and the most biases of a window; after averaging neighbours, as for measured stacks."""
    few_maps_share: Share = 0.3
    """The share of batches whose windows have three maps at most. Reason: single images and pairs are what most
    measurements are, and the hardest."""
    k_rad_per_px: AboveZeroRange = (0.19, 1.0)
    """k of the highest bias in radians a pixel, drawn on a logarithmic scale."""
    k_span: BelowOneRange = (0.03, 0.5)
    """The drop of k towards the lowest bias, as a share of k."""
    density_per_k2: AboveZeroRange = (0.003, 0.06)
    """Impurities in an area of 1/k^2, drawn on a logarithmic scale (paper's Au(111): 0.01)."""
    empty_share: Share = 0.15
    """The share of windows without any impurity."""
    group_share: Share = 0.25
    """The share of windows where some impurities form groups: pairs, rows and lattices, as after manipulation."""
    group_distance_per_k: AboveZeroRange = (0.9, 4.0)
    """The distance of neighbours in a group in 1/k, drawn on a logarithmic scale (0.5 nm on Cu(111): 1.05)."""
    near_share: Share = 0.25
    """The share of windows where some impurities have a near neighbour."""
    near_distance_per_k: AboveZeroRange = (1.0, 2.6)
    """Its distance in 1/k (0.7 to 1.2 nm: 1.2 to 2.0 on Au(111), 1.5 to 2.5 on Cu(111), at most 1 on Ag(111))."""
    margin_per_k: float = Field(default=9.0, ge=0)
    """Width of the margin around the frame that also holds impurities, in 1/k."""
    n_kinds: OneOrMoreRange = (1, 3)
    """Number of kinds of impurity in a window, each with its own phase shift and loss."""
    phase_shift_rad: Range = (0.35, 2.8)
    """delta at the highest bias, in radians."""
    phase_shift_slope_rad: Range = (-1.5, 1.5)
    """Change of delta for a relative drop of k by 1, in radians."""
    weak_share: Share = 0.2
    """The share of kinds after the first that are weak scatterers, with delta drawn below."""
    weak_phase_shift_rad: Range = (0.2, 0.5)
    """delta of a weak scatterer, in radians."""
    loss: PositiveRange = (0.0, 0.8)
    """1 - a, the share of the wave that an impurity absorbs."""
    strength_share: Share = 0.5
    """The share of windows where the impurities of a kind differ in strength."""
    strength: PositiveRange = (0.25, 1.0)
    """Factor of the T matrix of each impurity, as for impurities under the surface or of another
    charge. Impurities below the detection limit of the noise are not labelled."""
    structures: tuple[Structure, ...] = TRAINING_STRUCTURES
    """Structure that is no impurity, each in its share of the windows; its pixels are labelled on their own."""
    mean_free_path_per_k: AboveZeroRange = (15.0, 300.0)
    """l in 1/k, drawn on a logarithmic scale."""
    near_field_erased_share: Share = 0.35
    """The share of windows with an erased short range, which no theory predicts."""
    near_field_random_share: Share = 0.4
    """The share of windows where the short range is a bump or dip of arbitrary strength."""
    near_field_radius_per_k: AboveZeroRange = (0.5, 2.2)
    """Radius of the short range, in 1/k."""
    near_field_strength: PositiveRange = (0.3, 6.0)
    """Height or depth of an arbitrary near field."""
    drift_px: PositiveRange = (0.0, 2.2)
    """Drift from the first to the last bias, in pixels."""
    drift_share: Share = 0.4
    """The share of windows that drift."""
    artefacts: tuple[Artefact, ...] = TRAINING_ARTEFACTS
    """Artefacts of the maps, in the order in which they are added."""

    @model_validator(mode="before")
    @classmethod
    def _list_of_artefacts(cls, values: Any) -> Any:
        return with_list_of_artefacts(values)


#: The configurations of training windows.
WindowConfig = Annotated[FriedelConfig | ScatteringConfig, Field(discriminator="kind")]
