"""A series: files of one map each, at different biases, that become one stack.

The maps can only be compared pixel by pixel, so they must show the same frame: its size, its centre and its
rotation. The file that does not is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from ...core.errors import ReadError
from .recording import Channel, Frame, Recording

#: Frames are the same when they agree to half a pixel, and their rotation to a tenth of a degree.
_CENTER_PX = 0.5
_ANGLE_DEG = 0.1
_SIZE_SHARE = 1e-3


def as_series(recordings: Sequence[Recording]) -> Recording:
    """Make one recording of several files with one map each, sorted by bias.

    Raises
    ------
    ReadError
        Naming the file that has several maps, another frame, a bias that another one has already, or
        not one channel in common with the others.
    """
    first = recordings[0]
    if len(recordings) == 1:
        return first
    for one in recordings:
        if len(one.bias_mv) != 1:
            raise ReadError(
                one.name, f"holds {len(one.bias_mv)} maps; a series is of files with one map each: read it alone"
            )
    _refuse_odd_frame(recordings)
    ordered = sorted(recordings, key=lambda one: one.bias_mv[0])
    for before, one in pairwise(ordered):
        if one.bias_mv == before.bias_mv:
            raise ReadError(
                one.name, f"has the bias {one.bias_mv[0]:g} mV, and so has {before.name}; leave one of them out"
            )
    if all(len(one.channels) == 1 for one in ordered):
        # a file's only channel is meant, even where its title tells the bias and so differs from the others'
        ordered = [_called(one, first.channels[0].name) for one in ordered]
    channels = [channel for channel in ordered[0].channels if all(_has(one, channel) for one in ordered)]
    if not channels:
        raise ReadError(ordered[-1].name, "has no channel that all files of the series have")
    # a lock-in that was off for one map makes the whole series no dI/dV
    leader = next((one for one in ordered if not one.channel().is_didv), ordered[0])
    default = leader.channel() if leader.channel().name in {channel.name for channel in channels} else channels[0]
    warnings = Counter(warning for one in ordered for warning in one.warnings)

    def load(channel: Channel) -> np.ndarray:
        return np.concatenate([one.load(one.channel(channel.name)) for one in ordered])

    return replace(
        leader,
        paths=tuple(path for one in ordered for path in one.paths),
        channels=tuple(leader.channel(channel.name) for channel in channels),
        default=default.name,
        bias_mv=tuple(one.bias_mv[0] for one in ordered),
        frame=ordered[0].frame,
        load=load,
        sweep_signal="Bias (V)",
        warnings=tuple(f"{text} ({n} of {len(ordered)} files)" for text, n in warnings.items()),
        history=(f"{len(ordered)} files put together by their bias",),
        saved=None,
    )


def _called(recording: Recording, name: str) -> Recording:
    """A recording of one channel with another name for it."""
    (only,) = recording.channels
    load = recording.load
    return replace(recording, channels=(replace(only, name=name),), default=name, load=lambda _: load(only), saved=None)


def _has(recording: Recording, channel: Channel) -> bool:
    return any(one.name == channel.name for one in recording.channels)


def _refuse_odd_frame(recordings: Sequence[Recording]) -> None:
    # the frame that most files have is the right one; the odd file is then the other one, wherever it stands
    agreeing = [sum(_difference(one.frame, other.frame) is None for other in recordings) for one in recordings]
    right = recordings[int(np.argmax(agreeing))]
    for one in recordings:
        difference = _difference(right.frame, one.frame)
        if difference is not None:
            raise ReadError(one.name, f"does not show the frame of {right.name}: {difference}; leave it out")


def _difference(a: Frame, b: Frame) -> str | None:
    """In what two frames differ, in words; None when they are the same."""
    if a.shape != b.shape:
        return f"{b.shape[0]} x {b.shape[1]} pixels instead of {a.shape[0]} x {a.shape[1]}"
    if not np.allclose(a.pixel_size_nm, b.pixel_size_nm, rtol=_SIZE_SHARE):
        size = [f"{f.shape[0] * f.pixel_size_nm[0]:.5g} x {f.shape[1] * f.pixel_size_nm[1]:.5g} nm" for f in (b, a)]
        return f"its size is {size[0]} instead of {size[1]}"
    if a.center_nm is not None and b.center_nm is not None:
        off = float(np.hypot(a.center_nm[0] - b.center_nm[0], a.center_nm[1] - b.center_nm[1]))
        if off > _CENTER_PX * max(a.pixel_size_nm):
            return f"its centre lies {off:.3g} nm away"
    if a.angle_deg is not None and b.angle_deg is not None:
        turned = (a.angle_deg - b.angle_deg + 180) % 360 - 180
        if abs(turned) > _ANGLE_DEG:
            return f"it is rotated by {b.angle_deg:g} degrees instead of {a.angle_deg:g}"
    return None
