"""Conversion factors between units of measured values that are SI multiples of one unit."""

from __future__ import annotations

import re

_PREFIXES = {
    "": 0, "f": -15, "p": -12, "n": -9, "u": -6, "m": -3, "c": -2, "k": 3, "M": 6, "G": 9,
    "\N{MICRO SIGN}": -6, "\N{GREEK SMALL LETTER MU}": -6,
}  # fmt: skip
#: Each unit by the powers of the ten and of the units that it stands for: a siemens is an ampere by a volt.
_UNITS: dict[str, tuple[int, dict[str, int]]] = {
    **{unit: (0, {unit: 1}) for unit in ("A", "V", "m", "Hz", "N", "s", "K", "W", "rad", "deg")},
    "S": (0, {"A": 1, "V": -1}),
    "\N{GREEK CAPITAL LETTER OMEGA}": (0, {"V": 1, "A": -1}),
    "Ohm": (0, {"V": 1, "A": -1}),
    "\N{LATIN CAPITAL LETTER A WITH RING ABOVE}": (-10, {"m": 1}),
}
_FACTOR = re.compile(rf"({'|'.join(_PREFIXES)})({'|'.join(sorted(_UNITS, key=len, reverse=True))})(?:\^?([-+]?\d))?")
_SUPERSCRIPTS = str.maketrans("\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT ONE}\N{SUPERSCRIPT TWO}", "-12")


def conversion_factor(unit: str, to: str) -> float | None:
    """The number by which a value in `unit` is multiplied to have it in `to`; None when they are of different kinds.

    Examples
    --------
    >>> conversion_factor("nA", "A"), conversion_factor("nS", "pA/mV"), conversion_factor("A", "m")
    (1e-09, 1.0, None)
    >>> conversion_factor("DAC", "DAC"), conversion_factor("", "A")
    (1.0, None)
    """
    if unit.strip() == to.strip():
        return 1.0
    parsed, target = _parsed(unit), _parsed(to)
    if parsed is None or target is None or parsed[1] != target[1]:
        return None
    # by a text, since 10.0**-9 is not the float that is nearest to it
    return float(f"1e{parsed[0] - target[0]}")


def _parsed(unit: str) -> tuple[int, dict[str, int]] | None:
    """The power of ten and the powers of the basic units; None for what is no product of units with SI prefixes."""
    text = re.sub(r"[()\[\]]", "", unit.translate(_SUPERSCRIPTS)).strip()
    power, powers = 0, dict[str, int]()
    for position, part in enumerate(text.split("/")):
        factors = [factor_ for factor_ in re.split(r"[\s*\N{MIDDLE DOT}\N{DOT OPERATOR}.]+", part) if factor_]
        if not factors:
            return None
        for factor in factors:
            match = _FACTOR.fullmatch(factor)
            if match is None:
                return None
            exponent = int(match[3] or 1) * (-1 if position else 1)
            unit_power, unit_powers = _UNITS[match[2]]
            power += exponent * (_PREFIXES[match[1]] + unit_power)
            for name, count in unit_powers.items():
                powers[name] = powers.get(name, 0) + exponent * count
    return power, {name: count for name, count in powers.items() if count}
