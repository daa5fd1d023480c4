"""The bias in the name of a file or of an image: ``-230mV``, ``m0p23V``, ``+20 meV``, ``0.5V``."""

from __future__ import annotations

import re

from .units import unit_mv

# a sign, or the letter m or p in its place; a point, a comma, or the letter p in its place
_BIAS = re.compile(
    r"(?P<said>bias|vb|vs|v_?gap|gap|v=|u=)?[ _=]*"
    r"(?P<sign>[-+\N{MINUS SIGN}]|(?<![a-z0-9])(?:m|p|n|minus[ _]?|neg[ _]?|plus[ _]?|pos[ _]?)(?=\d))?"
    r"(?<![\d.])(?P<number>\d+(?:[.,p]\d+)?)[ _]?(?P<unit>mev|mv|ev|v)"
    r"(?:(?P<after>[ _]?(?:mod|rms|pp|ac|lock))|(?![a-z0-9]))",
    re.IGNORECASE,
)
_MODULATION = re.compile(r"(?:mod(?:ulation)?|rms|lock-?in|ac|amp(?:litude)?)[ _=]*$", re.IGNORECASE)


def bias_in_name(name: str) -> float | None:
    """The bias in mV that a name tells, or None when it tells none, or several.

    A number with the word bias before it wins over others; the lock-in's modulation is no bias.

    Examples
    --------
    >>> [bias_in_name(name) for name in ("map_-230mV", "m0p23V", "+20 meV", "Au 0.5V", "dIdV_m5_mV", "run 12")]
    [-230.0, -230.0, 20.0, 500.0, -5.0, None]
    >>> bias_in_name("5mVmod bias -100mV"), bias_in_name("10mV_20mV")
    (-100.0, None)
    """
    said: dict[bool, set[float]] = {True: set(), False: set()}
    for match in _BIAS.finditer(name):
        if match["after"] or (not match["said"] and _MODULATION.search(name[: match.start()])):
            continue
        number = float(match["number"].lower().replace("p", ".").replace(",", "."))
        minus = (match["sign"] or "+")[0].lower() in "-mn\N{MINUS SIGN}"
        factor = unit_mv(match["unit"]) or 1.0
        said[bool(match["said"])].add(round((-number if minus else number) * factor, 9))
    for found in (said[True], said[False]):
        if len(found) == 1:
            return found.pop()
        if found:
            return None
    return None
