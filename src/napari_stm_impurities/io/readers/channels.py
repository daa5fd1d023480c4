"""What a channel of a scanning tunnelling microscope is, told from its name, and which one to take."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .recording import Channel

_LOCK_IN = re.compile(r"^LI(?![a-z])|lock-?in|^LI[XYR]|dI/?dV|\bLI[XYR]\b|^LIA(?![a-z])|^d[IU]_d[VU]", re.IGNORECASE)
#: What an auxiliary input was connected to is told nowhere; in practice it is the lock-in (Omicron).
_AUXILIARY = re.compile(r"^aux ?\d", re.IGNORECASE)
#: What other names begin with; a bare I is a current in the name of a spectrum, I(V).
_KINDS = {"current": "current", r"I(?=\(|$)": "current", "z": "topography", "topography": "topography", "bias": "bias"}
_OUT_OF_PHASE = re.compile(r"LI_?Y|lock-?in ?Y|demod \d+ Y|phase|(^|[ _])Y\b", re.IGNORECASE)
_DEMODULATOR = re.compile(r"demod (\d+)|LI[XYR] (\d)|LI[XYR]_(\d)_omega", re.IGNORECASE)
_BACKWARD = re.compile(r"\[bwd\]|backward|\[retrace\]|\(down\)", re.IGNORECASE)
_FILTERED = re.compile(r"\[filt\]", re.IGNORECASE)
_REPEATED = re.compile(r"\[(\d+)\]")


def recognise(name: str, unit: str, *, lock_in: str | None = None, harmonics: Sequence[int] = ()) -> Channel:
    """Tell what a channel is from its name and from the lock-in's settings.

    Parameters
    ----------
    name, unit
        As the file has them.
    lock_in
        ``"ON"`` or ``"OFF"`` by the header, None where it does not say.
    harmonics
        The harmonic of each demodulator, where the header says it.

    Examples
    --------
    >>> recognise("LI Demod 1 X", "A").is_didv, recognise("LI Demod 1 X", "A", lock_in="OFF").is_didv
    (True, False)
    >>> recognise("Current [bwd]", "A").what
    'current'
    """
    if _LOCK_IN.search(name):
        if _OUT_OF_PHASE.search(name):
            return Channel(name, unit, "lock-in, out of phase", is_didv=False)
        harmonic = _harmonic(name, harmonics)
        if harmonic > 1:
            return Channel(name, unit, f"lock-in, harmonic {harmonic}", is_didv=False)
        return Channel(name, unit, "lock-in", is_didv=lock_in != "OFF")
    if _AUXILIARY.search(name):
        return Channel(name, unit, "auxiliary", is_didv=lock_in != "OFF")
    for start, what in _KINDS.items():
        if re.match(rf"{start}([^a-z]|$)", name, re.IGNORECASE):
            return Channel(name, unit, what, is_didv=False)
    return Channel(name, unit, "other", is_didv=False)


def _harmonic(name: str, harmonics: Sequence[int]) -> int:
    if "_n_omega" in name:
        return 2  # older Nanonis: a higher harmonic beside the first, LIX_1_omega
    match = _DEMODULATOR.search(name)
    demodulator = int(next(group for group in match.groups() if group)) if match else 1
    if 0 < demodulator <= len(harmonics):
        return harmonics[demodulator - 1]
    # Nanonis sets its second demodulator to the second harmonic unless told otherwise
    return demodulator


def preferred(channels: Sequence[Channel]) -> Channel | None:
    """The one to take among channels of one kind: forward, unfiltered, averaged or else the first sweep."""

    def rank(channel: Channel) -> tuple[bool, bool, int]:
        repeated = _REPEATED.search(channel.name)
        return (
            bool(_BACKWARD.search(channel.name)),
            bool(_FILTERED.search(channel.name)),
            int(repeated.group(1)) if repeated else 0,
        )

    return min(channels, key=rank, default=None)


def choose(channels: Sequence[Channel], lock_in: str | None, fallback: str) -> tuple[Channel, str, list[str]]:
    """Choose the channel that is taken when nobody asks for one.

    Parameters
    ----------
    channels
        At least one.
    lock_in
        ``"ON"``, ``"OFF"`` or None, as in :func:`recognise`.
    fallback
        The kind that is taken when no channel is dI/dV.

    Returns
    -------
    tuple
        The channel, one sentence on why it is that one, and warnings.
    """
    locked = [channel for channel in channels if channel.what.startswith("lock-in")]
    warnings = []
    if locked and lock_in == "OFF":
        names = ", ".join(channel.name for channel in locked if not _BACKWARD.search(channel.name))
        warnings.append(f"the lock-in was off by the header, so what it recorded ({names}) is not dI/dV")
    didv = preferred([channel for channel in channels if channel.is_didv and channel.what != "auxiliary"])
    if didv:
        return didv, f"{didv.name} is the lock-in signal, which is dI/dV.", warnings
    auxiliary = preferred([channel for channel in channels if channel.is_didv])
    if auxiliary:
        warnings.append(
            f"the file does not say what {auxiliary.name} was connected to; it is believed to be the lock-in"
        )
        return auxiliary, f"{auxiliary.name} is an auxiliary input, which usually is the lock-in.", warnings
    reason = "the lock-in was off" if lock_in == "OFF" else "no channel is dI/dV by the header"
    other = preferred([channel for channel in channels if channel.what == fallback])
    if other:
        return other, f"{other.name} is taken because {reason}.", warnings
    left = preferred([channel for channel in channels if channel.what != "bias"]) or channels[0]
    return left, f"{left.name} is taken because {reason} and the {fallback} was not recorded.", warnings
