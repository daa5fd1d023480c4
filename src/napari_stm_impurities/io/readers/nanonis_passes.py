"""The passes of a Nanonis scan: the bias of each image, and the stack of the images.

A multi-pass scan goes over each line several times. The table ``Multipass-Config`` of its header has two rows a pass,
forward and backward, and each may override the bias; the names of the channels begin with the pass, as in
``[P2]_Z``. The table is written for a scan of one pass too, whose names have no prefix then.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import ReadError
from .recording import MissingMetadataError

BACKWARD = "backward"
_TABLE = "multipass-config"
_PASS = re.compile(r"[ _]?\[P(\d+)\][ _]?", re.IGNORECASE)
_FLAGS = {"TRUE": True, "FALSE": False, "1": True, "0": False, "ON": True, "OFF": False}

#: Name, unit and direction, as the header's table of channels has them.
Image = tuple[str, str, str]


@dataclass(frozen=True)
class Signal:
    """A signal recorded at one bias or more.

    Attributes
    ----------
    title, unit
        The name of the channel.
    images
        The number of its image for each bias; None where no pass at that bias recorded it.
    """

    title: str
    unit: str
    images: tuple[int | None, ...]


def split_pass(name: str) -> tuple[int | None, str]:
    """The pass that a channel belongs to, and the channel's name without it.

    Examples
    --------
    >>> split_pass("[P2]_LI_Demod_1_X"), split_pass("Z")
    ((2, 'LI_Demod_1_X'), (None, 'Z'))
    """
    match = _PASS.search(name)
    return (int(match[1]), _PASS.sub("", name, count=1)) if match else (None, name)


def image_biases_mv(
    path: Path,
    entries: Mapping[str, str],
    images: Sequence[Image],
    header_mv: float | None,
    user_mv: Sequence[float] | None,
) -> list[float]:
    """The bias of each image in mV.

    Parameters
    ----------
    path
        The file, for the errors.
    entries
        Those of the header.
    images
        In the order of the file.
    header_mv
        The entry BIAS, which holds where nothing overrides it.
    user_mv
        From the user, one number a pass; it takes precedence.

    Raises
    ------
    ReadError
        If the header does not state the bias of an image, or the user gave more or fewer biases than passes.
    """
    named = [split_pass(name)[0] for name, _, _ in images]
    passes = sorted({pass_ or 1 for pass_ in named})
    if user_mv is not None:
        if len(user_mv) != len(passes):
            several = f"{len(passes)} passes need as many biases"
            expected = several if len(passes) > 1 else "a scan is one map and has one bias"
            raise ReadError(path, f"{expected}, got {len(user_mv)}")
        return [float(user_mv[passes.index(pass_ or 1)]) for pass_ in named]
    rows = _overrides_v(path, entries)
    if not rows and any(named):
        raise MissingMetadataError(path, len(passes), ("bias_mv",))
    biases = [header_mv if value is None else round(value * 1000, 9) for value in rows]
    found = [_bias_of(path, image, pass_, biases, header_mv) for image, pass_ in zip(images, named, strict=True)]
    stated = [bias for bias in found if bias is not None]
    if len(stated) < len(found):
        raise ReadError(path, "the header does not state the bias (the entry BIAS); give bias_mv")
    return stated


def _bias_of(
    path: Path, image: Image, in_name: int | None, biases: Sequence[float | None], header_mv: float | None
) -> float | None:
    if not biases:
        return header_mv
    n_passes = len(biases) // 2
    row = 2 * ((in_name or 1) - 1) + (image[2] == BACKWARD)
    if in_name is None and len(set(biases[image[2] == BACKWARD :: 2])) > 1:
        raise ReadError(
            path, f"the channel {image[0]} does not state which of the {n_passes} passes it belongs to; give bias_mv"
        )
    if not 0 <= row < len(biases):
        raise ReadError(
            path,
            f"the channel {image[0]} is of pass {in_name or 1}, of which the table Multipass-Config has no rows;"
            " give bias_mv, one for each pass",
        )
    return biases[row]


def _overrides_v(path: Path, entries: Mapping[str, str]) -> list[float | None]:
    """The bias of each row of the table in V, None where the row does not override it; empty without a table."""
    text = next((value for name, value in entries.items() if name.strip().lower() == _TABLE), "")
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        return []
    columns = [name.lower() for name in lines[0]]
    if not any(name.startswith("bias_override") for name in columns):
        return [None] * (len(lines) - 1)
    values: list[float | None] = []
    for cells in lines[1:]:
        row = dict(zip(columns, cells, strict=False))
        flag = _FLAGS.get(row.get("bias_override", "").upper())
        try:
            value = float(row["bias_override_value"].replace(",", ".")) if flag else None
        except (KeyError, ValueError):
            flag = None
        if flag is None or not math.isfinite(value or 0.0):
            raise ReadError(
                path,
                "the biases of the passes (the table Multipass-Config) cannot be read:"
                f" {' '.join(cells)[:60]!r}; give bias_mv, one for each pass",
            )
        values.append(value)
    return values


def signals_by_bias(
    path: Path, images: Sequence[Image], biases_mv: Sequence[float]
) -> tuple[tuple[float, ...], list[Signal], list[str]]:
    """The bias axis of a scan, ascending, its signals on that axis, and warnings.

    Where all images have the same bias, each is a signal of its own, so that no pass is mixed with another. Otherwise
    the forward images set the bias axis.

    Raises
    ------
    ReadError
        If two passes were taken at the same bias and a third at another one.
    """
    if len(set(biases_mv)) == 1:
        alone = [Signal(_title(name, direction), unit, (i,)) for i, (name, unit, direction) in enumerate(images)]
        return (biases_mv[0],), alone, []
    groups: dict[str, list[int]] = {}
    for i, (name, _, direction) in enumerate(images):
        groups.setdefault(_title(split_pass(name)[1], direction), []).append(i)
    leading = [i for i, image in enumerate(images) if image[2] != BACKWARD] or list(range(len(images)))
    axis = sorted({biases_mv[i] for i in leading})
    signals, left_out, warnings = [], [], []
    for title, members in groups.items():
        image_at = {biases_mv[i]: i for i in members}
        if members[0] in leading and len(image_at) < len(members):
            raise ReadError(
                path,
                f"{title} was recorded in {len(members)} passes at {len(image_at)} biases"
                f" ({', '.join(f'{biases_mv[i]:g}' for i in members)} mV), so that two maps have the same one;"
                " give bias_mv, one for each pass",
            )
        if len(image_at) < len(members) or not set(image_at) <= set(axis):
            left_out.append(f"{title} ({', '.join(f'{bias:g}' for bias in sorted(image_at))} mV)")
            continue
        signals.append(Signal(title, images[members[0]][1], tuple(image_at.get(bias) for bias in axis)))
        absent = [f"{bias:g}" for bias in axis if bias not in image_at]
        if absent:
            warnings.append(f"{title} was not recorded at {', '.join(absent)} mV and is missing at that bias (NaN)")
    if left_out:
        warnings.append(
            f"taken at other biases than the forward images, and left out: {', '.join(left_out)};"
            " give bias_mv to read them"
        )
    return tuple(axis), signals, warnings


def _title(name: str, direction: str) -> str:
    return f"{name} [bwd]" if direction == BACKWARD else name
