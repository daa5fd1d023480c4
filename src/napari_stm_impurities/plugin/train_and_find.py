"""The widget *Train and find*: a model that is shipped, opened or trained here, and what it finds in an image."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import xarray as xr
from magicgui.widgets import ComboBox, FloatSpinBox, SpinBox
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ..errors import StmError
from ..find.find import Finding, find
from ..network.model import Model, load_model, shipped_models
from ..physics.dispersion import MATERIALS
from ..progress import Progress, ShouldStop
from ..training import train
from ..training.checkpoint import EpochReport
from ..training.config import TrainingConfig
from .curves import Curves
from .fields import Optional, file_box, path_in, tick_box
from .forms import Fold, Form, Tabs, grid
from .layers import score_layer
from .panel import Panel
from .points_layers import layer_points, points_layer
from .source import ImageSource, n_maps

FROM_FILE = "from a file …"
READ_OFF = "read off the image"
SUFFIX = ".safetensors"
PRESETS = ("default", "wang2020")


class TrainAndFindPanel(Panel):
    """Find impurities in an image layer, with a shipped model or one that is trained here."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer, "Find impurities")
        self.source = ImageSource(self, "Image", "The maps to look for impurities in, one a bias", prefer=n_maps)
        self.tabs = Tabs()
        self.body.addWidget(self.tabs)
        self.tabs.add(self._find_tab(), "Find")
        self.tabs.add(self._train_tab(), "Train")
        self.tabs.bar.currentChanged.connect(self._name_button)

    # --- find -------------------------------------------------------------------------------------------------

    def _find_tab(self) -> QWidget:
        self.trained: dict[str, Model] = {}
        self.model = ComboBox(
            choices=self._models,
            label="Model",
            tooltip="A shipped model, one trained here, or a file",
        )
        self.model_file = file_box("Model file", "A model that was saved before", SUFFIX, new=False)
        self.surface = ComboBox(
            choices=[READ_OFF, *MATERIALS],
            label="Surface",
            tooltip="Sets the ripples' length at each bias; by default it is read off the image's Fourier transform",
        )
        threshold = FloatSpinBox(min=0.0, max=1.0, step=0.01, value=0.5)
        self.threshold = Optional(threshold, None)
        self.threshold.label = "Least confidence"
        self.threshold.tooltip = "From which confidence (0 to 1) on a point counts; the model's own if not set"
        self.tile = Optional(SpinBox(min=0, max=8192, value=0), None)
        self.tile.label = "Tile (px)"
        self.tile.tooltip = "Side of the tiles that the image is cut into; 0 takes it whole; the model's own if not set"
        tab = QWidget()
        layout = QVBoxLayout(tab)
        layout.addWidget(grid([self.model]))
        self._file_row = grid([self.model_file])
        layout.addWidget(self._file_row)
        layout.addWidget(grid([self.surface, self.threshold]))
        more = Fold("More settings")
        more.inside.addWidget(grid([self.tile]))
        layout.addWidget(more)
        layout.addStretch()
        self.model.changed.connect(self._ask_for_file)
        self._ask_for_file(None)
        return tab

    def _models(self, _box: Any) -> list[str]:
        return [*shipped_models(), *self.trained, FROM_FILE]

    def _ask_for_file(self, _name: str | None) -> None:
        self._file_row.setVisible(self.model.value == FROM_FILE)

    def _chosen_model(self) -> str | Model:
        name = str(self.model.value)
        if name != FROM_FILE:
            return self.trained.get(name, name)
        path = path_in(self.model_file, SUFFIX)
        if path is None:
            raise StmError("choose the file of a model (.safetensors), or a shipped model")
        return str(path)

    def _find(self) -> None:
        layer, stack = self.source.layer, self.source.stack()
        self.run(
            find_on_device,
            stack,
            self._chosen_model(),
            dispersion=None if self.surface.value == READ_OFF else self.surface.value,
            threshold=self.threshold.inner.value if self.threshold.own.value else None,
            tile_px=self.tile.inner.value if self.tile.own.value else None,
            done=partial(self._found, layer, time.monotonic()),
        )

    def _found(self, layer: Image, since: float, result: tuple[Finding, str]) -> None:
        finding, device = result
        scores, look, _ = score_layer(finding.score, layer, name=f"score ({layer.name})", visible=False)
        self.viewer.add_layer(Layer.create(scores, look, "image"))
        data, keywords, _ = points_layer(finding.points, layer, kind="model", name=f"impurities ({layer.name})")
        self.viewer.add_layer(Layer.create(data, keywords, "points"))
        if not self.threshold.own.value:
            self.threshold.inner.value = finding.threshold  # where to start from, when one is set
        band = finding.dispersion
        scale = ""
        if band is not None:
            scale = f"\nSurface band from {band.band_bottom_mv:.0f} mV, effective mass {band.effective_mass:.2f}"
        notes = "".join(f"\nNote: {note}." for note in finding.notes)
        seconds = time.monotonic() - since
        self.say(
            f"{len(finding.points)} impurities, confidence from {finding.threshold:.2f}, {seconds:.1f} s on {device}"
            f"{scale}{notes}"
        )

    # --- train ------------------------------------------------------------------------------------------------

    def _train_tab(self) -> QWidget:
        self.preset = ComboBox(
            choices=PRESETS,
            label="Preset",
            tooltip="default: ours; wang2020: the paper's network, data and losses, exactly",
        )
        self.use_image = tick_box(
            True,
            label="Image as experiment",
            tooltip="Show the image to the network as unlabelled data, where the confidence weight is not 0 (Eq. 4)",
        )
        self.reference = self.layer_box(
            Points,
            "Reference",
            "Known positions in the image: the paper's ratio is told after each epoch",
            optional=True,
        )
        tooltip = "Where the model is saved; a training that was stopped can be taken up from there (Resume)"
        self.save_as = file_box("Save as", tooltip, SUFFIX, new=True)
        self.resume = tick_box(False, label="Resume", tooltip="Take up the stopped training of this file")
        self.training = Form(TrainingConfig, main=("epochs", "confidence_weight"))
        self.curves = Curves("loss", "ratio", counted="epochs")
        self.curves.setVisible(False)
        self._last: EpochReport | None = None
        tab = QWidget()
        layout = QVBoxLayout(tab)
        layout.addWidget(grid([self.preset, self.use_image, self.reference, self.save_as, self.resume]))
        layout.addWidget(self.training)
        layout.addWidget(self.curves)
        layout.addStretch()
        self.preset.changed.connect(self._fill_preset)
        return tab

    def _fill_preset(self, name: str) -> None:
        self.training.fill(TrainingConfig.preset(name))

    def _train(self) -> None:
        if self.use_image.value and self.source.box.value is None:
            raise StmError("there is no image to show to the network; open a file, or untick Image as experiment")
        stack = self.source.stack() if self.use_image.value else None
        reference = self.reference.value
        if reference is not None and stack is None:
            raise StmError("the ratio is measured on the image: tick Image as experiment, or choose no reference")
        path = path_in(self.save_as, SUFFIX)
        self.run(
            train,
            experiment=stack,
            reference=None if reference is None else layer_points(reference),
            config=None if self.resume.value else self.training.value(),
            path=path,
            resume=self.resume.value,
            done=partial(self._trained, path, self.resume.value),
            reports=("on_epoch", self._epoch),
        )
        self._last = None
        self.curves.clear()
        self.curves.setVisible(True)

    def _epoch(self, report: EpochReport) -> None:
        self._last = report
        self.curves.add((report.loss, report.ratio))

    def _trained(self, path: Path | None, resumed: bool, model: Model) -> None:
        if self._last is None and not resumed:  # it has learnt nothing, so nothing shall be found with it
            self.say("Stopped before the first epoch was finished; the model under Find is still the one chosen there.")
            return
        # a name of its own: a person may well call a file like a shipped model
        name = f"{path.stem} (trained here)" if path else f"trained here, {len(self.trained) + 1}"
        self.trained[name] = model
        self.model.reset_choices()
        self.model.value = name
        epochs = "no epoch finished" if self._last is None else f"{self._last.epoch} epochs, loss {self._last.loss:.3g}"
        where = f"saved as {path}" if path else "not saved (choose Save as first to keep a model)"
        self.say(f"{epochs}; {where}. The model is chosen under Find.")

    # --- both -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Find or train, as the open tab says."""
        (self._find, self._train)[self.tabs.bar.currentIndex()]()

    def _name_button(self, index: int) -> None:
        if not self.running:
            self.say("")
        self.button.setText(("Find impurities", "Train model")[index])


def find_on_device(
    stack: xr.DataArray, model: str | Model, *, progress: Progress, should_stop: ShouldStop, **how: Any
) -> tuple[Finding, str]:
    """Find with the model on the fastest device there is, and name the device."""
    progress(0.0, "loading the model")
    loaded = load_model(model)
    return find(stack, loaded, progress=progress, should_stop=should_stop, **how), str(loaded.device)
