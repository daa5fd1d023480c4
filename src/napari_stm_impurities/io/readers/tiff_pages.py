"""The layout of the pages of a TIFF file: the axis of the bias, and the labels of the pages.

The names of axes are not reliable: ImageJ and tifffile call the pages of any stack channels, and pages that were
written one by one have no axis at all. The labels of the pages, and the number of biases from the user, decide.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.errors import ReadError
from ...core.units import comma_between_digits, plain
from .bias_names import bias_in_name

#: A voltage in a label, which is taken out of it to leave the name of a channel.
_BIAS = re.compile(r"[-+]?\d+(?:[.,]\d*)?(?:[eE][-+]?\d+)?\s*[mu\N{MICRO SIGN}]?e?V\b")


@dataclass(frozen=True)
class Pages:
    """The layout of the pages of a file.

    Attributes
    ----------
    maps
        The index of each map's page, as (channel, bias).
    names
        The channels' names; empty where there is one.
    bias_mv
        The bias of each map by the labels; None where they do not state it.
    """

    maps: np.ndarray
    names: tuple[str, ...] = ()
    bias_mv: tuple[float, ...] | None = None


def laid_out(
    path: object, axes: dict[str, int], labels: Sequence[str], *, composite: bool, n_user_biases: int | None
) -> Pages:
    """The layout of maps and channels in the pages.

    Parameters
    ----------
    path
        The file, for errors.
    axes
        The axes of the pages by their letters, in the order of the file, with their lengths.
    labels
        The label of each page; as many as pages, or none.
    composite
        Whether ImageJ shows the axis C as colours that lie on each other, as true channels are.
    n_user_biases
        The number of biases from the user.

    Raises
    ------
    ReadError
        If two axes could be the bias.

    Examples
    --------
    >>> laid_out("a.tif", {"C": 2}, ["-5 mV", "5 mV"], composite=False, n_user_biases=None).bias_mv
    (-5.0, 5.0)
    """
    long = {axis: n for axis, n in axes.items() if n > 1}
    shape = tuple(long.values())
    pages = np.arange(math.prod(shape)).reshape(shape)
    if n_user_biases == pages.size > 1:
        return Pages(pages.reshape(1, -1))
    biases = _biases(labels, pages.size)
    if biases is not None:
        return _by_bias(path, long, pages, biases.reshape(shape), labels)
    others = [axis for axis in long if axis != "C"]
    if len(others) > 1:
        sides = " x ".join(f"{long[axis]} {axis}" for axis in others)
        raise ReadError(path, f"expected one axis besides the channels, y and x, found {sides}; save one of them alone")
    if "C" not in long:
        return Pages(pages.reshape(1, -1))
    if not others:
        named = len(set(labels)) == pages.size > 1
        if not composite and not named:
            return Pages(pages.reshape(1, -1))
    by_channel = np.moveaxis(pages, list(long).index("C"), 0).reshape(long["C"], -1)
    return Pages(by_channel, _names(by_channel, labels))


def _by_bias(path: object, long: dict[str, int], pages: np.ndarray, biases: np.ndarray, labels: Sequence[str]) -> Pages:
    """The pages by the bias of their labels: the axis along which it changes is the bias, any other the channels."""
    changes = [i for i in range(biases.ndim) if (biases != biases.take([0], axis=i)).any()]
    if len(changes) == biases.ndim:
        # every page has a bias of its own
        return Pages(pages.reshape(1, -1), bias_mv=tuple(biases.ravel().tolist()))
    if biases.ndim - len(changes) > 1:
        sides = " x ".join(f"{n} {axis}" for axis, n in long.items())
        raise ReadError(path, f"expected one axis besides the bias, y and x, found {sides}; save one of them alone")
    channel = next(i for i in range(biases.ndim) if i not in changes)
    by_channel = np.moveaxis(pages, channel, 0).reshape(pages.shape[channel], -1)
    channel_biases = np.moveaxis(biases, channel, 0)[0].ravel()
    return Pages(by_channel, _names(by_channel, labels), tuple(channel_biases.tolist()))


def _names(by_channel: np.ndarray, labels: Sequence[str]) -> tuple[str, ...]:
    """The channels' names: the labels where each has one of its own, whatever the bias, else their numbers."""
    if labels:
        texts = [{_without_bias(labels[page]) for page in row} for row in by_channel.tolist()]
        names = [next(iter(text)) for text in texts if len(text) == 1]
        if len(set(names)) == len(by_channel) and all(names):
            return tuple(names)
    return tuple(f"channel {i + 1}" for i in range(len(by_channel)))


def _without_bias(label: str) -> str:
    return _BIAS.sub("", plain(label)).strip(" ,;:=_-")


def _biases(labels: Sequence[str], n_pages: int) -> np.ndarray | None:
    """The bias of each page in mV, where each label states one."""
    comma = comma_between_digits(labels)
    found = [bias_in_name(label, comma) for label in labels]
    if len(found) != n_pages or None in found:
        return None
    return np.array(found, dtype=np.float64)
