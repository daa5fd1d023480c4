"""Recognition of channels by their names and the header, and the choice of the default channel."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .recording import Channel

#: The controller's own lock-in amplifier: Nanonis names its channels LI Demod 1 X, LI_Demod_1_X, LIX 1 omega.
_OWN = re.compile(r"^li ?(?:[xyr]|phi|theta|phase)?(?![a-z])", re.IGNORECASE)
#: A lock-in amplifier by its usual names, or by the model of an external one (Stanford, Signal Recovery, Zurich).
_LOCK_IN = re.compile(
    r"lock ?in|(?<![a-z])lia[xyr]?(?![a-z])|\bli[xyr]\b|(?<![a-z\d])d ?[iu] ?/? ?d ?[vu](?![a-z])"
    r"|\bsr ?(?:8\d\d|[xyr])\b|\b72\d\d ?dsp\b|\b(?:mf|uhf|hf2)li\b",
    re.IGNORECASE,
)
#: A derivative of a higher order: d2I/dV2, d^2I/dV^2, d3I_dV3.
_HIGHER_ORDER = re.compile(r"(?<![a-z])d ?\^?([2-9]) ?i(?=d|\W|$)", re.IGNORECASE)
#: The signal of an auxiliary input is not recorded; in practice it is the lock-in (Omicron).
_AUXILIARY = re.compile(r"^aux ?\d", re.IGNORECASE)
#: What other names begin with; a bare I is a current in the name of a spectrum, I(V).
_KINDS = {"current": "current", r"I(?=\(|$)": "current", "z": "topography", "topography": "topography", "bias": "bias"}
#: The component stands alone or right after the amplifier's name; "in phase" is X, but "Lock-in phase" is the phase.
_IN_PHASE = re.compile(r"(?<!lock )\bin phase\b", re.IGNORECASE)
_OUT_OF_PHASE = re.compile(r"\bout of phase\b|quadrature|(?<![a-z])im(?:ag(?:inary)?)?(?![a-z])", re.IGNORECASE)
_COMPONENT = re.compile(
    r"(?:(?<![a-z\d])|(?<=li)|(?<=lia)|(?<=lockin)|(?<=sr))(x|y|r|phi|theta|phase|amplitude|magnitude)(?![a-z])",
    re.IGNORECASE,
)
_OMEGA = re.compile(r"(?<!\d)(\d+|n) ?(?:omega|\N{GREEK SMALL LETTER OMEGA})|\b(\d)[fw]\b", re.IGNORECASE)
#: An ordinal at the end of a name, as in "LIA X 2nd", counts harmonics; before another word it counts that.
_HARMONIC = re.compile(
    r"(\d)(?:st|nd|rd|th)(?: ?harm|\W*$)|\bharm(?:onic)? ?(\d)|\b(first|second|third)(?: ?harm|\W*$)", re.IGNORECASE
)
_ORDINALS = {"first": 1, "second": 2, "third": 3}
_DEMODULATOR = re.compile(r"demod(?:ulator)? ?(\d+)", re.IGNORECASE)
_ANGLE_UNITS = ("deg", "rad", "\N{DEGREE SIGN}")
_BACKWARD = re.compile(r"\[bwd\]|backward|[\[(]retrace[\])]|[ _]retrace$|\(bwd\)|\(down\)", re.IGNORECASE)
_FILTERED = re.compile(r"\[filt\]", re.IGNORECASE)
_REPEATED = re.compile(r"\[(\d+)\]")
_MAGNITUDE = "lock-in, magnitude"
#: Nanonis sets its second demodulator, and the higher harmonic of older versions, to the second harmonic by default.
_DEFAULT_HARMONICS = {"1": 1, "2": 2, "n": 2}


@dataclass(frozen=True)
class LockIn:
    """Settings of the controller's own lock-in amplifier, as far as a header states them.

    Attributes
    ----------
    status
        ``"ON"`` or ``"OFF"``; None where the header does not state it.
    harmonics
        The harmonic of each demodulator by its number (``"1"``, ``"2"``), and of the channels ``n omega`` by ``"n"``.
    modulated, demodulated
        The signals, such as ``Bias (V)`` and ``Current (A)``; empty where the header does not state it.
    """

    status: str | None = None
    harmonics: Mapping[str, int] = field(default_factory=dict)
    modulated: str = ""
    demodulated: str = ""


def recognise(name: str, unit: str, *, lock_in: LockIn | None = None) -> Channel:
    """The channel of a name, recognised by that name and by the settings of the controller's own lock-in.

    The settings concern the channels of that lock-in only: an external amplifier has none in the header.

    Parameters
    ----------
    name, unit
        As the file has them.
    lock_in
        The settings of the controller's own lock-in; None where the format has none.

    Examples
    --------
    >>> off = LockIn(status="OFF")
    >>> recognise("LI Demod 1 X", "A").is_didv, recognise("LI Demod 1 X", "A", lock_in=off).is_didv
    (True, False)
    >>> recognise("[P1]_LIX_2_omega", "A").what, recognise("7280DSP Lockin-X", "V", lock_in=off).is_didv
    ('lock-in, harmonic 2', True)
    >>> recognise("Current [bwd]", "A").what
    'current'
    """
    text = _without_tags(name)
    higher_order = _HIGHER_ORDER.search(text)
    if higher_order:
        return Channel(name, unit, f"lock-in, harmonic {higher_order[1]}", is_didv=False)
    own = bool(_OWN.search(text))
    if own or _LOCK_IN.search(text):
        settings = lock_in if own and lock_in is not None else LockIn()
        what, is_didv = _lock_in_signal(text, unit, own, settings)
        return Channel(name, unit, what, is_didv)
    if _AUXILIARY.search(text):
        return Channel(name, unit, "auxiliary", is_didv=False)
    for start, what in _KINDS.items():
        if re.match(rf"{start}([^a-z]|$)", text, re.IGNORECASE):
            return Channel(name, unit, what, is_didv=False)
    return Channel(name, unit, "other", is_didv=False)


def _without_tags(name: str) -> str:
    """A name without its tags ([P1], [bwd], [AVG]) and with spaces for underscores and hyphens."""
    return re.sub(r"[\s_\-]+", " ", re.sub(r"\[[^\]]*\]", " ", name)).strip()


def _lock_in_signal(text: str, unit: str, own: bool, settings: LockIn) -> tuple[str, bool]:
    """The description of a lock-in channel, and whether it is dI/dV."""
    component = _component(text, unit)
    if component in ("y", "phase"):
        return ("lock-in, phase" if component == "phase" else "lock-in, out of phase"), False
    harmonic = _harmonic(text, own, settings)
    if harmonic is None:
        return "lock-in, harmonic not stated", False
    if harmonic > 1:
        return f"lock-in, harmonic {harmonic}", False
    if settings.modulated and not settings.modulated.lower().startswith("bias"):
        return f"lock-in, modulated {settings.modulated}", False
    if settings.demodulated and not settings.demodulated.lower().startswith("current"):
        return f"lock-in of {settings.demodulated}", False
    if settings.status == "OFF":
        return "lock-in", False
    # the magnitude has no sign and holds what the capacitance adds, so it is dI/dV only as an assumption
    return (_MAGNITUDE, False) if component == "r" else ("lock-in", True)


def _component(text: str, unit: str) -> str:
    """``x``, ``y``, ``r`` or ``phase``; a name without a component is the in-phase signal."""
    if unit.strip().lower() in _ANGLE_UNITS:
        return "phase"
    if _IN_PHASE.search(text):
        return "x"
    if _OUT_OF_PHASE.search(text):
        return "y"
    match = _COMPONENT.search(text)
    found = match[1].lower() if match else "x"
    return {"amplitude": "r", "magnitude": "r", "phi": "phase", "theta": "phase"}.get(found, found)


def _harmonic(text: str, own: bool, settings: LockIn) -> int | None:
    """The measured harmonic of the modulation, or None where it is not stated."""
    omega = _OMEGA.search(text)
    if omega and (omega[1] or omega[2]) not in ("n", "N"):
        return int(omega[1] or omega[2])
    ordinal = _HARMONIC.search(text)
    if ordinal:
        return _ORDINALS.get((ordinal[3] or "").lower()) or int(ordinal[1] or ordinal[2])
    match = _DEMODULATOR.search(text)
    demodulator = "n" if omega else str(int(match[1])) if match else "1"
    if not own:
        return 1 if demodulator == "1" else None
    return settings.harmonics.get(demodulator, _DEFAULT_HARMONICS.get(demodulator))


def preferred(channels: Sequence[Channel]) -> Channel | None:
    """The preferred channel among those of one kind: forward, unfiltered, averaged or else the first sweep."""
    return min(channels, key=_rank, default=None)


def _rank(channel: Channel) -> tuple[bool, bool, int]:
    repeated = _REPEATED.search(channel.name)
    return (
        bool(_BACKWARD.search(channel.name)),
        bool(_FILTERED.search(channel.name)),
        int(repeated.group(1)) if repeated else 0,
    )


def is_backward(name: str) -> bool:
    """Whether a name is that of a backward scan, or of the scan from the other side.

    Examples
    --------
    >>> is_backward("Z [bwd]"), is_backward("Z")
    (True, False)
    """
    return bool(_BACKWARD.search(name))


def choose(channels: Sequence[Channel], lock_in: str | None, fallback: str) -> tuple[Channel, str, list[str]]:
    """The default channel, and the reason for the choice.

    Parameters
    ----------
    channels
        At least one.
    lock_in
        ``"ON"``, ``"OFF"`` or None: the status of the controller's own lock-in.
    fallback
        The kind that is taken when no channel is dI/dV.

    Returns
    -------
    tuple
        The channel, one sentence on why it is that one, and warnings.
    """
    warnings = []
    off = [channel for channel in channels if channel.what == "lock-in" and not channel.is_didv]
    if off:
        names = ", ".join(channel.name for channel in off if not _BACKWARD.search(channel.name)) or off[0].name
        warnings.append(f"the lock-in was off by the header, so what it recorded ({names}) is not dI/dV")
    all_didv = [channel for channel in channels if channel.is_didv]
    didv = preferred(all_didv)
    if didv:
        rivals = [channel.name for channel in all_didv if (channel.what, _rank(channel)) == (didv.what, _rank(didv))]
        if len(rivals) > 1:
            warnings.append(
                f"several channels are dI/dV by their names ({', '.join(rivals)}), and {didv.name} is taken as the"
                " first; name the channel to read"
            )
        return didv, f"{didv.name} is the lock-in signal, which is dI/dV.", warnings
    magnitude = preferred([channel for channel in channels if channel.what == _MAGNITUDE])
    if magnitude:
        reason = "is the magnitude of the lock-in signal, which is taken for dI/dV: no channel holds its X component"
        return magnitude, f"{magnitude.name} {reason}.", warnings
    auxiliary = preferred([channel for channel in channels if channel.what == "auxiliary"])
    if auxiliary:
        reason = "is taken for the lock-in: the file does not state the signal of this auxiliary input"
        return auxiliary, f"{auxiliary.name} {reason}.", warnings
    reason = "the lock-in was off" if lock_in == "OFF" else "no channel is dI/dV by the header"
    fallback_channel = preferred([channel for channel in channels if channel.what == fallback])
    if fallback_channel:
        return fallback_channel, f"{fallback_channel.name} is taken because {reason}.", warnings
    remaining = preferred([channel for channel in channels if channel.what != "bias"]) or channels[0]
    return remaining, f"{remaining.name} is taken because {reason} and the {fallback} was not recorded.", warnings
