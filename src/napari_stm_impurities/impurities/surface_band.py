"""The surface band that sets the scale of a search: known, fitted to the maps, or that of a known material."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ..core.errors import StmError
from ..physics.dispersion import MATERIALS, Dispersion, band_given
from ..qpi.dispersion_fit import MIN_SIGNIFICANCE_SIGMA, NoRing, fit_dispersion, ring_significance

#: Without a ring, this many biases at least are needed; in fewer, smooth noise alone gives points.
_FEWEST_WITHOUT_RING = 4


def band_of(stack: xr.DataArray, given: Dispersion | str | None) -> tuple[Dispersion | None, tuple[str, ...]]:
    """The band that sets the scale: the given one, else read off the data; and what a person should know about it.

    Raises
    ------
    StmError
        If there are fewer than four biases, and no ring in their maps; or `given` is neither a band nor a material.
    """
    band = band_given(given)
    if band is not None:
        return band, _notes_on_given(stack, band)
    try:
        return fit_dispersion(stack), ()
    except NoRing as error:
        by_material = _ring_of_a_material(stack)
        if by_material is not None:
            return by_material
        n = stack.sizes["bias"]
        if n < _FEWEST_WITHOUT_RING:
            few = "one bias" if n == 1 else f"{n} biases"
            raise StmError(f"{error}; with {few} only, and no ring, an impurity cannot be told from noise") from None
        return None, (f"{error}; the pixels were taken as they are",)


def _ring_of_a_material(stack: xr.DataArray) -> tuple[Dispersion, tuple[str, ...]] | None:
    """The band of the known material whose ring stands out most, where a search without a material finds none.

    A ring that is looked for at one known k has to stand out of far fewer others than one that may lie anywhere.
    """
    above = [Dispersion.of_material(name) for name in MATERIALS]
    above = [band for band in above if (stack.bias.values > band.band_bottom_mv).any()]
    significance = [ring_significance(stack, band) for band in above]
    if not above or max(significance) < MIN_SIGNIFICANCE_SIGMA:
        return None
    band = above[int(np.argmax(significance))]
    note = (
        f"no ring stands out by itself, but that of {band.source} does ({max(significance):.1f} standard deviations),"
        " and sets the scale; give the material if it is another one"
    )
    return band, (note,)


def _notes_on_given(stack: xr.DataArray, band: Dispersion) -> tuple[str, ...]:
    """Whether the data show the ripples that they are said to have."""
    if not (stack.bias.values > band.band_bottom_mv).any() or ring_significance(stack, band) >= MIN_SIGNIFICANCE_SIGMA:
        return ()
    length_nm = np.pi / float(band.k_per_nm(stack.bias.values[-1]))
    return (
        f"no ripples of {length_nm:.2g} nm ({band.source}) stand out of the maps, so smooth patterns of another origin"
        " may be taken for impurities; look at the points one by one",
    )
