"""A whole image through the network, tile by tile, with a halo so that no seam shows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..core.arguments import whole_number
from ..core.progress import Progress, ShouldStop, Stopped, never, silent
from .inference import predict
from .inputs import network_input, scale_maps
from .model import Model
from .preprocess import ModelInput


class ScoreField(NamedTuple):
    """The network's answer for a whole image.

    Attributes
    ----------
    score
        S, shape (y, x), float32.
    offsets_px
        The way (y, x) to the nearest impurity, shape (2, y, x), or None.
    attention
        exp(<Q_i, K_j>) / Z_i of Eq. 1 at the finest level, the mean over the image, shape (bias i, bias j):
        how much map i asks map j.
    structure
        The probability that a pixel is structure and no impurity, shape (y, x), or None.
    """

    score: np.ndarray
    offsets_px: np.ndarray | None
    attention: np.ndarray
    structure: np.ndarray | None = None


def score_view(
    model: Model,
    view: ModelInput,
    tile_px: int | None = None,
    *,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> ScoreField:
    """Score every pixel.

    Parameters
    ----------
    model
        The network and its inputs.
    view
        The maps.
    tile_px
        Side of a tile; 0 takes the whole image at once, None what the model says. Where the model sees
        all tiles at one scale and with a halo, the answer does not depend on it.
    progress, should_stop
        Progress callback and cancellation check, before each tile.

    Raises
    ------
    StmError
        If `tile_px` is no whole number, or negative.
    Stopped
        If `should_stop` returned true.
    """
    if tile_px is not None:
        tile_px = whole_number(tile_px, "the side of a tile in pixels (tile_px, 0 for the whole image)", least=0)
    inputs = model.config.inputs
    height, width = view.maps.shape[-2:]
    multiple = model.network.multiple_px
    sides = tile_sides_px(model, (height, width), tile_px)
    whole = inputs.scale_over == "image"
    maps = scale_maps(view.maps, inputs.scaling) if whole else view.maps
    score = np.zeros((height, width), np.float32)
    offsets = np.zeros((2, height, width), np.float32) if model.config.network.offsets else None
    structure = np.zeros((height, width), np.float32) if model.config.network.structure else None
    attention = np.zeros((len(view.maps), len(view.maps)))
    halo = -(-inputs.halo_px // multiple) * multiple
    corners = [(y, x) for y in range(0, height, sides[0]) for x in range(0, width, sides[1])]
    for index, corner in enumerate(corners):
        core, seen, inner = tile_from(corner, sides, halo, (height, width))
        if should_stop():
            raise Stopped
        progress(index / len(corners), "scoring the maps")
        part = maps[(slice(None), *seen)]
        part = part if whole else scale_maps(part, inputs.scaling)
        shown = network_input(part[None].to(model.device), inputs)
        scores = predict(model.network, shown, inputs)
        score[core] = scores.score[0].float().cpu().numpy()[inner]
        if offsets is not None and scores.offsets_px is not None:
            offsets[(slice(None), *core)] = scores.offsets_px[0].float().cpu().numpy()[(slice(None), *inner)]
        if structure is not None and scores.structure is not None:
            structure[core] = scores.structure[0].float().sigmoid().cpu().numpy()[inner]
        weights = scores.weights[0].float().cpu().numpy()
        of_core = weights[(..., *inner)].mean((2, 3)) if weights.ndim == 4 else weights
        attention += of_core * score[core].size / score.size
    progress(1.0, "scoring the maps")
    return ScoreField(score, offsets, attention, structure)


def tile_sides_px(model: Model, shape: tuple[int, int], tile_px: int | None = None) -> tuple[int, int]:
    """The sides (y, x) of the tiles into which an image is cut, multiples of what the network halves.

    A tile at the image's edge needs no halo there. So an image of two or three tiles, say, is cut into fewer and
    larger ones, where these with their halo see no more than a tile in the middle of a large image does.

    Parameters
    ----------
    model
        What says how far a tile sees beyond its edge.
    shape
        (y, x) of the image.
    tile_px
        The side of a tile; 0 takes the whole image at once, None what the model says.
    """
    inputs, multiple = model.config.inputs, model.network.multiple_px
    side = inputs.tile_px if tile_px is None else tile_px
    return _side(shape[0], side, inputs.halo_px, multiple), _side(shape[1], side, inputs.halo_px, multiple)


def _side(length: int, side: int, halo: int, multiple: int) -> int:
    def whole(px: int) -> int:
        return -(-px // multiple) * multiple

    if side == 0:
        return length
    side, halo = whole(side), whole(halo)
    n_tiles = -(-length // side)
    for fewer in range(1, n_tiles):
        of_fewer = whole(-(-length // fewer))
        seen = of_fewer + halo * min(fewer - 1, 2)
        if seen <= side + 2 * halo:
            return of_fewer
    return side


Window = tuple[slice, slice]


def tile_from(
    corner: tuple[int, int], sides: tuple[int, int], halo: int, shape: tuple[int, int]
) -> tuple[Window, Window, Window]:
    """One tile: its place, its place with the halo, and where in the latter the former lies.

    Parameters
    ----------
    corner
        The first pixel (y, x) of the tile without its halo.
    sides, halo
        Of the tile (y, x), and what it sees beyond, in pixels; the tile is cut off at the image's edge.
    shape
        (y, x) of the image.

    Examples
    --------
    >>> tile_from((8, 0), (8, 8), 4, (20, 20))[1]
    (slice(4, 20, None), slice(0, 12, None))
    """
    along = list(zip(corner, sides, shape, strict=True))
    core = tuple(slice(first, min(first + side, last)) for first, side, last in along)
    seen = tuple(slice(max(first - halo, 0), min(first + side + halo, last)) for first, side, last in along)
    inner = tuple(slice(c.start - s.start, c.stop - s.start) for c, s in zip(core, seen, strict=True))
    return (core[0], core[1]), (seen[0], seen[1]), (inner[0], inner[1])
