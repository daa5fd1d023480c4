"""Titles of images without their bias, by which images of one quantity are recognised."""

from __future__ import annotations

import re

_BIAS = re.compile(
    r"(?:\b(?:bias|v_?bias|vb|vs|v_?gap|gap)\b[ _:=]*|\b[vu]\s?=\s*|@\s*)?"
    r"(?:[-+\N{MINUS SIGN}]\s?|(?<![a-z0-9])(?:m|p|n|minus|neg|plus|pos)[ _]?(?=\d))?"
    r"\d+(?:[.,p]\d+)?[ _]?(?:me|m|u|\N{MICRO SIGN}|\N{GREEK SMALL LETTER MU}|e)?v(?![a-z0-9])",
    re.IGNORECASE,
)
_EDGES = " _-,;:@()[]="


def without_bias(title: str) -> str:
    """A title without the voltages in it; as it is where nothing else is left.

    Examples
    --------
    >>> [without_bias(title) for title in ("dI/dV -230 mV", "LDOS (m0p1V)", "map_+20meV [bwd]", "-5 mV", "Z")]
    ['dI/dV', 'LDOS', 'map [bwd]', '-5 mV', 'Z']
    """
    remaining = re.sub(r"[\s_]{2,}|\(\s*\)|\[\s*\]", " ", _BIAS.sub("", title)).strip()
    # a tag such as [bwd] at the end keeps its bracket
    remaining = remaining.lstrip(_EDGES.replace("[", "")).rstrip(_EDGES.replace("]", "").replace(")", ""))
    return re.sub(r"[\s_]+(?=\[)", " ", remaining) or title


def same_signal(name: str) -> str:
    """A name in the form for comparison: versions of a controller write LI Demod 1 X and LI_Demod_1_X for one signal.

    Examples
    --------
    >>> same_signal("LI_Demod_1_X [bwd]") == same_signal("LI Demod 1 X [bwd]")
    True
    """
    return re.sub(r"[\s_]+", " ", name).strip().casefold()
