"""Checks of the arguments of public functions: the value as the function needs it, or an error with the reason.

Each check takes the value, the name by which the message calls it, and the bounds; none of them guesses. A text such as
``"0.5 nm"`` is no number here, even where one could be read out of it.
"""

from __future__ import annotations

import errno
import math
import os
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import StmError

Kind = TypeVar("Kind")

#: The largest seed, 32 bits: torch takes 64, and a training multiplies its seed to have one for each epoch.
LARGEST_SEED = 2**32 - 1
#: Bounds of a pixel size: a millionth of an atom, and a millimetre; a number outside them is in another unit than nm.
_SMALLEST_PIXEL_NM, _LARGEST_PIXEL_NM = 1e-7, 1e6
#: Error numbers of a path that cannot exist: too long, or a link that leads to itself.
_IMPOSSIBLE = (errno.ENAMETOOLONG, errno.ELOOP)
#: The most characters of a value that a message repeats.
_MAX_MESSAGE_CHARACTERS = 60


def value_text(value: object) -> str:
    """The text of a value for an error message: one short line.

    Examples
    --------
    >>> value_text("0.5 nm"), value_text(np.zeros((2, 2)))
    ("'0.5 nm'", 'an array of float64 of shape (2, 2)')
    """
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape}"
    if hasattr(value, "dims") or hasattr(value, "columns"):
        return f"a {type(value).__name__}"
    text = " ".join(repr(value).split())
    return text if len(text) <= _MAX_MESSAGE_CHARACTERS else f"{text[:_MAX_MESSAGE_CHARACTERS]}..."


def number(
    value: Any,
    what: str,
    unit: str = "",
    *,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
) -> float:
    """A finite number within its bounds.

    Raises
    ------
    StmError
        If it is no real number, not finite or out of bounds.

    Examples
    --------
    >>> number(np.float32(0.5), "the radius", "nm", above=0)
    0.5
    """
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    valid = not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)
    valid = valid and (above is None or value > above) and (least is None or value >= least)
    if not valid or (most is not None and value > most):
        bounds = [
            f"{label} {bound:g}" for label, bound in (("at least", least), ("at most", most)) if bound is not None
        ]
        bounds += [] if above in (None, 0) else [f"above {above:g}"]
        noun = "a positive number" if above == 0 else "a number"
        expected = ", ".join([f"{noun} in {unit}" if unit else noun, *bounds])
        raise StmError(f"{what} must be {expected}, got {value_text(value)}")
    return float(value)


def whole_number(value: Any, what: str, *, least: int, most: int | None = None) -> int:
    """A whole number within its bounds.

    Raises
    ------
    StmError
        If it is none, or out of bounds.

    Examples
    --------
    >>> whole_number(np.int64(3), "the number of maps", least=1)
    3
    """
    good = not isinstance(value, bool) and isinstance(value, Integral)
    if not good or value < least or (most is not None and value > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise StmError(f"{what} must be a whole number, {bounds}, got {value_text(value)}")
    return int(value)


def seed_of(value: Any) -> int:
    """The seed as a whole number that every random generator accepts.

    Raises
    ------
    StmError
        If it is no whole number from 0 to :data:`LARGEST_SEED`.
    """
    return whole_number(value, "the seed", least=0, most=LARGEST_SEED)


def real_array(values: ArrayLike, what: str) -> NDArray[Any]:
    """An array of real numbers, as it is.

    Raises
    ------
    StmError
        If it holds anything else, or is ragged.
    """
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):
        raise StmError(f"{what} must be an array of real numbers, got {value_text(values)}") from None
    if array.dtype.kind not in "fiub":
        raise StmError(f"{what} must be an array of real numbers, got {value_text(values)}")
    return array


def finite_numbers(values: ArrayLike, what: str) -> NDArray[np.float64]:
    """Finite numbers, shape (n,).

    Raises
    ------
    StmError
        If it holds anything else, or nothing.
    """
    array = real_array(values, what)
    if array.dtype.kind == "b" or array.ndim > 1 or array.size == 0:
        raise StmError(f"{what} must be one number or a row of numbers, got {value_text(values)}")
    if not np.isfinite(array).all():
        raise StmError(f"{what} holds values that are not finite, got {value_text(values)}")
    return np.atleast_1d(array.astype(np.float64))


def pixel_sizes(value: Any, what: str = "pixel_size_nm") -> tuple[float, float]:
    """The pixel size (y, x) in nm from one number or two.

    Raises
    ------
    StmError
        If it is neither, not positive, or so small or large that it cannot be in nm.

    Examples
    --------
    >>> pixel_sizes(0.5), pixel_sizes([0.5, 0.25])
    ((0.5, 0.5), (0.5, 0.25))
    """
    try:
        sizes = finite_numbers(value, what)
        good = len(sizes) in (1, 2) and bool(((sizes > _SMALLEST_PIXEL_NM) & (sizes < _LARGEST_PIXEL_NM)).all())
    except StmError:
        good = False
    if not good:
        raise StmError(
            f"the pixel size must be positive, in nm, one number or (y, x) as {what}, got {value_text(value)}"
        )
    return float(sizes[0]), float(sizes[-1])


def rectangle(value: Any, what: str) -> tuple[float, float, float, float]:
    """A rectangle (y from, y to, x from, x to) in nm.

    Raises
    ------
    StmError
        If it is none, or has no area.
    """
    try:
        edges = finite_numbers(value, what)
        good = len(edges) == 4 and bool(edges[1] > edges[0] and edges[3] > edges[2])
    except StmError:
        good = False
    if not good:
        raise StmError(f"{what} is (y from, y to, x from, x to) in nm, ascending, got {value_text(value)}")
    y_from, y_to, x_from, x_to = (float(edge) for edge in edges)
    return y_from, y_to, x_from, x_to


def path_of(value: Any, what: str = "a file") -> Path:
    """A path.

    Raises
    ------
    StmError
        If it is none, or could not be the name of anything.
    """
    if not isinstance(value, str | os.PathLike):
        raise StmError(f"expected the path of {what}, got {value_text(value)}")
    path = os.fspath(value)
    good = isinstance(path, str) and bool(path) and "\0" not in path
    try:
        if good:
            os.lstat(path)
    except OSError as error:
        good = error.errno not in _IMPOSSIBLE
    if not good:
        raise StmError(f"expected the path of {what}, got {value_text(value)}")
    return Path(path)


def path_like(value: Any) -> bool:
    """Whether a value is the name of a file; functions that expect an array then say how to read the file."""
    return isinstance(value, str | bytes | os.PathLike)


def instance(value: Any, kind: type[Kind], what: str, hint: str = "") -> Kind:
    """A value of one type.

    Raises
    ------
    StmError
        If it is of another; `hint` is then added to the message.
    """
    if not isinstance(value, kind):
        raise StmError(f"{what} must be a {kind.__name__}, got {value_text(value)}{f'; {hint}' if hint else ''}")
    return value
