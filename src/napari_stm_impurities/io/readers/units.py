"""Units of the bias and of lengths, as files and the names of their entries have them."""

from __future__ import annotations

import re

#: What one of a unit is in mV.
MV = {"mv": 1.0, "mev": 1.0, "v": 1000.0, "ev": 1000.0, "uv": 1e-3, "µv": 1e-3}
#: What one of a unit is in nm.
NM = {
    "m": 1e9,
    "cm": 1e7,
    "mm": 1e6,
    "um": 1e3,
    "µm": 1e3,
    "micron": 1e3,
    "microns": 1e3,
    "nm": 1.0,
    "nanometer": 1.0,
    "a": 0.1,
    "å": 0.1,
    "ang": 0.1,
    "angstrom": 0.1,
    "pm": 1e-3,
}


def unit_mv(unit: str) -> float | None:
    """What one of a unit is in mV, or None when it is no unit of the bias.

    Examples
    --------
    >>> unit_mv("V"), unit_mv("meV"), unit_mv("nm")
    (1000.0, 1.0, None)
    """
    return MV.get(unit.strip().lower())


def unit_nm(unit: str) -> float | None:
    """What one of a unit is in nm, or None when it is no unit of length.

    Examples
    --------
    >>> unit_nm("m"), unit_nm("Å"), unit_nm("V")
    (1000000000.0, 0.1, None)
    """
    # the micro sign is written as the Greek letter too, and by ImageJ as an escape
    return NM.get(unit.strip().replace("\\u00B5", "µ").replace("\N{GREEK SMALL LETTER MU}", "µ").lower())


def bias_factor_mv(name: str) -> float | None:
    """What a value is in mV by the end of its name, or None when that does not tell.

    Examples
    --------
    >>> bias_factor_mv("bias_mV"), bias_factor_mv("V (V)"), bias_factor_mv("energy")
    (1.0, 1000.0, None)
    """
    match = re.search(r"[_ (\[](m?e?V|[uµ]V)[)\]]?$", name, re.IGNORECASE)
    return unit_mv(match.group(1)) if match else None


def length_factor_nm(name: str) -> float | None:
    """What a length is in nm by the end of its name, or None when that does not tell.

    Examples
    --------
    >>> length_factor_nm("pixel_nm"), length_factor_nm("size_m"), length_factor_nm("pixel")
    (1.0, 1000000000.0, None)
    """
    match = re.search(r"[_ (\[](nm|[uµ]m|pm|mm|m|A|Å)[)\]]?$", name, re.IGNORECASE)
    return unit_nm(match.group(1)) if match else None
