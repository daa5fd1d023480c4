"""What a run of *Find impurities* leaves in the viewer: points, a score map and the structure of each image.

A second run on the same image goes into the layers of the first. What a person has corrected in them stays, and the
points can be brought back with one undo.
"""

from __future__ import annotations

import weakref
from typing import Any, TypeVar

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer, Points

from ...analysis.comparison import PAPER_PIXEL_NM
from ...data.method import Result
from ...workflow.families import family_of
from ..editing import merge_run, shown_at
from ..editing.add import add_points
from .images import DRAWN_KEY, FINDING_KEY, IMAGE_KEY, LEFT_OUT_KEY, THRESHOLD_KEY, score_layer
from .points import points_layer
from .structure import show_structure

L = TypeVar("L", bound=Layer)

#: The name of the step that a second run is in the history of the points.
FIND_AGAIN = "find again"


def show_finding(viewer: ViewerModel, image: Image, finding: Result, left_out: np.ndarray | None = None) -> Points:
    """Show the points and the score map of a run, and the structure that is no impurity where the model knows it.

    Parameters
    ----------
    viewer
        Where the layers are, or are added.
    image
        The image that was searched; it may have been deleted since.
    finding
        What was found, down to the least confidence that the slider shall reach.
    left_out
        Shape (y, x), bool: the pixels of the image that were not searched; None where all were.

    Returns
    -------
    napari.layers.Points
        The layer of the points. Those below the model's own threshold are hidden, or those below the one that a
        person has chosen, if the layer was there and the model is the same.
    """
    _show_score(viewer, image, finding)
    structure = finding.maps.get("structure")
    show_structure(viewer, image, structure, result_of(viewer, image, Labels), _origin(image, finding))
    layer = result_of(viewer, image, Points)
    if layer is None:
        return _add(viewer, image, finding, left_out)
    before: Result = layer.metadata[FINDING_KEY]
    threshold = finding.default_threshold
    if before.kind == finding.kind and before.confidence_basis == finding.confidence_basis:
        threshold = layer.metadata.get(THRESHOLD_KEY, threshold)
    merge_run(layer, finding.points, image, same_place_nm(), FIND_AGAIN, threshold)
    layer.metadata.update({FINDING_KEY: finding, THRESHOLD_KEY: threshold, LEFT_OUT_KEY: left_out})
    return layer


def result_of(viewer: ViewerModel, image: Image, kind: type[L]) -> L | None:
    """The layer of one kind that a run on an image has made, None where there is none; a copy of it lies above it."""
    for layer in viewer.layers:
        of = layer.metadata.get(IMAGE_KEY)
        drawn = DRAWN_KEY in layer.metadata
        if isinstance(layer, kind) and FINDING_KEY in layer.metadata and not drawn and of is not None and of() is image:
            return layer
    return None


def same_place_nm() -> float:
    """How far apart two points are at most that stand for the same impurity: what *Compare* begins with, in nm."""
    return PAPER_PIXEL_NM


def _add(viewer: ViewerModel, image: Image, finding: Result, left_out: np.ndarray | None) -> Points:
    data, keywords, kind = points_layer(
        finding.points, image, kind="model", name=f"{family_of(finding.kind).noun} ({image.name})"
    )
    threshold = finding.default_threshold
    keywords["metadata"] = {
        **keywords.get("metadata", {}),
        **_origin(image, finding),
        THRESHOLD_KEY: threshold,
        LEFT_OUT_KEY: left_out,
    }
    keywords["shown"] = shown_at(finding.points, threshold)
    return add_points(viewer, (data, keywords, kind))


def _show_score(viewer: ViewerModel, image: Image, finding: Result) -> None:
    if not finding.maps:
        return
    what, score = next(iter(finding.maps.items()))
    values, keywords, kind = score_layer(score, image, name=f"{what} ({image.name})", visible=False)
    layer = result_of(viewer, image, Image)
    if layer is None:
        keywords["metadata"] = _origin(image, finding)
        viewer.add_layer(Layer.create(values, keywords, kind))
        return
    layer.data = values
    # another model, or other biases, may look at pixels of another size
    layer.scale, layer.translate = keywords["scale"], keywords["translate"]
    layer.contrast_limits = keywords["contrast_limits"]
    layer.metadata.update(_origin(image, finding))


def _origin(image: Image, finding: Result) -> dict[str, Any]:
    return {FINDING_KEY: finding, IMAGE_KEY: weakref.ref(image)}
