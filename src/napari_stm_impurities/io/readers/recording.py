"""The result of every reader: a recording, the description of a file, from which channels are read on demand.

Every format module returns a :class:`Recording`, so the command, the viewer and a script get the same
information on every file: the channels, which of them is dI/dV, and the default one with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr

from ...core.errors import ReadError, StmError
from ...core.installed import is_library_fault, unfit_versions
from ...data.schemas import STACK, ImageSchema

#: The largest array; a file that announces more is damaged, or needs another program.
MAX_BYTES = 32 * 2**30
#: A stack that would hold more than this stays on the disk, as a dask array, where its format allows.
LAZY_BYTES = 2**30
#: The size of its chunks.
_CHUNK_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Channel:
    """One recorded signal.

    Attributes
    ----------
    name, unit
        As the file has them, such as ``LI Demod 1 X`` and ``A``.
    what
        A few words: ``lock-in``, ``current``, ``topography``, ``bias``, ``numerical derivative`` or ``other``.
    is_didv
        Whether it is dI/dV, as far as the file states it.
    """

    name: str
    unit: str
    what: str
    is_didv: bool


@dataclass(frozen=True)
class UserMetadata:
    """Metadata from the user, for a file that does not state them, or states them wrongly."""

    bias_mv: tuple[float, ...] | None = None
    pixel_size_nm: tuple[float, float] | None = None


@dataclass(frozen=True)
class Assumption:
    """A value that neither the file states nor the user provided, and the reason for its choice.

    Attributes
    ----------
    about
        What was assumed: ``channel``, ``bias``, ``unit``, ``pixel size`` or ``position``.
    text
        One sentence: the value that was taken, and the reason.
    remedy
        What avoids the assumption, such as ``give pixel_size_nm``; empty where nothing does.
    """

    about: Literal["channel", "bias", "unit", "pixel size", "position"]
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        """The sentence, with what it is about."""
        return f"{self.about}: {self.text}"


@dataclass(frozen=True)
class Frame:
    """The position of a recording on the surface.

    Attributes
    ----------
    shape
        Pixels (y, x).
    pixel_size_nm
        (y, x).
    center_nm
        (x, y) in the coordinates of the instrument; None where the file does not state it.
    angle_deg
        Clockwise, as Nanonis counts; None where the file does not state it.
    """

    shape: tuple[int, int]
    pixel_size_nm: tuple[float, float]
    center_nm: tuple[float, float] | None = None
    angle_deg: float | None = None


@dataclass(frozen=True)
class Recording:
    """The content of a file, or of a series of files, from which images are read.

    Attributes
    ----------
    paths
        The file, or the files in the order of their bias.
    format
        The name of the format.
    channels
        All channels that can be read.
    default
        The default channel.
    why
        The reason for the default, one sentence.
    bias_mv
        The bias axis, ascending; empty where `schema` has none.
    frame
        Size, pixel size, position and rotation.
    load
        Returns the values of a channel as (bias, y, x), in the order of `bias_mv`.
    sweep_signal
        What was swept, such as ``Bias (V)``; empty for a file with one map.
    warnings
        Problems of the data, one line each.
    assumptions
        What the file does not state plainly and was assumed; a strict reading refuses the first of them. The choice of
        the channel is not among them: see :meth:`assumed`.
    history
        Steps of the reader beyond reading the values.
    metadata
        Header entries worth showing, JSON-able.
    saved
        Returns an image that this package saved, unchanged; None for every other file.
    feedback_on
        Whether the height of the tip was controlled during the scan (constant current), or not (constant height); None
        where the file does not state it.
    odd_file
        The error for the default channel where a file of the series lacks it; other channels can be read by name.
    schema
        The kind of image: a stack, but for a movie or an image that this package saved.
    time_s
        The times of a movie in s, ascending; empty for every other kind.
    """

    paths: tuple[Path, ...]
    format: str
    channels: tuple[Channel, ...]
    default: str
    why: str
    bias_mv: tuple[float, ...]
    frame: Frame
    load: Callable[[Channel], np.ndarray] = field(repr=False)
    sweep_signal: str = ""
    warnings: tuple[str, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    history: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict, repr=False)
    saved: Callable[[], xr.DataArray] | None = field(default=None, repr=False)
    feedback_on: bool | None = None
    odd_file: ReadError | None = None
    schema: ImageSchema = STACK
    time_s: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        """The file's name, or that of the first file and the number of the others."""
        more = f" and {len(self.paths) - 1} more" if len(self.paths) > 1 else ""
        return f"{self.paths[0]}{more}"

    def channel(self, name: str | None = None) -> Channel:
        """The channel of that name (capitals do not matter), or the default one.

        Raises
        ------
        ReadError
            With the list of channels; or, for the default one, the file of a series that lacks it.
        """
        if not name and self.odd_file is not None:
            raise self.odd_file
        key = (name or self.default).strip().casefold()
        for channel in self.channels:
            if key in (channel.name.casefold(), f"{channel.name} ({channel.unit})".casefold()):
                return channel
        names = ", ".join(channel.name for channel in self.channels)
        raise ReadError(self.name, f"there is no channel {name!r}; there are {names}")

    def assumed(self, channel: str | None = None) -> tuple[Assumption, ...]:
        """The assumptions for this channel; None is the default channel, whose choice may be an assumption too.

        A channel that is dI/dV by the file, or the only one there is and of no known other kind, is no assumption.
        """
        chosen = self.channel(channel)
        certain = channel is not None or self.saved is not None or chosen.is_didv
        if certain or (len(self.channels) == 1 and chosen.what == "other"):
            return self.assumptions
        return (Assumption("channel", self.why.rstrip("."), "name the channel"), *self.assumptions)

    def stack(self, channel: str | None = None, *, strict: bool = False) -> xr.DataArray:
        """The stack of one channel.

        Parameters
        ----------
        channel
            Its name; None takes the default one.
        strict
            Refuse to assume what the file does not state plainly.

        Returns
        -------
        xarray.DataArray
            Dimensions (bias, y, x), float32, NaN where nothing was measured. One of more than 1 GiB is backed by
            a dask array, where the format allows: it is read in chunks on demand. Its attribute
            ``assumptions`` lists what was assumed, one line each.

        Raises
        ------
        ReadError
            If there is no such channel, the file cannot be read any more, `strict` refuses an assumption, or the file
            holds a movie or an image, which have no bias.
        """
        if self.schema != STACK:
            held = f"{self.schema.name} ({', '.join(self.schema.dims)})"
            raise ReadError(
                self.name, f"expected a stack, found a saved {held}; read it with read_image, or give bias_mv"
            )
        return self.image(channel, strict=strict)

    def image(self, channel: str | None = None, *, strict: bool = False) -> xr.DataArray:
        """The image of one channel, of the kind that `schema` names; parameters and errors as of :meth:`stack`."""
        chosen = self.channel(channel)
        assumed = self.assumed(channel)
        if strict and assumed:
            first = assumed[0]
            remedy = f"; {first.remedy}" if first.remedy else ""
            raise ReadError(self.name, f"strict reading refuses an assumption ({first}){remedy}")
        if self.saved is not None:
            with as_read_error(self.paths[0]):
                return self.saved()
        attrs: dict[str, Any] = {
            "source": self.name,
            "history": [f"channel {chosen.name!r} read from {self.name}", *self.history],
            "assumptions": [str(assumption) for assumption in assumed],
        }
        if self.sweep_signal:
            attrs["sweep_signal"] = self.sweep_signal
        if self.frame.center_nm is not None:
            attrs["frame_center_nm"] = list(self.frame.center_nm)
        if self.frame.angle_deg is not None:
            attrs["frame_angle_deg"] = self.frame.angle_deg
        with as_read_error(self.paths[0]):
            values = lazily(self.load(chosen))
            return self.schema.parse(
                values,
                {"bias": self.bias_mv, "time": self.time_s, "": None}[self.schema.axis],
                self.frame.pixel_size_nm,
                channel=chosen.name,
                units=chosen.unit,
                attrs=attrs,
            )


def is_large(n_values: int) -> bool:
    """Whether an array of `n_values` float32 values is read on demand."""
    return 4 * n_values > LAZY_BYTES


def lazily(values: Any) -> Any:
    """A large array that was mapped from a file as a dask array, any other as it is."""
    if not isinstance(values, np.memmap) or not is_large(values.size):
        return values
    import dask.array  # dask takes a second to load, and few files are so large

    # pieces that lie together in the file are read together
    along = int(np.argmax(np.abs(values.strides)))
    n_pieces = max(1, values.nbytes // _CHUNK_BYTES)
    chunks = [-1 if axis != along else max(1, n // n_pieces) for axis, n in enumerate(values.shape)]
    # without name=False the whole array would be read to make a name of it
    return dask.array.from_array(_OnDisk(values), chunks=tuple(chunks), name=False)


class _OnDisk:
    """A wrapper of a memory map, so that dask does not copy its chunks at once."""

    def __init__(self, values: np.memmap) -> None:
        self.values = values
        self.shape, self.dtype, self.ndim = values.shape, values.dtype, values.ndim

    def __getitem__(self, key: Any) -> np.ndarray:
        return np.array(self.values[key])


class MissingMetadataError(ReadError):
    """A file without its bias or its pixel size, which the user has to provide.

    Attributes
    ----------
    file
        That file.
    n_maps
        The number of biases that are needed.
    lacks
        ``bias_mv``, ``pixel_size_nm`` or both.
    why
        Why the numbers in the file are not sufficient; empty where it has none.
    """

    def __init__(self, path: object, n_maps: int, lacks: tuple[str, ...], why: str = "") -> None:
        maps = f"{n_maps} maps" if n_maps > 1 else "one map"
        needed = {"bias_mv": f"bias_mv (in mV, for its {maps})", "pixel_size_nm": "pixel_size_nm"}
        request = " and ".join(needed[name] for name in lacks)
        reason = f" ({why})" if why else ""
        super().__init__(path, f"the file does not state everything that a stack needs{reason}; give {request}")
        self.file = path
        self.n_maps = n_maps
        self.lacks = lacks
        self.why = why


@contextmanager
def as_read_error(path: object) -> Iterator[None]:
    """Raise errors of reading a file as a ReadError of one line."""
    try:
        yield
    except ReadError:
        raise
    except StmError as error:
        raise ReadError(path, str(error)) from None
    except FileNotFoundError:
        raise ReadError(path, "no such file") from None
    except OSError as error:
        raise ReadError(path, f"cannot be read ({error.strerror or one_line(error)})") from None
    except MemoryError:
        raise ReadError(path, "does not fit into memory; crop or average it where it was recorded") from None


@contextmanager
def library_errors(path: object, expected: str) -> Iterator[None]:
    """Raise any error of a third-party reader on a damaged file as a ReadError of one line.

    Such libraries do not document their errors. Where versions of libraries are incompatible, the message does not
    blame the file.
    """
    with as_read_error(path):
        try:
            yield
        except (StmError, OSError, MemoryError):
            raise
        except Exception as error:
            unfit = "; ".join(unfit_versions())
            if unfit:
                problem = f"a library failed on it ({one_line(error)}), which says nothing of the file: {unfit}"
            elif is_library_fault(error):
                problem = (
                    f"a library failed on it ({one_line(error)}), as where versions do not fit together: install those "
                    f"of constraints.txt; if it fails with them, it is damaged or not {expected}"
                )
            else:
                problem = f"expected {expected}, but it is damaged or another format: {one_line(error)}"
            raise ReadError(path, problem) from None


def one_line(error: BaseException) -> str:
    """The first line of an error's text, or its name when it has none."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def nm(length_m: float) -> float:
    """A length in nm from one in m, without the digits that the conversion adds.

    Examples
    --------
    >>> nm(3e-8)
    30.0
    """
    return float(f"{length_m * 1e9:.12g}")


def check_size(path: object, n_values: int, what: str) -> None:
    """Raise an error for an array that would not fit into memory, before it is allocated.

    Raises
    ------
    ReadError
        If `n_values` float32 values are more than :data:`MAX_BYTES`.
    """
    if 4 * n_values > MAX_BYTES:
        raise ReadError(
            path, f"{what} asks for {4 * n_values / 2**30:,.0f} GiB, far more than the file can hold; it is damaged"
        )
