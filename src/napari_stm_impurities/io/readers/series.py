"""A series: files of one map each, at different biases, that become one stack.

The maps can only be compared pixel by pixel, so they must show the same frame: its size, its centre and its
rotation; and they must be of one quantity in one unit. The file that differs is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from ...core.errors import ReadError
from ...data.schemas import STACK
from .frames import frame_difference
from .recording import Assumption, Channel, Recording
from .series_channels import Joined, agree, with_one_name

#: Biases that differ by less are one: the 20 bits of a controller over 20 V are 0.02 mV.
_SAME_BIAS_MV = 1e-3
#: So many sentences of one kind are written out; the others are counted.
_MAX_TEXTS = 3


def as_series(recordings: Sequence[Recording]) -> Recording:
    """Make one recording of several files with one map each, sorted by bias.

    The default channel is dI/dV where any file has it. Where a file lacks it, only a channel by its name can be read.

    Raises
    ------
    ReadError
        Naming the file that has several maps, another format, another frame or a bias that another one has
        already; or that has not one channel in common with the others.
    """
    if len(recordings) == 1:
        return recordings[0]
    for one in recordings:
        if one.schema != STACK:
            raise ReadError(one.name, f"holds a saved {one.schema.name} without a bias, and cannot be part of a series")
        if len(one.bias_mv) != 1:
            raise ReadError(
                one.name, f"holds {len(one.bias_mv)} maps; a series is of files with one map each: read it alone"
            )
    _refuse_odd_format(recordings)
    _refuse_odd_frame(recordings)
    ordered = with_one_name(sorted(recordings, key=lambda one: one.bias_mv[0]))
    for before, one in pairwise(ordered):
        if one.bias_mv[0] - before.bias_mv[0] < _SAME_BIAS_MV:
            raise ReadError(
                one.name, f"has the bias {one.bias_mv[0]:g} mV, and so has {before.name}; leave one of them out"
            )
    agreed = agree(ordered)
    joined = {one.channel.name: one for one in agreed.channels}
    n = len(ordered)
    warnings = Counter(warning for one in ordered for warning in one.warnings)

    def load(channel: Channel) -> np.ndarray:
        parts = zip(ordered, joined[channel.name].parts, strict=True)
        return np.concatenate([_scaled(one.load(part), factor) for one, (part, factor) in parts])

    return replace(
        agreed.leader,
        paths=tuple(path for one in ordered for path in one.paths),
        channels=tuple(one.channel for one in agreed.channels),
        default=agreed.default,
        bias_mv=tuple(one.bias_mv[0] for one in ordered),
        frame=ordered[0].frame,
        load=load,
        sweep_signal="Bias (V)",
        warnings=(
            *(f"{text} ({count} of {n} files)" for text, count in warnings.items()),
            *agreed.warnings,
            *_mixed_feedback(ordered),
        ),
        assumptions=(*_of_all_files(ordered), *_unstated_position(ordered)),
        history=(f"{n} files put together by their bias", *_conversions(agreed.channels)),
        saved=None,
        odd_file=agreed.odd_file,
    )


def _scaled(values: np.ndarray, factor: float) -> np.ndarray:
    return values if factor == 1.0 else np.asarray(values, dtype=np.float64) * factor


def _conversions(channels: Sequence[Joined]) -> list[str]:
    """What was converted, a line for each channel and unit."""
    lines = []
    for one in channels:
        units = Counter(part.unit for part, factor in one.parts if factor != 1.0)
        for unit, count in units.items():
            files = f"{count} of {len(one.parts)} files"
            lines.append(f"{one.channel.name} of {files} converted from {unit} to {one.channel.unit}")
    return lines


def _of_all_files(recordings: Sequence[Recording]) -> tuple[Assumption, ...]:
    """The assumptions about all files, with the number of files that each concerns."""
    # each kind with the first of its assumptions, and the files of each text
    kinds: dict[tuple[str, str], tuple[Assumption, dict[str, list[str]]]] = {}
    for recording in recordings:
        for one in recording.assumptions:
            _, texts = kinds.setdefault((one.about, one.remedy), (one, {}))
            texts.setdefault(one.text, []).append(recording.paths[0].name)
    gathered = []
    for first, texts in kinds.values():
        # a folder of fifty names that state the bias is one kind of assumption, not fifty
        shown = list(texts.items()) if len(texts) <= _MAX_TEXTS else list(texts.items())[:1]
        hidden = sum(len(names) for names in texts.values()) - sum(len(names) for _, names in shown)
        for text, names in shown:
            which = f": {names[0]}" if len(names) == 1 else ""
            more = f", and likewise in {hidden} more" if hidden else ""
            counted = f"{text} ({len(names)} of {len(recordings)} files{which}{more})"
            gathered.append(replace(first, text=counted))
    return tuple(gathered)


def _mixed_feedback(recordings: Sequence[Recording]) -> list[str]:
    """A line where some maps are of constant current and others of constant height: their values do not compare."""
    names = {state: [one.paths[0].name for one in recordings if one.feedback_on is state] for state in (True, False)}
    if not names[True] or not names[False]:
        return []
    few, many = sorted(names, key=lambda state: len(names[state]))
    modes = {True: "constant current", False: "constant height"}
    shown = ", ".join(names[few][:_MAX_TEXTS]) + (", ..." if len(names[few]) > _MAX_TEXTS else "")
    n = f"{len(names[few])} of {len(recordings)} files"
    return [f"{shown} was scanned at {modes[few]} and the others at {modes[many]}: values do not compare ({n})"]


def _unstated_position(recordings: Sequence[Recording]) -> tuple[Assumption, ...]:
    """That all files show one place, where some do not state which; a frame that is known to differ is refused."""
    names = [one.paths[0].name for one in recordings if one.frame.center_nm is None]
    if not names:
        return ()
    which = "no file states" if len(names) == len(recordings) else f"{names[0]} does not state"
    if 1 < len(names) < len(recordings):
        which = f"{len(names)} of {len(recordings)} files do not state"
    return (Assumption("position", f"all maps are taken to show one frame, though {which} where it lies"),)


def _refuse_odd_format(recordings: Sequence[Recording]) -> None:
    usual = Counter(one.format for one in recordings).most_common(1)[0][0]
    for one in recordings:
        if one.format != usual:
            # row 0 is the upper edge of the frame in some formats, and the lower one in others
            raise ReadError(
                one.name,
                f"is of the format {one.format}; the others are {usual}, whose rows may run otherwise; leave it out",
            )


def _refuse_odd_frame(recordings: Sequence[Recording]) -> None:
    # the frame that most files have is the right one; the odd file is then the other one, wherever it stands
    agreeing = [sum(frame_difference(one.frame, other.frame) is None for other in recordings) for one in recordings]
    right = recordings[int(np.argmax(agreeing))]
    for one in recordings:
        difference = frame_difference(right.frame, one.frame)
        if difference is not None:
            raise ReadError(one.name, f"does not show the frame of {right.name}: {difference}; leave it out")
