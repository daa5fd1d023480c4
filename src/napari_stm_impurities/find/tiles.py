"""A whole image through the network, tile by tile, with a halo so that no seam shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch

from ..errors import StmError
from ..network.inputs import network_input, scale_maps
from ..network.model import Model
from ..network.view import View
from ..progress import Progress, ShouldStop, Stopped, never, silent


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
    """

    score: np.ndarray
    offsets_px: np.ndarray | None
    attention: np.ndarray


def score_view(
    model: Model,
    view: View,
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
        Told and asked before each tile.

    Raises
    ------
    StmError
        If `tile_px` is negative.
    Stopped
        If `should_stop` said so.
    """
    if tile_px is not None and tile_px < 0:
        raise StmError(f"the side of a tile is a number of pixels, 0 for the whole image, got {tile_px}")
    inputs = model.config.inputs
    height, width = view.maps.shape[-2:]
    side = inputs.tile_px if tile_px is None else tile_px
    multiple = model.network.multiple_px
    side = -(-side // multiple) * multiple or max(height, width)
    whole = inputs.scale_over == "image"
    maps = scale_maps(view.maps, inputs.scaling) if whole else view.maps
    score = np.zeros((height, width), np.float32)
    offsets = np.zeros((2, height, width), np.float32) if model.config.network.offsets else None
    attention = np.zeros((len(view.maps), len(view.maps)))
    tiles = list(_tiles(height, width, side, -(-inputs.halo_px // multiple) * multiple))
    for index, (core, seen, inner) in enumerate(tiles):
        if should_stop():
            raise Stopped
        progress(index / len(tiles), "scoring the maps")
        part = maps[(slice(None), *seen)]
        part = part if whole else scale_maps(part, inputs.scaling)
        shown = network_input(part[None].to(model.device), inputs)
        with torch.inference_mode():
            answer = model.network(shown)
        score[core] = answer.score[0].float().cpu().numpy()[inner]
        if offsets is not None:
            offsets[(slice(None), *core)] = answer.offsets_px[0].float().cpu().numpy()[(slice(None), *inner)]
        weights = answer.weights[0].float().cpu().numpy()
        of_core = weights[(..., *inner)].mean((2, 3)) if weights.ndim == 4 else weights
        attention += of_core * score[core].size / score.size
    progress(1.0, "scoring the maps")
    return ScoreField(score, offsets, attention)


_Window = tuple[slice, slice]


def _tiles(height: int, width: int, side: int, halo: int) -> Iterator[tuple[_Window, _Window, _Window]]:
    """For each tile: its place, its place with the halo, and where in the latter the former lies."""
    for y in range(0, height, side):
        for x in range(0, width, side):
            core = (slice(y, min(y + side, height)), slice(x, min(x + side, width)))
            seen = (
                slice(max(y - halo, 0), min(y + side + halo, height)),
                slice(max(x - halo, 0), min(x + side + halo, width)),
            )
            inner = tuple(slice(c.start - s.start, c.stop - s.start) for c, s in zip(core, seen, strict=True))
            yield core, seen, (inner[0], inner[1])
