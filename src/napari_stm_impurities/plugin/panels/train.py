"""The widget *Train and adapt*: a model of one's own."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from magicgui.widgets import ComboBox
from napari.components import ViewerModel
from napari.layers import Points
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ...core.errors import StmError
from ...impurities.model import Model
from ...impurities.training import train
from ...impurities.training.checkpoint import EpochReport
from ...impurities.training.config import TrainingConfig
from ..layers.points import points_on
from ..plots.training_curve import TrainingCurve
from ..preferences import preferences
from ..widgets.fields import file_box, path_in, tick_box
from ..widgets.forms import Form, Tabs, grid
from ..widgets.image_picker import ImagePicker, n_maps
from ..widgets.model_choice import SUFFIX, trained_models
from ..widgets.panel import Panel
from .adapt import AdaptTab

PRESETS = ("default", "wang2020")
ACTIONS = ("Train model", "Adapt model")


class TrainPanel(Panel):
    """Train a model on simulated windows, or adapt one to an image."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer, ACTIONS[0])
        self.source = ImagePicker(self, "Image", "The measurement that the model is meant for", prefer=n_maps)
        self.tabs = Tabs()
        self.body.addWidget(self.tabs)
        self.tabs.add(self._train_tab(), "Train")
        self.adapt = AdaptTab(self, self.source)
        self.tabs.add(self.adapt, "Adapt")
        self.tabs.bar.currentChanged.connect(self._name_button)

    def start(self) -> None:
        """Train or adapt, as the open tab says."""
        (self._train, self.adapt.start)[self.tabs.bar.currentIndex()]()

    def _name_button(self, tab: int) -> None:
        self.button.setText(ACTIONS[tab])

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
        self.curve = TrainingCurve()
        self._last: EpochReport | None = None
        tab = QWidget()
        layout = QVBoxLayout(tab)
        layout.addWidget(grid([self.preset, self.use_image, self.reference, self.save_as, self.resume]))
        layout.addWidget(self.training)
        layout.addWidget(self.curve)
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
        how = preferences()
        self.run(
            how.threaded(train),
            experiment=stack,
            reference=None if reference is None else points_on(self.source.layer, reference),
            config=None if self.resume.value else self.training.value(),
            path=path,
            resume=self.resume.value,
            device=how.device_name,
            done=partial(self._trained, path),
            reports=("on_epoch", self._epoch),
        )
        self._last = None
        self.curve.begin("loss", "ratio")

    def _epoch(self, report: EpochReport) -> None:
        self._last = report
        self.curve.add_epoch(report.loss, report.ratio)

    def _trained(self, path: Path | None, model: Model) -> None:
        if not model.config.training["epochs_done"]:  # it has learnt nothing, so nothing shall be found with it
            resume = " Resume takes it up." if path else ""
            self.set_status(f"Stopped before the first epoch was finished: there is no new model.{resume}")
            return
        where = trained_models.add(model, "trained", path)
        epochs = "no epoch finished" if self._last is None else f"{self._last.epoch} epochs, loss {self._last.loss:.3g}"
        self.set_status(f"{epochs}; {where}. Find impurities offers it.")
