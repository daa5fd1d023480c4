"""RHK files (``.sm4``): maps of spectra with repetitions and both sweep directions, and single images.

Several spectra at one position are repetitions, alternately with the bias swept forward and backward: both directions
are channels, each averaged over its repetitions, and each repetition is a channel too. A spectrum that was not measured
is stored as zeros, and is NaN here. Spectra at single positions in an image are no map: the image is read.

The reader is our own: of those published, one divides by zero at a small map, and one gives a flat list of spectra.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...core.errors import ReadError
from .channels import choose, recognise
from .formats import Format
from .image_groups import Picture, grouped, left_out_assumption, select
from .recording import Channel, Frame, Recording, UserMetadata, library_errors, nm
from .rhk_grid import Grid, find_grid
from .rhk_pages import SIGNATURE, Page, read_pages
from .sweep import decimal_of_float32, merge

_NAME = "RHK (.sm4)"
#: More repetitions than this are averaged only, not shown one by one.
_MAX_REPETITIONS = 32


def open_rhk(path: Path, user: UserMetadata) -> Recording:
    """The recording of an RHK file: its map of spectra if it has one, else its images.

    Raises
    ------
    ReadError
        If it is damaged, or holds neither.
    """
    with library_errors(path, "an RHK file (.sm4)"):
        pages = read_pages(path)
        spectra = [page for page in pages if page.is_iv]
        images = [page for page in pages if page.is_image]
        maps = [page for page in spectra if _n_positions(page) > 1]
        if maps:
            alike, left_out = _same_grid_pages(maps)
            grid = find_grid(alike[0])
            # a few spectra on a line are points of interest of the image, and no map of their own
            if grid is not None and (not images or min(grid.position_index.shape) > 1):
                return _spectra(path, alike, grid, left_out, pages, user)
        if images:
            return _images(path, images, user)
        if maps:
            raise ReadError(
                path,
                f"expected spectra on a grid, found {_n_positions(maps[0])} positions that make no rectangle, and no"
                " image",
            )
    if spectra:
        n_measured = int(spectra[0].raw().any(axis=1).sum())
        raise ReadError(
            path,
            f"holds {spectra[0].n_y} spectra of one position ({n_measured} of them measured) and no image; a stack"
            " needs spectra at many positions",
        )
    raise ReadError(path, "expected a map of spectra against the bias, or an image, and found neither")


def _n_positions(page: Page) -> int:
    return len(np.unique(page.places_m, axis=0))


def _spectra(
    path: Path, alike: Sequence[Page], grid: Grid, left_out: Sequence[str], pages: Sequence[Page], user: UserMetadata
) -> Recording:
    first = alike[0]
    start, step = decimal_of_float32(first.x_offset), decimal_of_float32(first.x_scale)
    axis = np.round((start + step * np.arange(first.n_x)) * 1000, 6)
    if user.bias_mv is not None:
        axis = np.asarray(user.bias_mv)
    if len(axis) != first.n_x or not np.isfinite(axis).all() or (first.n_x > 1 and step == 0):
        raise ReadError(path, f"each spectrum has {first.n_x} points and needs as many biases, got {len(axis)}")
    measured = np.zeros(first.n_y, dtype=bool)
    for page in alike:
        measured |= page.raw().any(axis=1)
    sweeps = _sweeps(grid.n_repeated)
    channels, sources = [], {}
    for page in alike:
        for suffix, selected in sweeps.items():
            channel = recognise(f"{page.label}{suffix}", page.z_unit)
            if channel.name not in sources:
                channels.append(channel)
                sources[channel.name] = (page, selected)
    chosen, why, warnings = choose(channels, None, fallback="current")
    missing = 1.0 - measured.mean()
    if missing:
        warnings.append(f"{missing:.1%} of the spectra were not measured and are missing (NaN)")
    pixel = user.pixel_size_nm or grid.pixel_size_nm
    if pixel is None:
        raise ReadError(path, "the positions of the spectra do not determine the pixel size; give pixel_size_nm")

    def load(channel: Channel) -> np.ndarray:
        page, selected = sources[channel.name]
        out = np.full((*grid.position_index.shape, first.n_x), np.nan, dtype=np.float32)
        values = page.raw().reshape(-1, grid.n_repeated, first.n_x)
        is_measured = measured.reshape(-1, grid.n_repeated)
        for row, pixel_numbers in zip(out, grid.position_index, strict=True):
            spectra = values[pixel_numbers][:, selected] * decimal_of_float32(page.z_scale) + decimal_of_float32(
                page.z_offset
            )
            valid = is_measured[pixel_numbers][:, selected]
            spectra[~valid] = np.nan
            count = valid.sum(axis=1)[:, None]
            row[:] = np.where(count > 0, np.nansum(spectra, axis=1) / np.maximum(count, 1), np.nan)
        return merge(np.moveaxis(out, 2, 0), axis)

    return Recording(
        paths=(path,),
        format=_NAME,
        channels=tuple(channels),
        default=chosen.name,
        why=why,
        bias_mv=tuple(float(v) for v in np.unique(axis)),
        frame=Frame(grid.position_index.shape, pixel, grid.center_nm, grid.angle_deg),
        load=load,
        sweep_signal=f"Bias ({first.x_unit or 'V'})",
        warnings=tuple(warnings),
        assumptions=(left_out_assumption(first.label, left_out),) if left_out else (),
        history=("both sweep directions kept as channels",) if grid.n_repeated > 1 else (),
        metadata=_metadata(pages),
    )


def _same_grid_pages(maps: Sequence[Page]) -> tuple[list[Page], list[str]]:
    """The maps of spectra at the same positions and biases, those with dI/dV or else the most; and the others."""

    def difference(a: Page, b: Page) -> str | None:
        if (a.n_x, a.x_offset, a.x_scale) != (b.n_x, b.x_offset, b.x_scale):
            return "another sweep of the bias"
        same = a.grid == b.grid and np.array_equal(a.places_m, b.places_m)
        return None if same else "other positions"

    groups = grouped(maps, difference)
    best = max(
        groups, key=lambda group: (any(recognise(page.label, page.z_unit).is_didv for page in group), len(group))
    )
    left_out = [
        f"{page.label!r} ({difference(best[0], page)})" for group in groups if group is not best for page in group
    ]
    return best, left_out


def _sweeps(n_repeated: int) -> dict[str, slice]:
    """The spectra at one position of each channel: an even number is measured forward and backward in turn."""
    if n_repeated % 2:
        averaged, step = {"": slice(None)}, 1
    else:
        averaged, step = {"": slice(0, None, 2), " [bwd]": slice(1, None, 2)}, 2
    if n_repeated // step == 1:
        return averaged
    repetitions = range(min(n_repeated, _MAX_REPETITIONS))
    return averaged | {f" [{i // step + 1:05d}]{' [bwd]' if i % step else ''}": slice(i, i + 1) for i in repetitions}


def _images(path: Path, images: Sequence[Page], user: UserMetadata) -> Recording:
    pages: dict[str, Page] = {}
    for page in images:
        name = f"{page.label}{' [bwd]' if page.backward else ''}"
        # a label that several pages have is followed by its number
        pages[name if name not in pages else f"{name} ({len(pages) + 1})"] = page
    frames = {name: _image_frame(page, user) for name, page in pages.items()}
    selection = select(
        [
            Picture(name, page.z_unit, frames[name], round(decimal_of_float32(page.bias_v) * 1000, 3))
            for name, page in pages.items()
        ]
    )
    bias = np.asarray(user.bias_mv if user.bias_mv is not None else selection.bias_mv, dtype=np.float64)
    if len(np.unique(bias)) != selection.n_maps or not np.isfinite(bias).all():
        maps = (
            "an image is one map and has one bias" if selection.n_maps == 1 else f"{selection.n_maps} maps need as many"
        )
        raise ReadError(path, f"{maps}, got {', '.join(f'{bias_mv:g}' for bias_mv in bias) or 'none'}")
    frame = frames[selection.channels[0][1][0]]
    if not (np.isfinite(frame.pixel_size_nm).all() and min(frame.pixel_size_nm) > 0):
        raise ReadError(path, "the header does not state the pixel size; give pixel_size_nm")
    channels = [channel for channel, _ in selection.channels]
    of_channels = {channel.name: names for channel, names in selection.channels}
    chosen, why, warnings = choose(channels, None, fallback="topography")

    def load(channel: Channel) -> np.ndarray:
        return merge(np.concatenate([_image(pages[name]) for name in of_channels[channel.name]]), bias)

    return Recording(
        paths=(path,),
        format=_NAME,
        channels=tuple(channels),
        default=chosen.name,
        why=why,
        bias_mv=tuple(float(bias_mv) for bias_mv in np.unique(bias)),
        frame=frame,
        load=load,
        warnings=tuple(warnings),
        assumptions=selection.assumptions(),
        metadata=_metadata(images),
    )


def _image_frame(page: Page, user: UserMetadata) -> Frame:
    pixel = user.pixel_size_nm or (
        abs(nm(decimal_of_float32(page.y_scale))),
        abs(nm(decimal_of_float32(page.x_scale))),
    )
    cos, sin = math.cos(math.radians(page.angle_deg)), math.sin(math.radians(page.angle_deg))
    u, v = page.x_scale * page.n_x / 2, page.y_scale * page.n_y / 2
    center = (page.x_offset + u * cos - v * sin, page.y_offset + u * sin + v * cos)
    return Frame((page.n_y, page.n_x), pixel, (nm(center[0]), nm(center[1])), round(-float(page.angle_deg), 3))


def _image(page: Page) -> np.ndarray:
    values = page.raw() * np.float64(decimal_of_float32(page.z_scale)) + decimal_of_float32(page.z_offset)
    # rows go up where the step is positive, and columns go to the left where it is negative
    return values[None, :: -1 if page.y_scale > 0 else 1, :: -1 if page.x_scale < 0 else 1]


def _metadata(pages: Sequence[Page]) -> dict[str, object]:
    return {
        "date": pages[0].date,
        "set point bias (V)": decimal_of_float32(pages[0].bias_v),
        "pages": [f"{page.label} ({page.n_x} x {page.n_y})" for page in pages],
    }


FORMAT = Format(_NAME, (".sm4",), lambda head: head[2 : 2 + len(SIGNATURE)] == SIGNATURE, open_rhk)
