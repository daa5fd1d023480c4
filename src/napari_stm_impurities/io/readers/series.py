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
#: The most sentences of one kind that are listed; the others are counted.
_MAX_TEXTS = 3


def as_series(recordings: Sequence[Recording]) -> Recording:
    """The recording of several files with one map each, sorted by bias.

    The default channel is dI/dV where any file has it. Where a file lacks it, only a channel by its name can be read.

    Raises
    ------
    ReadError
        With the file that has several maps, another format, another frame or the bias of another file,
        or no channel in common with the others.
    """
    if len(recordings) == 1:
        return recordings[0]
    for recording in recordings:
        if recording.schema != STACK:
            raise ReadError(
                recording.name, f"holds a saved {recording.schema.name} without a bias, and cannot be part of a series"
            )
        if len(recording.bias_mv) != 1:
            raise ReadError(
                recording.name,
                f"holds {len(recording.bias_mv)} maps; a series is of files with one map each: read it alone",
            )
    _check_formats(recordings)
    _check_frames(recordings)
    ordered = with_one_name(sorted(recordings, key=lambda recording: recording.bias_mv[0]))
    for before, recording in pairwise(ordered):
        if recording.bias_mv[0] - before.bias_mv[0] < _SAME_BIAS_MV:
            raise ReadError(
                recording.name,
                f"has the bias {recording.bias_mv[0]:g} mV, and so has {before.name}; leave one of them out",
            )
    agreed = agree(ordered)
    joined = {recording.channel.name: recording for recording in agreed.channels}
    n = len(ordered)
    warnings = Counter(warning for recording in ordered for warning in recording.warnings)

    def load(channel: Channel) -> np.ndarray:
        parts = zip(ordered, joined[channel.name].parts, strict=True)
        return np.concatenate([_scaled(recording.load(part), factor) for recording, (part, factor) in parts])

    return replace(
        agreed.leader,
        paths=tuple(path for recording in ordered for path in recording.paths),
        channels=tuple(recording.channel for recording in agreed.channels),
        default=agreed.default,
        bias_mv=tuple(recording.bias_mv[0] for recording in ordered),
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
    """The unit conversions, a line for each channel and unit."""
    lines = []
    for joined in channels:
        units = Counter(part.unit for part, factor in joined.parts if factor != 1.0)
        for unit, count in units.items():
            files = f"{count} of {len(joined.parts)} files"
            lines.append(f"{joined.channel.name} of {files} converted from {unit} to {joined.channel.unit}")
    return lines


def _of_all_files(recordings: Sequence[Recording]) -> tuple[Assumption, ...]:
    """The assumptions about all files, with the number of files that each concerns."""
    # each kind with the first of its assumptions, and the files of each text
    kinds: dict[tuple[str, str], tuple[Assumption, dict[str, list[str]]]] = {}
    for recording in recordings:
        for assumption in recording.assumptions:
            _, texts = kinds.setdefault((assumption.about, assumption.remedy), (assumption, {}))
            texts.setdefault(assumption.text, []).append(recording.paths[0].name)
    gathered = []
    for first, texts in kinds.values():
        # a folder of fifty names that state the bias is one kind of assumption, not fifty
        listed = list(texts.items()) if len(texts) <= _MAX_TEXTS else list(texts.items())[:1]
        hidden = sum(len(names) for names in texts.values()) - sum(len(names) for _, names in listed)
        for text, names in listed:
            file_text = f": {names[0]}" if len(names) == 1 else ""
            more = f", and likewise in {hidden} more" if hidden else ""
            counted = f"{text} ({len(names)} of {len(recordings)} files{file_text}{more})"
            gathered.append(replace(first, text=counted))
    return tuple(gathered)


def _mixed_feedback(recordings: Sequence[Recording]) -> list[str]:
    """A warning where some maps are of constant current and others of constant height."""
    names = {
        state: [recording.paths[0].name for recording in recordings if recording.feedback_on is state]
        for state in (True, False)
    }
    if not names[True] or not names[False]:
        return []
    minority, majority = sorted(names, key=lambda state: len(names[state]))
    modes = {True: "constant current", False: "constant height"}
    listed = ", ".join(names[minority][:_MAX_TEXTS]) + (", ..." if len(names[minority]) > _MAX_TEXTS else "")
    n = f"{len(names[minority])} of {len(recordings)} files"
    return [
        f"{listed} was scanned at {modes[minority]} and the others at {modes[majority]}: values do not compare ({n})"
    ]


def _unstated_position(recordings: Sequence[Recording]) -> tuple[Assumption, ...]:
    """The assumption that all files show one frame, where some do not state its position."""
    names = [recording.paths[0].name for recording in recordings if recording.frame.center_nm is None]
    if not names:
        return ()
    subject = "no file states" if len(names) == len(recordings) else f"{names[0]} does not state"
    if 1 < len(names) < len(recordings):
        subject = f"{len(names)} of {len(recordings)} files do not state"
    return (Assumption("position", f"all maps are taken to show one frame, though {subject} where it lies"),)


def _check_formats(recordings: Sequence[Recording]) -> None:
    common = Counter(recording.format for recording in recordings).most_common(1)[0][0]
    for recording in recordings:
        if recording.format != common:
            # row 0 is the upper edge of the frame in some formats, and the lower one in others
            raise ReadError(
                recording.name,
                f"is of the format {recording.format}; the others are {common}, whose rows may run otherwise; leave it"
                " out",
            )


def _check_frames(recordings: Sequence[Recording]) -> None:
    # the frame of most files is taken as correct, whatever the order of the files
    agreeing = [
        sum(frame_difference(recording.frame, other.frame) is None for other in recordings) for recording in recordings
    ]
    common = recordings[int(np.argmax(agreeing))]
    for recording in recordings:
        difference = frame_difference(common.frame, recording.frame)
        if difference is not None:
            raise ReadError(recording.name, f"does not show the frame of {common.name}: {difference}; leave it out")
