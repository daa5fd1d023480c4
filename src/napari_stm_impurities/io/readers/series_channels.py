"""Which channels all files of a series have, in which unit they are joined, and which file lacks the one that is meant.

A file without the lock-in, or with the lock-in off, must not turn the whole series into a topography: it is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...core.errors import ReadError
from .channels import choose, is_backward
from .image_titles import same_signal, without_bias
from .recording import Assumption, Channel, Recording
from .si_prefixes import conversion_factor


@dataclass(frozen=True)
class Joined:
    """A channel that every file of the series has.

    Attributes
    ----------
    channel
        What it is called in the series, and its unit.
    parts
        The channel of each file, with the factor that takes its values to the unit of the series.
    """

    channel: Channel
    parts: tuple[tuple[Channel, float], ...]


@dataclass(frozen=True)
class Agreed:
    """What the files of a series have in common.

    Attributes
    ----------
    leader
        The first of the files whose own default channel is the one that is meant.
    default
        The name of the channel that is meant: dI/dV where any file has it.
    channels
        Those that all files have.
    odd_file
        Names the file that lacks the channel that is meant; None where all have it.
    warnings
        Channels that all files have, in units of different kinds.
    """

    leader: Recording
    default: str
    channels: tuple[Joined, ...]
    odd_file: ReadError | None
    warnings: tuple[str, ...]


def agree(recordings: Sequence[Recording]) -> Agreed:
    """What the files have in common.

    Raises
    ------
    ReadError
        Naming the odd file, where the files have no channel in common.
    """
    wanted = _wanted(recordings)
    # the first file that would be read so alone: its reason is the reason of the series
    leader = next(one for one in recordings if one.channel() == wanted)
    joined, warnings = list[Joined](), list[str]()
    for channel in leader.channels:
        there = [_find(one, channel.name) for one in recordings]
        parts = [part for part in there if part is not None]
        if len(parts) < len(recordings):
            continue
        unit = _usual([part.unit for part in parts])
        factors = [conversion_factor(part.unit, unit) for part in parts]
        kept = [factor for factor in factors if factor is not None]
        if len(kept) < len(parts):
            odd = factors.index(None)
            name = recordings[odd].paths[0].name
            warnings.append(f"{channel.name} is left out: {name} has it in {_said(parts[odd].unit)}, not {_said(unit)}")
            continue
        # a lock-in that was off in one file makes no dI/dV of the whole
        least = next((part for part in parts if not part.is_didv), parts[0])
        joined.append(
            Joined(Channel(channel.name, unit, least.what, least.is_didv), tuple(zip(parts, kept, strict=True)))
        )
    odd_file = _odd_file(recordings, wanted, [one.channel.name for one in joined])
    if odd_file is not None:
        if not joined:
            raise odd_file
        # the message says it already
        warnings = [one for one in warnings if not one.startswith(f"{wanted.name} is left out")]
    return Agreed(leader, wanted.name, tuple(joined), odd_file, tuple(warnings))


def with_one_name(recordings: Sequence[Recording]) -> list[Recording]:
    """The recordings as they are; those of one channel each, whose titles differ by the bias, with one name for it.

    Titles that differ in more than the bias are one signal only as an assumption, and only where they are of one kind
    and direction.
    """
    only = [one.channels[0] for one in recordings]
    alike = {(one.what, one.is_didv, is_backward(one.name)) for one in only}
    if any(len(one.channels) != 1 for one in recordings) or len(alike) > 1:
        return list(recordings)
    titles = list(dict.fromkeys(without_bias(one.name) for one in only))
    if len({same_signal(one.name) for one in only}) == 1:
        return list(recordings)
    assumed: tuple[Assumption, ...] = ()
    if len({same_signal(title) for title in titles}) > 1:
        shown = ", ".join(titles[:3]) + (", ..." if len(titles) > 3 else "")
        assumed = (
            Assumption(
                "channel",
                f"{shown} are taken for one signal, since each is the only channel of its file",
                "give the channel one name in all files",
            ),
        )
    return [
        replace(
            one,
            channels=(replace(channel, name=titles[0]),),
            default=titles[0],
            load=_of(one.load, channel),
            assumptions=(*assumed, *one.assumptions),
            saved=None,
        )
        for one, channel in zip(recordings, only, strict=True)
    ]


def _of(load: Callable[[Channel], np.ndarray], channel: Channel) -> Callable[[Channel], np.ndarray]:
    return lambda _: load(channel)


def _wanted(recordings: Sequence[Recording]) -> Channel:
    """The channel that is meant: the best of those that the files would be read with alone, then that of most files."""
    defaults = [one.channel() for one in recordings]
    count = Counter(same_signal(one.name) for one in defaults)
    usual_first = sorted(defaults, key=lambda one: -count[same_signal(one.name)])
    return choose(usual_first, None, fallback="topography")[0]


def _find(recording: Recording, name: str) -> Channel | None:
    return next((one for one in recording.channels if same_signal(one.name) == same_signal(name)), None)


def _usual(units: Sequence[str]) -> str:
    return Counter(units).most_common(1)[0][0]


def _said(unit: str) -> str:
    return unit or "no unit"


def _odd_file(recordings: Sequence[Recording], wanted: Channel, common: Sequence[str]) -> ReadError | None:
    """Names the first file that lacks the channel that is meant, and what it has in its place."""
    there = [_find(one, wanted.name) for one in recordings]
    n_have = sum(one is not None and one.is_didv == wanted.is_didv for one in there)
    the_others = "the others have" if n_have == len(recordings) - 1 else f"{n_have} of the {len(recordings)} files have"
    unit = _usual([one.unit for one in there if one is not None])
    remedy = "leave it out"
    left = [name for name in common if same_signal(name) != same_signal(wanted.name)]
    if left:
        remedy += f", or name a channel that all files have ({', '.join(left)})"
    for recording, channel in zip(recordings, there, strict=True):
        path: Path = recording.paths[0]
        if channel is None:
            return ReadError(path, f"has no {wanted.name}, which {the_others} ({_instead(recording)}); {remedy}")
        if wanted.is_didv and not channel.is_didv:
            why = "was recorded with the lock-in off" if channel.what == "lock-in" else f"is the {channel.what}"
            return ReadError(path, f"its {channel.name} {why}, and so is not the dI/dV that {the_others}; {remedy}")
        if conversion_factor(channel.unit, unit) is None:
            has = f"has {channel.name} in {_said(channel.unit)}, which is no multiple of {_said(unit)}"
            return ReadError(path, f"{has}, the unit of the others; {remedy}")
    return None


def _instead(recording: Recording) -> str:
    names = [one.name for one in recording.channels if not is_backward(one.name)] or [recording.channels[0].name]
    return f"it has {', '.join(names)}"
