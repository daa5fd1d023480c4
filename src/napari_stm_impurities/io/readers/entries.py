"""The bias and the pixel size among the named arrays of a file."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .entry_names import Meaning, meaning_of
from .quantities import Quantity, assuming, in_mv, pixel_in_nm
from .recording import Assumption

#: The relative tolerance of the steps of an axis of positions.
_EQUAL_STEPS = 1e-3
#: Pixels are called square up to this ratio of their sides: whether a frame reaches to the edges of its outer pixels or
#: to their centres changes that of 50 x 100 pixels by 1 %.
_SQUARE = 0.02


@dataclass(frozen=True)
class Entry:
    """A named array of numbers: `load` returns it, `unit` is the unit that the file states."""

    name: str
    shape: tuple[int, ...]
    load: Callable[[], np.ndarray]
    unit: str = ""

    @property
    def sides(self) -> tuple[int, ...]:
        """The sides that are longer than one."""
        return tuple(n for n in self.shape if n != 1)

    @property
    def meaning(self) -> Meaning:
        """The meaning of its name."""
        return meaning_of(self.name)

    @property
    def has_unit(self) -> bool:
        """Whether the file states its unit."""
        return bool(self.unit) or self.meaning.factor is not None


def with_stated_units(entries: Sequence[Entry], texts: Mapping[str, str]) -> list[Entry]:
    """The entries with the units that texts state, as ``bias_unit`` and ``unit_bias`` do for ``bias``."""
    unit_texts = {
        re.sub(r"[\W_]|units?", "", name.lower()): text for name, text in texts.items() if "unit" in name.lower()
    }

    def stated(entry: Entry) -> str:
        return unit_texts.get(re.sub(r"[\W_]", "", entry.name.lower()), "").strip()

    return [entry if entry.has_unit else replace(entry, unit=stated(entry)) for entry in entries]


def bias_among(entries: Iterable[Entry], n_maps: int, *, documented: str = "") -> Quantity:
    """The bias of `n_maps` maps, from the entry with such a name; one with a unit is preferred."""
    sides = (n_maps,) if n_maps > 1 else ()
    fitting = [entry for entry in entries if entry.meaning.what == "bias" and entry.sides == sides]
    fitting.sort(key=lambda entry: not entry.has_unit)
    return in_mv(fitting[0].name, fitting[0].load(), fitting[0].unit, documented=documented) if fitting else Quantity()


def positions_among(entries: Iterable[Entry], axis: str, n: int) -> Entry | None:
    """The list of `n` positions along an axis."""
    fitting = [
        entry
        for entry in entries
        if entry.meaning.axis == axis and entry.meaning.what in ("position", "size") and entry.sides == (n,) and n > 1
    ]
    return min(fitting, key=lambda entry: not entry.has_unit, default=None)


def pixel_among(
    entries: Sequence[Entry],
    n_yx: tuple[int, int],
    positions: tuple[Entry | None, Entry | None] | None = None,
) -> Quantity:
    """The pixel size (y, x), from the entries with such names.

    Entries with a unit are preferred; then the size of a pixel, positions, and the size of the frame, in this order. A
    size without unit that equals the number of pixels is ignored.

    Parameters
    ----------
    entries
        All that the file has.
    n_yx
        Pixels (y, x).
    positions
        The positions along y and x, where the file identifies them; else they are searched by name.
    """
    for_y, for_x = positions or (positions_among(entries, "y", n_yx[0]), positions_among(entries, "x", n_yx[1]))
    found = [
        *_sizes_among(entries, "pixel", n_yx),
        *([_of_positions(for_y, for_x)] if for_y is not None and for_x is not None else []),
        *_sizes_among(entries, "size", n_yx),
    ]
    stated = [quantity for has_unit, quantity in found if has_unit and quantity.values is not None]
    taken = [quantity for _, quantity in found if quantity.values is not None]
    return next(iter([*stated, *taken, *(quantity for _, quantity in found)]), Quantity())


def _sizes_among(entries: Sequence[Entry], what: str, n_yx: tuple[int, int]) -> list[tuple[bool, Quantity]]:
    parts = (1, 1) if what == "pixel" else n_yx
    of_kind = [entry for entry in entries if entry.meaning.what == what and entry.load().dtype.kind in "fiu"]
    found = []
    for entry in of_kind:
        n_numbers = math.prod(entry.shape)
        if not entry.meaning.axis and n_numbers in (1, 2) and not _is_count(entry, n_yx):
            values = [float(v) for v in np.broadcast_to(entry.load().ravel(), (2,))]
            # a frame is listed as (y, x) or as (x, y); pixels are square but for a few maps
            swapped = what == "size" and _is_square(values[::-1], n_yx) and not _is_square(values, n_yx)
            values = values[::-1] if swapped else values
            quantity = pixel_in_nm(entry.name, values, entry.unit, n_yx=parts, inverse=entry.meaning.inverse)
            found.append((entry.has_unit, assuming(quantity, *_about_sides(entry, values, what, n_yx, swapped))))
    single = [entry for entry in of_kind if math.prod(entry.shape) == 1 and not _is_count(entry, n_yx)]
    for along_x in (entry for entry in single if entry.meaning.axis == "x"):
        along_y = _partner(along_x, [entry for entry in single if entry.meaning.axis == "y"])
        found.append((along_x.has_unit, _of_pair(along_y, along_x, parts)))
    return found


def _is_square(sides: Sequence[float], n_yx: tuple[int, int]) -> bool:
    """Whether a frame of these sides (y, x) has square pixels."""
    return math.isclose(sides[0] * n_yx[1], sides[1] * n_yx[0], rel_tol=_SQUARE)


def _about_sides(
    entry: Entry, values: Sequence[float], what: str, n_yx: tuple[int, int], swapped: bool
) -> list[Assumption]:
    """The assumptions about the order of the sides; `values` are (y, x)."""
    if values[0] != values[1]:
        text = f"{entry.name} = {values[0]:g}, {values[1]:g} is taken as (y, x)"
        if swapped:
            text = f"{entry.name} = {values[1]:g}, {values[0]:g} is taken as (x, y), so that the pixels are square"
    elif what == "size" and math.prod(entry.shape) == 1 and n_yx[0] != n_yx[1]:
        text = f"{entry.name} = {values[0]:g} is taken for both sides of the frame"
    else:
        return []
    return [Assumption("pixel size", text, "give pixel_size_nm")]


def _partner(along_x: Entry, of_y: Sequence[Entry]) -> Entry | None:
    """The entry for y that was saved together with one for x: of the same unit, where there are several."""
    unit = (along_x.unit, along_x.meaning.factor)
    return min(of_y, key=lambda entry: (entry.unit, entry.meaning.factor) != unit, default=None)


def _of_pair(along_y: Entry | None, along_x: Entry, n_yx: tuple[int, int]) -> Quantity:
    x = float(along_x.load().ravel()[0])
    if along_y is None:
        text = f"{along_x.name} is taken for y too, of which the file says nothing"
        quantity = pixel_in_nm(along_x.name, (x, x), along_x.unit, n_yx=(n_yx[1], n_yx[1]))
        return assuming(quantity, Assumption("pixel size", text, "give pixel_size_nm"))
    y = float(along_y.load().ravel()[0])
    if not along_y.has_unit and not along_x.has_unit:
        return pixel_in_nm(f"{along_y.name} and {along_x.name}", (y, x), n_yx=n_yx)
    return _joined(
        pixel_in_nm(along_y.name, (y, y), along_y.unit, n_yx=(n_yx[0], n_yx[0])),
        pixel_in_nm(along_x.name, (x, x), along_x.unit, n_yx=(n_yx[1], n_yx[1])),
    )


def _of_positions(for_y: Entry, for_x: Entry) -> tuple[bool, Quantity]:
    steps = (_step(for_y), _step(for_x))
    if steps[0] is None or steps[1] is None:
        name = (for_y if steps[0] is None else for_x).name
        return True, Quantity(doubt=f"the positions {name} are not equally far apart")
    names = [f"the step of {entry.name}" for entry in (for_y, for_x)]
    if not for_y.has_unit and not for_x.has_unit:
        return False, pixel_in_nm(" and ".join(names), (steps[0], steps[1]))
    # the name ends with the unit where no attribute states it
    of_y, of_x = (
        pixel_in_nm(entry.name, (step, step), entry.unit) for entry, step in ((for_y, steps[0]), (for_x, steps[1]))
    )
    return True, _joined(of_y, of_x)


def _step(entry: Entry) -> float | None:
    """The step of an axis of positions; None where they are not equally far apart."""
    values = entry.load().ravel()
    if values.dtype.kind not in "fiu":
        return None
    at = values.astype(np.float64)
    steps = np.diff(at)
    mean = float(np.abs(steps.mean()))
    # single precision has seven digits
    rounding = 1e-6 * float(np.abs(at).max(initial=0.0))
    return mean if np.allclose(np.abs(steps), mean, rtol=_EQUAL_STEPS, atol=rounding) else None


def _joined(of_y: Quantity, of_x: Quantity) -> Quantity:
    if of_y.values is None or of_x.values is None:
        return Quantity(doubt=of_y.doubt or of_x.doubt)
    return Quantity((of_y.values[0], of_x.values[1]), (*of_y.assumptions, *of_x.assumptions))


def _is_count(entry: Entry, n_yx: tuple[int, int]) -> bool:
    """Whether a number without unit is that of the pixels."""
    return not entry.has_unit and all(float(v) in n_yx for v in entry.load().ravel())
