"""The bias and the pixel size in the units of a stack: one rule for numbers whose unit a file does not state.

A unit in an attribute or in the name decides. Without one the numbers are taken in the only plausible unit, as a listed
assumption. Where two units are plausible, the user has to provide the value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...core.units import unit_mv, unit_nm
from .entry_names import meaning_of
from .plain import plain_recording
from .recording import Assumption, Channel, MissingMetadataError, Recording, UserMetadata
from .sweep import decimal_of_float32

#: No sweep ends below: at 1 K the states are smeared out over 3.5 kT = 0.3 meV. Smaller numbers are in V.
_SMALLEST_MV = 1.0
#: The converters of the controllers end at 10 V. Larger numbers are in mV.
_LARGEST_V = 10.0
#: A tenth of a picometre, less than any piezo moves; and the largest frames (some 100 um) at a hundred pixels.
_PIXEL_M = (1e-13, 1e-6)
#: A pixel in nm is between 1 pm and 100 nm.
_PIXEL_NM = (1e-3, 100.0)


@dataclass(frozen=True)
class Quantity:
    """Numbers in mV or nm.

    Attributes
    ----------
    values
        The numbers; None where the file has none, or their unit is not known.
    assumptions
        What was assumed for them.
    doubt
        Why the numbers of the file were not used; empty without a reason.
    """

    values: tuple[float, ...] | None = None
    assumptions: tuple[Assumption, ...] = ()
    doubt: str = ""


def in_mv(name: str, values: np.ndarray, unit: str = "", *, documented: str = "") -> Quantity:
    """The bias in mV.

    Parameters
    ----------
    name, values, unit
        As the file has them; an empty unit is one that the file does not state.
    documented
        The unit in the documentation of the format, which decides where two are plausible.

    Examples
    --------
    >>> in_mv("bias_mV", np.array([-0.5, 0.5])).values
    (-0.5, 0.5)
    >>> taken = in_mv("bias", np.array([-0.2, 0.2]))
    >>> taken.values, taken.assumptions[0].text
    ((-200.0, 200.0), 'bias = -0.2 ... 0.2 has no unit; V is taken, as so few mV are not mapped')
    >>> in_mv("bias", np.array([-10, 10])).doubt
    'bias = -10 ... 10 has no unit, and may be in mV or in V'
    """
    if values.dtype.kind not in "fiu":
        return Quantity(doubt=f"{name} does not hold real numbers")
    numbers = [decimal_of_float32(v) if values.dtype == np.float32 else float(v) for v in values.ravel()]
    factor = unit_mv(unit) if unit else meaning_of(name).factor
    if factor is not None:
        return Quantity(_scaled(numbers, factor))
    if unit:
        return Quantity(doubt=f"{name} is in {unit!r}, which is no unit of the bias")
    written = f"{name} = {_value_range(numbers)}"
    largest = max((abs(v) for v in numbers if np.isfinite(v)), default=0.0)
    if largest == 0.0:
        return Quantity(_scaled(numbers, 1.0))
    if largest < _SMALLEST_MV:
        return _assumed_mv(numbers, "V", f"{written} has no unit; V is taken, as so few mV are not mapped")
    if largest > _LARGEST_V:
        return _assumed_mv(numbers, "mV", f"{written} has no unit; mV is taken, as no microscope applies so many V")
    if documented:
        return _assumed_mv(numbers, documented, f"{written} has no unit; {documented} is taken, as documented")
    return Quantity(doubt=f"{written} has no unit, and may be in mV or in V")


def pixel_in_nm(
    name: str, size_yx: Sequence[float], unit: str = "", *, n_yx: tuple[int, int] = (1, 1), inverse: bool = False
) -> Quantity:
    """The pixel size (y, x) in nm.

    Parameters
    ----------
    name, size_yx, unit
        As the file has them: the size of a pixel, or of the whole frame.
    n_yx
        The number of pixels that the size covers.
    inverse
        Whether the numbers are pixels in a length.

    Examples
    --------
    >>> pixel_in_nm("scan_size_nm", (10.0, 10.0), n_yx=(20, 10)).values
    (0.5, 1.0)
    >>> pixel_in_nm("pixel_size", (5e-10, 5e-10)).assumptions[0].text
    'pixel_size = 5e-10 has no unit; m is taken, as a pixel is not so small in nm'
    >>> pixel_in_nm("pixel_size", (500.0, 500.0)).doubt
    'pixel_size = 500 has no unit, and is no size of a pixel in nm or in m'
    """
    written = f"{name} = {', '.join(dict.fromkeys(f'{v:g}' for v in size_yx))}"
    sizes = np.asarray(size_yx, dtype=np.float64)
    if not (np.isfinite(sizes).all() and (sizes > 0).all()):
        return Quantity(doubt=f"{written}, but a size must be positive")
    if inverse:
        sizes = 1 / sizes
    pixel_sizes = [float(v) for v in sizes / np.asarray(n_yx)]
    factor = unit_nm(unit) if unit else meaning_of(name).factor
    if factor is not None:
        return Quantity(_scaled(pixel_sizes, factor))
    if unit:
        return Quantity(doubt=f"{name} is in {unit!r}, which is no unit of length")
    if _within(pixel_sizes, _PIXEL_M):
        return _assumed_nm(pixel_sizes, 1e9, f"{written} has no unit; m is taken, as a pixel is not so small in nm")
    if _within(pixel_sizes, _PIXEL_NM):
        return _assumed_nm(
            pixel_sizes, 1.0, f"{written} has no unit; nm is taken, the usual one (in Angstrom it is a tenth)"
        )
    return Quantity(doubt=f"{written} has no unit, and is no size of a pixel in nm or in m")


def assuming(quantity: Quantity, *more: Assumption) -> Quantity:
    """The same numbers with further assumptions, or the same doubt."""
    return quantity if quantity.values is None else replace(quantity, assumptions=(*quantity.assumptions, *more))


def measured_recording(
    path: Path,
    format_name: str,
    shape: Sequence[int],
    load: Callable[[Channel], np.ndarray],
    *,
    bias: Quantity,
    pixel: Quantity,
    user: UserMetadata,
    **more: Any,
) -> Recording:
    """The recording of arrays whose bias and pixel size may rest on assumptions.

    The parameters are those of :func:`plain_recording`.

    Raises
    ------
    ReadError
        As :func:`plain_recording` does, with the reason where a number has no plain unit.
    """
    size = pixel.values
    with _with_reason(bias, pixel):
        recording = plain_recording(
            path,
            format_name,
            shape,
            load,
            bias_mv=bias.values,
            pixel_size_nm=None if size is None else (size[0], size[1]),
            user=user,
            **more,
        )
    assumptions = (
        *recording.assumptions,
        *(bias.assumptions if user.bias_mv is None else ()),
        *(pixel.assumptions if user.pixel_size_nm is None else ()),
    )
    return replace(recording, assumptions=assumptions)


@contextmanager
def _with_reason(bias: Quantity, pixel: Quantity) -> Iterator[None]:
    """Add the reason why the numbers of the file are not sufficient to a MissingMetadataError."""
    try:
        yield
    except MissingMetadataError as error:
        doubts = {"bias_mv": bias.doubt, "pixel_size_nm": pixel.doubt}
        why = "; ".join(doubts[name] for name in error.lacks if doubts[name])
        raise MissingMetadataError(error.file, error.n_maps, error.lacks, why) from None


def _scaled(numbers: Sequence[float], factor: float) -> tuple[float, ...]:
    # without the digits that the conversion adds
    return tuple(float(f"{v * factor:.12g}") for v in numbers)


def _assumed_mv(numbers: Sequence[float], unit: str, text: str) -> Quantity:
    factor = unit_mv(unit) or 1.0
    return Quantity(_scaled(numbers, factor), (Assumption("bias", text, "give bias_mv"),))


def _assumed_nm(pixel_sizes: Sequence[float], factor: float, text: str) -> Quantity:
    return Quantity(_scaled(pixel_sizes, factor), (Assumption("pixel size", text, "give pixel_size_nm"),))


def _within(sizes: Sequence[float], limits: tuple[float, float]) -> bool:
    return all(limits[0] <= size <= limits[1] for size in sizes)


def _value_range(numbers: Sequence[float]) -> str:
    ends = numbers if len(numbers) < 2 else (numbers[0], numbers[-1])
    return " ... ".join(f"{v:g}" for v in ends)
