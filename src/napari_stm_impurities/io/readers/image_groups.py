"""Grouping of the images of one file: those of one frame are channels of one map, or maps of one quantity.

A file may hold an overview and a close-up, or the topography and dI/dV at another bias. Such images are no
stack: the group with dI/dV, else the largest, is taken, and the others are listed in an assumption.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from .channels import is_backward, recognise
from .frames import frame_difference
from .image_titles import same_signal, without_bias
from .recording import Assumption, Channel, Frame
from .si_prefixes import conversion_factor

_MAX_NAMED = 4
T = TypeVar("T")


@dataclass(frozen=True)
class Picture:
    """The metadata of one image.

    Attributes
    ----------
    name, unit
        Its title, unique in the file, and the unit of its values.
    frame
        Its position on the surface.
    bias_mv
        None where nothing states it.
    """

    name: str
    unit: str
    frame: Frame
    bias_mv: float | None


@dataclass(frozen=True)
class Selection:
    """Images that belong together.

    Attributes
    ----------
    channels
        Each channel with the names of its images, one for each bias.
    bias_mv
        In the order of the images; None where nothing states the bias of the single map.
    left_out
        The images that do not belong to them, with the reason.
    """

    channels: tuple[tuple[Channel, tuple[str, ...]], ...]
    bias_mv: tuple[float, ...] | None
    left_out: tuple[str, ...]

    @property
    def n_maps(self) -> int:
        """The number of maps of each channel."""
        return len(self.channels[0][1])

    def assumptions(self) -> tuple[Assumption, ...]:
        """The assumption about the images that were left out, if any."""
        if not self.left_out:
            return ()
        biases = ", ".join(f"{bias:g}" for bias in self.bias_mv or ())
        selected = ", ".join(channel.name for channel, _ in self.channels)
        return (left_out_assumption(f"{selected}{f' at {biases} mV' if biases else ''}", self.left_out),)


def left_out_assumption(taken: str, left_out: Sequence[str]) -> Assumption:
    """The assumption that the selected images are the intended ones."""
    named = "; ".join(left_out[:_MAX_NAMED])
    more = f"; and {len(left_out) - _MAX_NAMED} more" if len(left_out) > _MAX_NAMED else ""
    return Assumption(
        "channel",
        f"{taken} is taken, and what does not belong to it is left out: {named}{more}",
        "save what belongs together in a file of its own",
    )


def grouped(items: Sequence[T], difference: Callable[[T, T], str | None]) -> list[list[T]]:
    """The items in groups, in each of which no item differs from the first."""
    groups: list[list[T]] = []
    for item in items:
        fitting = next((group for group in groups if difference(group[0], item) is None), None)
        if fitting is None:
            groups.append([item])
        else:
            fitting.append(item)
    return groups


def select(pictures: Sequence[Picture]) -> Selection:
    """The images that belong together: of one frame, at one bias or of one quantity at several.

    Parameters
    ----------
    pictures
        At least one, in the order of the file.

    Examples
    --------
    >>> frame = Frame((8, 8), (0.5, 0.5))
    >>> two = [Picture("Z -200 mV", "m", frame, -200.0), Picture("dI/dV -100 mV", "A", frame, -100.0)]
    >>> select(two).bias_mv, select(two).left_out
    ((-100.0,), ("'Z -200 mV' (-200 mV)",))
    """
    groups = grouped(pictures, lambda a, b: frame_difference(a.frame, b.frame))
    of_groups = [_of_frame(group) for group in groups]
    best = max(range(len(groups)), key=lambda i: (_has_didv(of_groups[i]), of_groups[i].n_maps, len(groups[i]), -i))
    frame = groups[best][0].frame
    other_frames = [
        f"{picture.name!r} ({frame_difference(frame, picture.frame)})"
        for i, group in enumerate(groups)
        for picture in group
        if i != best
    ]
    selection = of_groups[best]
    return Selection(selection.channels, selection.bias_mv, (*selection.left_out, *other_frames))


def _has_didv(selection: Selection) -> bool:
    return any(channel.is_didv for channel, _ in selection.channels)


def _of_frame(pictures: Sequence[Picture]) -> Selection:
    """The selection among images of one frame."""
    biases = list(dict.fromkeys(picture.bias_mv for picture in pictures if picture.bias_mv is not None))
    if len(biases) < 2:
        channels = tuple((_channel(picture.name, picture), (picture.name,)) for picture in pictures)
        return Selection(channels, tuple(biases) or None, ())
    series = _series(pictures)
    best = max(series, key=lambda maps: (_channel("", maps[0]).is_didv, len(maps), not is_backward(maps[0].name)))
    axis = tuple(picture.bias_mv for picture in best if picture.bias_mv is not None)
    selected: list[tuple[Channel, tuple[str, ...]]] = []
    for maps in series:
        by_bias = {picture.bias_mv: picture.name for picture in maps}
        if set(axis) <= set(by_bias):
            selected.append((_series_channel(maps, is_best=maps is best), tuple(by_bias[bias] for bias in axis)))
    used_names = {name for _, names in selected for name in names}
    left_out = [
        f"{picture.name!r} ({'no bias is stated' if picture.bias_mv is None else f'{picture.bias_mv:g} mV'})"
        for picture in pictures
        if picture.name not in used_names
    ]
    return Selection(_named_once(selected), axis, tuple(left_out))


def _series(pictures: Sequence[Picture]) -> list[list[Picture]]:
    """The images of one quantity and direction each, at most one for each bias."""
    series = []
    for kind in grouped([picture for picture in pictures if picture.bias_mv is not None], _quantity_difference):
        # several of one kind at one bias are distinguished by their titles, and those of one title by their order
        unique_biases = len({picture.bias_mv for picture in kind}) == len(kind)
        for part in [kind] if unique_biases else grouped(kind, _title_difference):
            rows: list[dict[float | None, Picture]] = []
            for picture in part:
                free = next((row for row in rows if picture.bias_mv not in row), None)
                if free is None:
                    rows.append({picture.bias_mv: picture})
                else:
                    free[picture.bias_mv] = picture
            series += [list(row.values()) for row in rows]
    return series


def _quantity_difference(a: Picture, b: Picture) -> str | None:
    first, second = ((_channel("", p).what, _channel("", p).is_didv, p.unit, is_backward(p.name)) for p in (a, b))
    return None if first == second else "another quantity"


def _title_difference(a: Picture, b: Picture) -> str | None:
    first, second = (same_signal(without_bias(p.name)) for p in (a, b))
    return None if first == second else "another title"


def _channel(name: str, picture: Picture) -> Channel:
    """The channel of an image, by its title and its unit."""
    found = recognise(without_bias(picture.name), picture.unit)
    is_height = found.what == "other" and conversion_factor(picture.unit, "m") is not None
    return Channel(name, picture.unit, "topography" if is_height else found.what, found.is_didv)


def _series_channel(pictures: Sequence[Picture], *, is_best: bool) -> Channel:
    channel = _channel(without_bias(pictures[0].name), pictures[0])
    if is_best and channel.what == "other":
        # unnamed maps over the bias are taken as dI/dV, as plain arrays are
        return Channel("dI/dV", channel.unit, "array", is_didv=True)
    return channel


def _named_once(channels: Sequence[tuple[Channel, tuple[str, ...]]]) -> tuple[tuple[Channel, tuple[str, ...]], ...]:
    """The channels, with the title of the first image for a name that another channel has already."""
    named: dict[str, tuple[Channel, tuple[str, ...]]] = {}
    for channel, images in channels:
        name = channel.name if channel.name not in named else images[0]
        named[name] = (Channel(name, channel.unit, channel.what, channel.is_didv), images)
    return tuple(named.values())
