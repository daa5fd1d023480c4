"""The settings of the lock-in amplifier of a Nanonis controller, from the header of a grid or a scan."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from .channels import LockIn

_MODULE = "Lock-in>"
#: Harmonic D1 belongs to the first demodulator; older versions have one Harmonic, that of the channels "n omega".
_HARMONIC = re.compile(rf"{_MODULE}Harmonic(?: D(\d+))?")


def lock_in_settings(entries: Mapping[str, str]) -> LockIn:
    """The settings of the controller's own lock-in, as far as the entries of a header state them.

    Examples
    --------
    >>> lock_in_settings({"Lock-in>Lock-in status": "ON", "Lock-in>Harmonic D2": "1"})
    LockIn(status='ON', harmonics={'2': 1}, modulated='', demodulated='')
    """
    status = _text(entries, "Lock-in status").upper()
    harmonics = {}
    for name in entries:
        match = _HARMONIC.fullmatch(name.strip())
        number = _whole(entries[name]) if match else None
        if match and number is not None:
            harmonics[match[1] or "n"] = number
    return LockIn(
        status=status if status in ("ON", "OFF") else None,
        harmonics=harmonics,
        modulated=_text(entries, "Modulated signal"),
        demodulated=_text(entries, "Demodulated signal"),
    )


def _text(entries: Mapping[str, str], name: str) -> str:
    return entries.get(f"{_MODULE}{name}", "").strip().strip('"').strip()


def _whole(text: str) -> int | None:
    try:
        number = float(text.strip().strip('"').replace(",", "."))
    except ValueError:
        return None
    return int(number) if math.isfinite(number) and number >= 1 and number == int(number) else None
