"""The widget *Report*: one button, one folder with everything that came out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from magicgui.types import FileDialogMode
from magicgui.widgets import FileEdit
from napari.components import ViewerModel
from napari.layers import Image, Points
from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QPushButton

from ...core.errors import StmError
from ...core.progress import Progress, ShouldStop
from ...data.masks import exclude
from ...data.method import Result
from ...io.readers import open_recording
from ...io.readers.recording import MissingMetadataError
from ...prepare import choose_biases
from ...workflow.families import family_of
from ...workflow.provenance import Inputs
from ...workflow.report import Report, check_place, write_report
from ..layers.bias_overlay import shown_map
from ..layers.images import (
    FILES_KEY,
    FINDING_KEY,
    IMAGE_KEY,
    LEFT_OUT_KEY,
    THRESHOLD_KEY,
    layer_bias_mv,
    layer_stack,
)
from ..layers.points import points_on
from ..layers.transforms import layer_pixel_size_nm
from ..widgets.channel_choice import channel_of
from ..widgets.image_picker import ImagePicker, n_maps
from ..widgets.panel import Panel


@dataclass(frozen=True, eq=False)
class LayerSource:
    """What a layer tells of the files that it came from.

    Attributes
    ----------
    files
        Their paths; none for a layer that came from no file.
    channel
        The channel that it shows.
    bias_mv, pixel_size_nm
        What a person may have told of it, for files that do not tell it.
    """

    files: tuple[str, ...]
    channel: str | None
    bias_mv: Any
    pixel_size_nm: tuple[float, float] | None

    @classmethod
    def of(cls, layer: Image) -> LayerSource:
        """Read it off a layer."""
        files = tuple(str(path) for path in layer.metadata.get(FILES_KEY, ()))
        return cls(files, channel_of(layer), layer_bias_mv(layer), layer_pixel_size_nm(layer))

    def inputs(self, should_stop: ShouldStop) -> Inputs | None:
        """The files with their hashes; None where there are none, or they are gone."""
        if not self.files:
            return None
        known = {"bias_mv": self.bias_mv, "pixel_size_nm": self.pixel_size_nm}
        try:
            try:
                open_recording(self.files[0] if len(self.files) == 1 else list(self.files))
                given: dict[str, Any] = {}
            except MissingMetadataError as error:
                given = {lacks: known[lacks] for lacks in error.lacks}
            return Inputs.of_files(self.files, channel=self.channel, **given, should_stop=should_stop)
        except StmError:
            return None


class ReportPanel(Panel):
    """Write points, figures, statistics, comparison and provenance of a points layer into a folder."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer, "Write report")
        self.source = ImagePicker(
            self,
            "Image",
            "The maps in which the points were found",
            prefer=n_maps,
            left_out="Pixels painted in this labels layer are left out; with none chosen those that the run left out",
        )
        self.points = self.layer_box(
            Points,
            "Points",
            "Those that are shown are reported, with every edit that was made since the run",
            prefer=lambda layer: FINDING_KEY in layer.metadata,
        )
        self.reference = self.layer_box(
            Points, "Reference", "Known positions: they are compared with, and drawn", optional=True
        )
        self.bound_map = self.layer_box(
            Image,
            "Bound-state map",
            "The reference is drawn on it, and found on it where none is chosen; of several maps the lowest bias",
            optional=True,
        )
        self.folder = FileEdit(
            mode=FileDialogMode.EXISTING_DIRECTORY,
            label="Folder",
            tooltip="Where the report goes: a new or an empty folder, or an earlier report, which is replaced",
        )
        self.add_fields([self.points, self.reference, self.bound_map, self.folder])
        self.open_button = QPushButton("Open the report")
        self.open_button.setToolTip("Everything on one page, in the browser")
        self.open_button.setVisible(False)
        self.open_button.clicked.connect(self._open)
        self.body.addWidget(self.open_button)
        self.page: Path | None = None
        self._offered = ""
        self.source.box.changed.connect(self._offer_folder)
        self._offer_folder(self.source.box.value)

    def start(self) -> None:
        """Write the report; its map is the one on the screen."""
        layer, stack = self.source.layer, self.source.stack()
        points, reference, bound = self.points.value, self.reference.value, self.bound_map.value
        if points is None:
            raise StmError("there are no points; find impurities first, or open a table")
        if points is reference:
            raise StmError("the points and the reference are the same layer; choose two, or no reference")
        if not str(self.folder.line_edit.value).strip():
            raise StmError("choose a folder for the report")
        folder = Path(str(self.folder.line_edit.value).strip()).expanduser()
        check_place(folder)
        finding = finding_of(points, layer)
        mask = self.source.mask()
        if finding is not None:
            mask = mask_of_run(points, mask)
        self.open_button.setVisible(False)
        self.run(
            write,
            folder,
            stack,
            points_on(layer, points, rejected=True),
            LayerSource.of(layer),
            finding,
            mask,
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            threshold=None if finding is None else points.metadata.get(THRESHOLD_KEY),
            reference=None if reference is None else points_on(layer, reference),
            bound_map=None if bound is None else layer_stack(bound).isel(bias=[0]),
            bias_mv=float(stack.bias.values[shown_map(layer, self.viewer, stack.sizes["bias"])]),
            done=self._written,
        )

    def _written(self, report: Report) -> None:
        self.page = report.files[0]
        self.open_button.setVisible(True)
        run = report.provenance.run
        noun = "points" if run is None else family_of(run.kind).noun
        parts = [f"{len(report.points)} {noun}", f"{len(report.files)} files in {report.folder}"]
        self.set_status("; ".join([*parts, report.no_reference] if report.no_reference else parts))

    def _open(self) -> None:
        if self.page is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.page)))

    def _offer_folder(self, layer: Image | None) -> None:
        """Name a folder beside the data, until the person names one."""
        if layer is None or str(self.folder.line_edit.value) != self._offered:
            return
        files = [Path(path) for path in layer.metadata.get(FILES_KEY, ())]
        name = f"{files[0].stem if files else 'impurities'} report"
        self._offered = str((files[0].parent if files else Path.home()) / name)
        self.folder.line_edit.value = self._offered


def finding_of(points: Points, image: Image) -> Result | None:
    """The run that made a points layer on an image; None for points by hand, or from elsewhere.

    Raises
    ------
    StmError
        If the points were found in another image.
    """
    finding: Result | None = points.metadata.get(FINDING_KEY)
    of = points.metadata.get(IMAGE_KEY)
    searched = None if of is None else of()
    if finding is not None and searched is not None and searched is not image:
        raise StmError(f"these points were found in the image {searched.name!r}; choose it under Image")
    return finding if searched is image else None


def mask_of_run(points: Points, chosen: np.ndarray | None) -> np.ndarray | None:
    """The pixels that the run of a points layer left out, so that the report leads to the same points again.

    Parameters
    ----------
    points
        The layer of a run.
    chosen
        Shape (y, x): the pixels that the person wants to leave out; None leaves it to the run.

    Raises
    ------
    StmError
        If the run left out other pixels than those that were chosen.
    """
    left_out: np.ndarray | None = points.metadata.get(LEFT_OUT_KEY)
    searched = np.zeros(1, dtype=bool) if left_out is None else left_out
    if chosen is not None and not np.array_equal(chosen, np.broadcast_to(searched, chosen.shape)):
        raise StmError(
            f"these points were found with another mask: {int(searched.sum())} pixels were left out, and the labels"
            f" layer under Leave out has {int(chosen.sum())}; find impurities again with that layer, or choose none"
        )
    return left_out


def write(
    folder: Path,
    stack: xr.DataArray,
    points: pd.DataFrame,
    origin: LayerSource,
    finding: Result | None,
    mask: np.ndarray | None = None,
    *,
    progress: Progress,
    should_stop: ShouldStop,
    **how: Any,
) -> Report:
    """Write the report of the maps that were searched; meant to be called in a thread.

    Parameters
    ----------
    folder, points, finding, progress, should_stop
        As of :func:`~napari_stm_impurities.workflow.report.write_report`.
    stack
        All maps of the layer; those that the run left out are left out here too.
    origin
        What the layer tells of its files.
    mask
        Shape (y, x): pixels of the stack that are left out; None leaves out none.
    **how
        Passed on to :func:`~napari_stm_impurities.workflow.report.write_report`.
    """
    progress(0.0, "reading the files again")
    inputs = origin.inputs(should_stop)
    if mask is not None:
        stack = exclude(stack, mask)
    if finding is not None:
        score = next(iter(finding.maps.values()), None)
        first, last = (float(bias) for bias in stack.bias.values[[0, -1]])
        low_mv, high_mv = (first, last) if score is None else score.attrs.get("bias_range_mv", (first, last))
        if low_mv > stack.bias.values[0] or high_mv < stack.bias.values[-1]:
            stack = choose_biases(stack, low_mv, high_mv)
    return write_report(
        folder,
        stack,
        points,
        inputs=inputs,
        finding=finding,
        progress=progress,
        should_stop=should_stop,
        **how,
    )
