"""What a comparison draws: matched, missed and extra points, and a link between the two of each pair."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from napari.components import ViewerModel
from napari.layers import Layer, Points, Vectors

from ...analysis.comparison import Comparison
from .images import DRAWN_KEY
from .transforms import PIXEL_KEY, Transform, placement

#: Border, face and symbol of each; the colours are told apart by a colour-blind eye too (Okabe and Ito).
LOOKS = {
    "matched": ("#009e73", "transparent", "disc"),
    "missed": ("#d55e00", "#d55e00", "cross"),
    "extra": ("#56b4e9", "transparent", "diamond"),
}
#: The layer of the links, and their colour.
LINKS = "links"
LINK_COLOUR = "#f0e442"


class ComparisonLayers:
    """The four layers of one comparison: made once, moved with each edit, and removed together.

    They lie on the layer that is judged. One that a person deletes stays away until the next :meth:`draw`.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self.viewer = viewer
        self._layers: dict[str, Layer] = {}
        self._place: dict[str, Any] = {}
        self._frame: Transform | None = None

    def __contains__(self, layer: Layer) -> bool:
        return any(layer is ours for ours in self._layers.values())

    def draw(self, report: Comparison, judged: Points, frame: Transform | None = None) -> None:
        """Draw a comparison in place of the last one.

        Parameters
        ----------
        report
            The comparison.
        judged
            The layer whose points were compared.
        frame
            Of the image in whose map nm the positions are; without one they are canvas nm.
        """
        self.remove()
        self._frame = frame
        self._place = placement(judged)
        size = 1.3 * float(np.max(judged.size, initial=judged.current_size))
        keywords: dict[str, Any] = {**self._place, "metadata": {DRAWN_KEY: True}}
        if PIXEL_KEY in judged.metadata:
            keywords["metadata"][PIXEL_KEY] = judged.metadata[PIXEL_KEY]
        self._layers[LINKS] = Vectors(
            ndim=2, name=LINKS, vector_style="line", edge_width=0.15 * size, edge_color=LINK_COLOUR, **keywords
        )
        for name, (border, face, symbol) in LOOKS.items():
            self._layers[name] = Points(
                ndim=2,
                name=name,
                symbol=symbol,
                size=size,
                face_color=face,
                border_color=border,
                border_width=0.2,
                **keywords,
            )
        self._fill(report)
        active = self.viewer.layers.selection.active
        for layer in self._layers.values():
            self.viewer.add_layer(layer)
        self.viewer.layers.selection.active = active  # what the person edits stays what the person edits

    def move(self, report: Comparison, judged: Points, frame: Transform | None = None) -> None:
        """Show another state of the same two layers; parameters as of :meth:`draw`."""
        if _same_place(self._place, placement(judged)):
            self._frame = frame
            self._fill(report)
        else:
            self.draw(report, judged, frame)

    def remove(self) -> None:
        """Take all of them off the canvas."""
        for layer in self._layers.values():
            if layer in self.viewer.layers:
                self.viewer.layers.remove(layer)
        self._layers = {}

    def _fill(self, report: Comparison) -> None:
        pairs = report.pairs
        start = self._data(pairs, "y_nm", "x_nm")
        end = self._data(pairs, "reference_y_nm", "reference_x_nm")
        self._layers[LINKS].data = np.stack([start, end - start], axis=1)
        self._layers["matched"].data = start
        self._layers["missed"].data = self._data(report.missed, "y_nm", "x_nm")
        self._layers["extra"].data = self._data(report.extra, "y_nm", "x_nm")

    def _data(self, table: pd.DataFrame, y: str, x: str) -> np.ndarray:
        """Positions of the comparison as data of our layers."""
        yx_nm = table[[y, x]].to_numpy(dtype=np.float64)
        if self._frame is not None:
            yx_nm = self._frame.to_nm(self._frame.from_map_nm(yx_nm))
        return Transform.of(self._layers[LINKS]).from_nm(yx_nm)


def _same_place(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(np.array_equal(np.asarray(one[key]), np.asarray(other[key])) for key in other) and bool(one)
