"""The parabolic surface band: from a bias to the wavevector k, and the presets of known surfaces.

k(V) = sqrt(2 m* (V - E0)) / hbar. The material enters a network only through this
number, in radians per pixel.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import AliasChoices, Field

from ..core.arguments import number, real_array, value_text
from ..core.configuration import Configuration
from ..core.errors import StmError

#: hbar^2 / (2 m_e) in meV nm^2 (CODATA 2018).
HBAR2_OVER_2ME_MEV_NM2 = 38.099821


class Dispersion(Configuration):
    """A parabolic two-dimensional band.

    Examples
    --------
    >>> band = Dispersion.of_material("Au(111)")
    >>> round(float(band.k_per_nm(0.0)), 2)
    1.88
    """

    band_bottom_mv: float = Field(description="Band bottom E0, as a bias in mV.")
    effective_mass: float = Field(gt=0, le=20, description="Effective mass m* in electron masses.")
    k_uncertainty_share: float = Field(
        default=0.0, ge=0, description="One standard deviation of k, as a share of k; 0 for a preset."
    )
    band_bottom_uncertainty_mv: float = Field(default=0.0, ge=0, description="One standard deviation of E0 in mV.")
    effective_mass_uncertainty: float = Field(default=0.0, ge=0, description="One standard deviation of m*.")
    significance_sigma: float | None = Field(
        default=None,
        # name of the field in files of the first release
        validation_alias=AliasChoices("significance_sigma", "quality"),
        description="The significance of the ring in standard deviations; None for a preset.",
    )
    source: str = Field(default="given", description="Where the numbers come from.")

    @classmethod
    def of(cls, material: str | None = None, **values: Any) -> Self:
        """A known surface by its name, as :meth:`of_material`, or a band by its numbers."""
        return cls.of_material(material) if material is not None else super().of(**values)

    @classmethod
    def of_material(cls, name: str) -> Self:
        """The preset of a known surface, by its name in any spelling: ``Au(111)``, ``au(111)``, ``Au 111``.

        Raises
        ------
        StmError
            If the surface is not known; the text lists those that are.
        """
        known = {_letters(material): band for material, band in MATERIALS.items()}
        if not isinstance(name, str) or _letters(name) not in known:
            raise StmError(f"no material {value_text(name)}; known are {', '.join(MATERIALS)}")
        bottom, mass, source = known[_letters(name)]
        return cls.of(band_bottom_mv=bottom, effective_mass=mass, source=source)

    @classmethod
    def of_wavelength(cls, wavelength_nm: float, bias_mv: float = 0.0, effective_mass: float = 0.4) -> Self:
        """A band whose ripples (half the electron's wavelength, pi / k) have a given length at one bias.

        Parameters
        ----------
        wavelength_nm
            The distance between neighbouring crests in the map, in nm.
        bias_mv
            The bias of the map with these ripples, in mV.
        effective_mass
            The assumed effective mass, in electron masses; it determines k at other biases.
        """
        length = number(wavelength_nm, "the wavelength of the ripples", "nm", above=0)
        number(effective_mass, "the effective mass", above=0)
        k = np.pi / length
        bottom = number(bias_mv, "the bias", "mV") - HBAR2_OVER_2ME_MEV_NM2 * k**2 / effective_mass
        return cls.of(band_bottom_mv=bottom, effective_mass=effective_mass, source=f"ripples of {length:g} nm")

    def k_per_nm(self, bias_mv: ArrayLike) -> NDArray[np.float64]:
        """The wavevector k in 1/nm; 0 below the band.

        Parameters
        ----------
        bias_mv
            Any shape, in mV.

        Returns
        -------
        numpy.ndarray
            The same shape.

        Raises
        ------
        StmError
            If the biases are no real numbers.
        """
        above = np.maximum(real_array(bias_mv, "the bias (mV)").astype(np.float64) - self.band_bottom_mv, 0.0)
        return np.sqrt(self.effective_mass * above / HBAR2_OVER_2ME_MEV_NM2)


def band_given(dispersion: Dispersion | str | None) -> Dispersion | None:
    """The band chosen by the user, as a material or a dispersion; None without a choice.

    Raises
    ------
    StmError
        If it is neither, or no known material.
    """
    if dispersion is None or isinstance(dispersion, Dispersion):
        return dispersion
    if isinstance(dispersion, str):
        return Dispersion.of_material(dispersion)
    raise StmError(
        f"the dispersion is a material's name ({', '.join(MATERIALS)}) or a Dispersion, got {value_text(dispersion)};"
        " Dispersion.of_wavelength makes one from the distance between two crests in nm"
    )


#: name -> band bottom (mV), effective mass (m_e), source.
MATERIALS = MappingProxyType(
    {
        "Au(111)": (-520.0, 0.26, "Au(111), Wang et al. 2020, appendix"),
        "Ag(111)": (-63.0, 0.397, "Ag(111), Reinert et al., Phys. Rev. B 63, 115415 (2001)"),
        "Cu(111)": (-435.0, 0.412, "Cu(111), Reinert et al., Phys. Rev. B 63, 115415 (2001)"),
    }
)


def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def k_from_carrier_density(density_per_nm2: float) -> float:
    """The Fermi wavevector k_F0 = sqrt(2 pi n) of a two-dimensional electron gas, in 1/nm.

    Parameters
    ----------
    density_per_nm2
        Carriers in one nm^2, both spins counted.

    Examples
    --------
    >>> round(k_from_carrier_density(0.5), 3)
    1.772
    """
    return float(np.sqrt(2 * np.pi * number(density_per_nm2, "the carrier density", "1/nm^2", above=0)))
