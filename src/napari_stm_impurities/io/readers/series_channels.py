"""The common channels of the files of a series, their unit, and the file that lacks the default channel.

A file without the lock-in, or with the lock-in off, must not turn the whole series into a topography: an error
names it.
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
        Its name in the series, and its unit.
    parts
        The channel of each file, with the factor that takes its values to the unit of the series.
    """

    channel: Channel
    parts: tuple[tuple[Channel, float], ...]


@dataclass(frozen=True)
class Agreed:
    """The common channels of the files of a series.

    Attributes
    ----------
    leader
        The first of the files whose own default channel is that of the series.
    default
        The name of the default channel: dI/dV where any file has it.
    channels
        Those that all files have.
    odd_file
        The error for a file that lacks the default channel; None where all have it.
    warnings
        Channels that all files have, in units of different kinds.
    """

    leader: Recording
    default: str
    channels: tuple[Joined, ...]
    odd_file: ReadError | None
    warnings: tuple[str, ...]


def agree(recordings: Sequence[Recording]) -> Agreed:
    """The common channels of the files.

    Raises
    ------
    ReadError
        With the file that differs, where the files have no channel in common.
    """
    default = _default_channel(recordings)
    # the first file with this default channel: its reason is the reason of the series
    leader = next(item for item in recordings if item.channel() == default)
    joined, warnings = list[Joined](), list[str]()
    for channel in leader.channels:
        found = [_find(item, channel.name) for item in recordings]
        parts = [part for part in found if part is not None]
        if len(parts) < len(recordings):
            continue
        unit = _most_common([part.unit for part in parts])
        factors = [conversion_factor(part.unit, unit) for part in parts]
        kept = [factor for factor in factors if factor is not None]
        if len(kept) < len(parts):
            odd_index = factors.index(None)
            name = recordings[odd_index].paths[0].name
            warnings.append(
                f"{channel.name} is left out: {name} has it in {_unit_text(parts[odd_index].unit)},"
                f" not {_unit_text(unit)}"
            )
            continue
        # a lock-in that was off in one file makes no dI/dV of the whole
        reference = next((part for part in parts if not part.is_didv), parts[0])
        joined.append(
            Joined(Channel(channel.name, unit, reference.what, reference.is_didv), tuple(zip(parts, kept, strict=True)))
        )
    odd_file = _odd_file(recordings, default, [item.channel.name for item in joined])
    if odd_file is not None:
        if not joined:
            raise odd_file
        # already part of the error
        warnings = [item for item in warnings if not item.startswith(f"{default.name} is left out")]
    return Agreed(leader, default.name, tuple(joined), odd_file, tuple(warnings))


def with_one_name(recordings: Sequence[Recording]) -> list[Recording]:
    """The recordings as they are; those of one channel each, whose titles differ by the bias, with one name for it.

    Titles that differ in more than the bias are one signal only as an assumption, and only where they are of one kind
    and direction.
    """
    single_channels = [item.channels[0] for item in recordings]
    alike = {(item.what, item.is_didv, is_backward(item.name)) for item in single_channels}
    if any(len(item.channels) != 1 for item in recordings) or len(alike) > 1:
        return list(recordings)
    titles = list(dict.fromkeys(without_bias(item.name) for item in single_channels))
    if len({same_signal(item.name) for item in single_channels}) == 1:
        return list(recordings)
    assumed: tuple[Assumption, ...] = ()
    if len({same_signal(title) for title in titles}) > 1:
        listed = ", ".join(titles[:3]) + (", ..." if len(titles) > 3 else "")
        assumed = (
            Assumption(
                "channel",
                f"{listed} are taken for one signal, since each is the only channel of its file",
                "give the channel one name in all files",
            ),
        )
    return [
        replace(
            item,
            channels=(replace(channel, name=titles[0]),),
            default=titles[0],
            load=_of(item.load, channel),
            assumptions=(*assumed, *item.assumptions),
            saved=None,
        )
        for item, channel in zip(recordings, single_channels, strict=True)
    ]


def _of(load: Callable[[Channel], np.ndarray], channel: Channel) -> Callable[[Channel], np.ndarray]:
    return lambda _: load(channel)


def _default_channel(recordings: Sequence[Recording]) -> Channel:
    """The default channel of the series: the best of the default channels of the files, then that of most files."""
    defaults = [recording.channel() for recording in recordings]
    count = Counter(same_signal(channel.name) for channel in defaults)
    usual_first = sorted(defaults, key=lambda channel: -count[same_signal(channel.name)])
    return choose(usual_first, None, fallback="topography")[0]


def _find(recording: Recording, name: str) -> Channel | None:
    return next((channel for channel in recording.channels if same_signal(channel.name) == same_signal(name)), None)


def _most_common(units: Sequence[str]) -> str:
    return Counter(units).most_common(1)[0][0]


def _unit_text(unit: str) -> str:
    return unit or "no unit"


def _odd_file(recordings: Sequence[Recording], default: Channel, common: Sequence[str]) -> ReadError | None:
    """The error for the first file that lacks the default channel, with the channels that it has."""
    found = [_find(channel_, default.name) for channel_ in recordings]
    n_with_channel = sum(channel_ is not None and channel_.is_didv == default.is_didv for channel_ in found)
    others_text = (
        "the others have"
        if n_with_channel == len(recordings) - 1
        else f"{n_with_channel} of the {len(recordings)} files have"
    )
    unit = _most_common([channel_.unit for channel_ in found if channel_ is not None])
    remedy = "leave it out"
    alternatives = [name for name in common if same_signal(name) != same_signal(default.name)]
    if alternatives:
        remedy += f", or name a channel that all files have ({', '.join(alternatives)})"
    for recording, channel in zip(recordings, found, strict=True):
        path: Path = recording.paths[0]
        if channel is None:
            return ReadError(
                path, f"has no {default.name}, which {others_text} ({_channels_text(recording)}); {remedy}"
            )
        if default.is_didv and not channel.is_didv:
            reason = "was recorded with the lock-in off" if channel.what == "lock-in" else f"is the {channel.what}"
            return ReadError(path, f"its {channel.name} {reason}, and so is not the dI/dV that {others_text}; {remedy}")
        if conversion_factor(channel.unit, unit) is None:
            text = f"has {channel.name} in {_unit_text(channel.unit)}, which is no multiple of {_unit_text(unit)}"
            return ReadError(path, f"{text}, the unit of the others; {remedy}")
    return None


def _channels_text(recording: Recording) -> str:
    names = [channel.name for channel in recording.channels if not is_backward(channel.name)] or [
        recording.channels[0].name
    ]
    return f"it has {', '.join(names)}"
