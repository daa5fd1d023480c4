"""Nanonis grid spectroscopy (``.3ds``): a spectrum at each pixel of a frame.

The file is a text header down to ``:HEADER_END:`` and then, pixel by pixel and row by row, the pixel's
parameters (fixed ones, then those of the experiment) and the points of each channel, all as big-endian
float32. An aborted grid just ends early: pixels without a measurement are NaN. Row 0 is the lower edge of an unrotated
frame, with which the format begins; a grid that was scanned in another order, as in a meander, is put in order by the
recorded positions.

A pixel is as wide as the frame divided by the number of pixels, for Nanonis puts its points into
the middle of pixels; the recorded ``X (m)`` and ``Y (m)`` take precedence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from ...core.errors import ReadError
from . import sweep
from .channels import LockIn, choose, recognise
from .formats import Format
from .nanonis_bytes import refuse_mangled, refuse_surplus, sampled
from .nanonis_frame import grid_frame, pixel_places
from .nanonis_header import Header, read_header, split_unit
from .nanonis_lock_in import lock_in_settings
from .recording import Channel, Recording, UserMetadata, as_read_error, check_size, one_line

#: An aborted grid that would hold more than this, and of which less than a hundredth is there, is damaged.
_MAX_ABORTED_BYTES = 2**30
#: The number of pixels that are checked at once.
_BLOCK = 4096


@dataclass(frozen=True)
class Layout:
    """The layout of the numbers in the file."""

    n_y: int
    n_x: int
    n_params: int
    n_points: int
    channels: tuple[tuple[str, str], ...]

    @property
    def per_pixel(self) -> int:
        """Values a pixel."""
        return self.n_params + self.n_points * len(self.channels)


def open_grid(path: Path, user: UserMetadata) -> Recording:
    """The recording of a Nanonis grid.

    Raises
    ------
    ReadError
        If it is no bias spectroscopy, its header lacks what cannot be guessed, or its numbers are mangled.
    """
    with as_read_error(path):
        header = read_header(path)
        layout = _layout(header)
        values = _values(header, layout)
        refuse_mangled(path, values)
        reached = _reached(values, layout)
        if not _holds_numbers(values, reached, layout):
            raise ReadError(path, "every value is zero or NaN: no pixel was measured")
        params = _parameters(header, values, reached, layout)
        axis, warnings = _bias_axis(header, layout, params, values[sampled(np.flatnonzero(reached))])
        if user.bias_mv is not None:
            if len(user.bias_mv) != layout.n_points:
                raise ReadError(
                    path, f"{layout.n_points} points a spectrum need as many biases, got {len(user.bias_mv)}"
                )
            axis = np.array(user.bias_mv)
        places = pixel_places(header, layout.n_y, layout.n_x, params)
        frame, assumptions = grid_frame(header, layout.n_y, layout.n_x, params, places, user)
    placed = reached
    if places is not None:
        placed = reached & (places.index[: len(reached)] >= 0)
        if placed.sum() < reached.sum():
            warnings.append(f"{reached.sum() - placed.sum()} pixels without a recorded position are missing (NaN)")
    missing = 1 - placed.sum() / (layout.n_y * layout.n_x)
    if missing > 0:
        warnings.append(f"the grid was aborted: {missing:.1%} of its pixels were not measured and are missing (NaN)")
    lock_in = _lock_in(header)
    channels = [recognise(name, unit, lock_in=lock_in) for name, unit in layout.channels]
    chosen, why, doubts = choose(channels, lock_in.status, fallback="current")
    warnings += doubts
    bias = np.unique(axis)
    history = []
    if places is not None and not places.in_order:
        history.append("pixels put where their recorded positions lie, for they were not scanned row by row upwards")
    if len(bias) < len(axis):
        history.append(f"{len(axis)} points averaged into the {len(bias)} biases that differ")
    return Recording(
        paths=(path,),
        format=FORMAT.name,
        channels=tuple(channels),
        default=chosen.name,
        why=why,
        bias_mv=tuple(float(v) for v in bias),
        frame=frame,
        load=partial(_load, header, layout, axis, None if places is None or places.in_order else places.index),
        sweep_signal=header.text("Sweep Signal") or "Bias (V)",
        warnings=tuple(warnings),
        assumptions=tuple(assumptions),
        history=tuple(history),
        metadata=dict(header.entries),
    )


def _layout(header: Header) -> Layout:
    dim = header.text("Grid dim")
    sides = [part.strip() for part in (dim or "").lower().split("x")]
    if len(sides) != 2 or not all(side.isdecimal() and 0 < int(side) <= 10**6 for side in sides):
        found = f"says Grid dim={dim[:40]!r}" if dim is not None else "has no entry Grid dim"
        raise ReadError(header.path, f"expected the pixels of the grid as in '30 x 30', but the header {found}")
    names = tuple(split_unit(name) for name in header.list("Channels"))
    if not names:
        raise ReadError(header.path, "the header names no channels (the entry Channels)")
    listed = header.list("Fixed parameters") + header.list("Experiment parameters")
    n_params = header.whole("# Parameters (4 byte)") or len(listed)
    size = header.whole("Experiment size (bytes)")
    n_points = header.whole("Points")
    if n_points is None:
        if size is None or size % (4 * len(names)):
            raise ReadError(header.path, "the header does not say how many points a spectrum has (the entry Points)")
        n_points = size // (4 * len(names))
    if size is not None and size != 4 * n_points * len(names):
        raise ReadError(
            header.path,
            f"the header contradicts itself: {n_points} points of {len(names)} channels are"
            f" {4 * n_points * len(names)} bytes, but it says Experiment size (bytes)={size}",
        )
    layout = Layout(int(sides[1]), int(sides[0]), n_params, n_points, names)
    check_size(header.path, layout.n_y * layout.n_x * n_points, f"a grid of {dim} pixels with {n_points} points")
    return layout


def _values(header: Header, layout: Layout) -> np.ndarray:
    """The measured pixels, shape (pixel, value): mapped from the file, apart from one that was cut."""
    found = header.path.stat().st_size - header.data_offset
    n_pixels = layout.n_y * layout.n_x
    expected = 4 * n_pixels * layout.per_pixel
    refuse_surplus(header.path, expected, found, f"{n_pixels} pixels of {layout.per_pixel} values")
    complete = found // (4 * layout.per_pixel)
    if complete == 0:
        raise ReadError(
            header.path, f"expected {expected} bytes of data, found {found}: not one whole pixel was measured"
        )
    if found < expected / 100 and 4 * n_pixels * layout.n_points > _MAX_ABORTED_BYTES:
        raise ReadError(
            header.path, f"expected {expected} bytes of data, found {found}: the header or the file is damaged"
        )
    shape = (complete, layout.per_pixel)
    values: np.ndarray = np.memmap(header.path, dtype=">f4", mode="r", offset=header.data_offset, shape=shape)
    n_partial = (found - 4 * complete * layout.per_pixel) // 4
    if complete < n_pixels and n_partial > layout.n_params:
        with header.path.open("rb") as file:
            file.seek(header.data_offset + 4 * complete * layout.per_pixel)
            cut = np.full((1, layout.per_pixel), np.nan, dtype=">f4")
            cut[0, :n_partial] = np.frombuffer(file.read(4 * n_partial), dtype=">f4")
        values = np.concatenate([values, cut])
    return values


def _reached(values: np.ndarray, layout: Layout) -> np.ndarray:
    """The mask of the measured pixels; some programs write zeros or NaN into the others."""
    reached = np.asarray(_nonzero(values[:, : layout.n_params]).any(axis=1))
    empty = np.flatnonzero(~reached)
    reached[empty] = _nonzero(values[empty]).any(axis=1)
    return reached


def _nonzero(values: np.ndarray) -> np.ndarray:
    """The mask of the values that are numbers other than zero."""
    nonzero: np.ndarray = (values != 0) & ~np.isnan(values)
    return nonzero


def _holds_numbers(values: np.ndarray, reached: np.ndarray, layout: Layout) -> bool:
    """Whether any channel of any pixel holds a number; mostly the first pixels suffice."""
    pixels = np.flatnonzero(reached)
    blocks = (pixels[i : i + _BLOCK] for i in range(0, len(pixels), _BLOCK))
    return any(np.isfinite(values[block, layout.n_params :]).any() for block in blocks)


def _parameters(header: Header, values: np.ndarray, reached: np.ndarray, layout: Layout) -> dict[str, np.ndarray]:
    """The parameters of each pixel by their names without unit, in the order of the file, NaN where not measured."""
    names = [split_unit(name)[0] for name in header.list("Fixed parameters") + header.list("Experiment parameters")]
    table: dict[str, np.ndarray] = {}
    for i, name in enumerate(names[: layout.n_params]):
        column = np.full(layout.n_y * layout.n_x, np.nan)
        with np.errstate(invalid="ignore"):  # damaged bytes hold signalling NaN too
            column[: len(values)][reached] = values[reached, i]
        table.setdefault(name, column)
    return table


def _bias_axis(
    header: Header, layout: Layout, params: dict[str, np.ndarray], sample: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """The bias of each point in mV in the order of the file, and warnings about it, from a sample of pixels."""
    signal = header.text("Sweep Signal") or "Bias (V)"
    factor = sweep.unit_factor_mv(signal)
    ends = _sweep_ends(header, params)
    if factor is None:
        span = f" from {ends[0]:g} to {ends[1]:g}" if ends else ""
        raise ReadError(
            header.path, f"the sweep is of {signal}{span}, not of the bias; a stack needs bias spectroscopy"
        )
    segments = header.starting_with("Segment Start")
    nominal, problem = None, "the header gives neither the ends of the sweep nor its segments"
    if segments and (header.text("Filetype") or "MLS").upper() == "MLS":
        try:
            nominal = sweep.segments_mv(segments, layout.n_points)
        except ValueError as error:
            problem = one_line(error)
    elif ends:
        nominal = sweep.linear_mv(*ends, layout.n_points, factor)
    warnings: list[str] = []
    for i, (name, unit) in enumerate(layout.channels):
        scale = sweep.unit_factor_mv(f"{name} ({unit})")
        if scale is None or layout.n_points < 2:
            continue
        first = layout.n_params + i * layout.n_points
        spectra = sample[:, first : first + layout.n_points]
        complete = bool(np.isfinite(spectra).any(axis=0).all())
        recorded = (
            np.array([sweep.decimal_of_float32(v) for v in np.nanmedian(spectra, axis=0)]) if complete else np.empty(0)
        )
        if complete and sweep.follows(recorded * scale, nominal):
            return np.round(recorded * scale, 9), warnings
        warnings.append(f"the channel {name} does not follow the sweep, so the bias is taken from the header")
    if nominal is None:
        raise ReadError(header.path, f"{problem}, and no bias was recorded; give bias_mv")
    if layout.n_points > 1 and nominal.min() == nominal.max():
        raise ReadError(header.path, f"the sweep starts and ends at the same bias, {nominal[0]:g} mV")
    return nominal, warnings


def _sweep_ends(header: Header, params: dict[str, np.ndarray]) -> tuple[float, float] | None:
    ends = []
    for name in ("Sweep Start", "Sweep End"):
        measured = params[name][np.isfinite(params[name])] if name in params else np.empty(0)
        if measured.size:
            low, high = sweep.decimal_of_float32(measured.min()), sweep.decimal_of_float32(measured.max())
            if high - low > 1e-4 * max(abs(low), abs(high)):
                raise ReadError(
                    header.path,
                    f"the sweep differs between pixels: its {name.split()[1].lower()} runs from {low:g} to {high:g};"
                    " a stack needs one bias axis",
                )
            ends.append(low)
        else:
            number = header.number(f"Bias Spectroscopy>{name} (V)")
            if number is None:
                return None
            ends.append(number)
    return ends[0], ends[1]


def _lock_in(header: Header) -> LockIn:
    settings = lock_in_settings(header.entries)
    if (header.text("Bias Spectroscopy>Lock-In run") or "").upper() == "TRUE":
        return replace(settings, status="ON")  # switched on for the spectra alone
    return settings


def _load(
    header: Header, layout: Layout, axis_mv: np.ndarray, index: np.ndarray | None, channel: Channel
) -> np.ndarray:
    """The maps of a channel; `index` is the frame position of each pixel of the file where they are not in order."""
    number = [name for name, _ in layout.channels].index(channel.name)
    values = _values(header, layout)
    reached = _reached(values, layout)
    first = layout.n_params + number * layout.n_points
    if index is None and len(values) == layout.n_y * layout.n_x and reached.all():
        # nothing is missing: the points stay on the disk
        points = values[:, first : first + layout.n_points].reshape(layout.n_y, layout.n_x, -1)
        return sweep.merge(np.moveaxis(points, 2, 0), axis_mv)
    pixels = np.flatnonzero(reached if index is None else reached & (index[: len(values)] >= 0))
    out = np.full((layout.n_y * layout.n_x, layout.n_points), np.nan, dtype=np.float32)
    out[pixels if index is None else index[pixels]] = values[pixels, first : first + layout.n_points]
    return sweep.merge(np.moveaxis(out.reshape(layout.n_y, layout.n_x, -1), 2, 0), axis_mv)


def _recognises(head: bytes) -> bool:
    return b"Grid dim=" in head or b":HEADER_END:" in head


FORMAT = Format("Nanonis grid (.3ds)", (".3ds",), _recognises, open_grid)
