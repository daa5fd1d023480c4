"""What can be chosen about the fit of kernels."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..core.configuration import Configuration

Auto = Literal["auto"]


class KernelConfig(Configuration):
    """How the pattern of one impurity is fitted.

    Examples
    --------
    >>> KernelConfig(n_kinds=2).method
    'auto'
    """

    method: Literal["auto", "tmatrix", "harmonics", "average"] = "auto"
    """"tmatrix": s-wave scatterers with multiple scattering; "harmonics": least squares with any kernel; "average": the
    mean around the points; "auto" takes the T matrix where the kernel is isotropic."""

    radius_nm: float | None = Field(default=None, gt=0.0)
    """The radius of a kernel (nm); nothing takes four ripples."""

    core_share: float = Field(default=0.25, ge=0.0, le=1.0)
    """Pixels nearer to a point than this share of the electron's wavelength are left out of the T-matrix fit: no s-wave
    theory holds there."""

    harmonics: Auto | Annotated[int, Field(ge=0, le=12)] = "auto"
    """The largest angular order of a kernel by least squares; "auto" chooses it by pixels that were held out."""

    symmetry: Auto | Annotated[int, Field(ge=1, le=12)] = "auto"
    """The kernel's n-fold symmetry; "auto" chooses it by pixels that were held out."""

    n_kinds: Auto | Annotated[int, Field(ge=1, le=6)] = "auto"
    """The number of kinds of impurity; "auto" chooses it."""

    refine_positions: bool = True
    """Positions are refined, and the refined ones are used where biases that were held out fit better with them."""

    margin_nm: float | None = Field(default=None, ge=0.0)
    """Scatterers are looked for so far outside the frame (nm); nothing takes two ripples."""

    n_bins: int | None = Field(default=None, ge=1, le=200)
    """Neighbouring biases are averaged to so many maps for the fit; nothing takes as many as k needs."""
