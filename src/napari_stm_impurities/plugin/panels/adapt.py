"""The tab *Adapt*: a model learns from one image, and from the points that a person corrected on it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from magicgui.widgets import ComboBox
from napari.layers import Points, Shapes
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ...impurities.detect import Finding
from ...impurities.model import Model
from ...impurities.training import AdaptConfig, EpochReport, adapt, adaptation_of
from ...physics.dispersion import MATERIALS, Dispersion
from ..layers.images import FINDING_KEY
from ..layers.points import points_on
from ..layers.transforms import region_on
from ..plots.training_curve import TrainingCurve
from ..preferences import preferences
from ..widgets.dispersion_picker import READ_OFF
from ..widgets.fields import file_box, path_in, tick_box
from ..widgets.forms import Form, grid
from ..widgets.image_picker import ImagePicker
from ..widgets.model_choice import SUFFIX, ModelChoice, trained_models
from ..widgets.panel import Panel

#: What is drawn after each epoch, with points and without.
WITH_POINTS = ("loss on the points", "held-out F1")
WITHOUT_POINTS = ("entropy", "loss on simulated windows")


class AdaptTab(QWidget):
    """Adapt a model to the image of the panel.

    Parameters
    ----------
    panel
        Whose button starts it, and which says what came of it.
    source
        The panel's choice of an image.
    """

    def __init__(self, panel: Panel, source: ImagePicker) -> None:
        super().__init__()
        self.panel = panel
        self.source = source
        self.model = ModelChoice(follows=False)
        self.points = panel.layer_box(
            Points,
            "Corrected points",
            "The impurities of the image as you corrected them; points that are hidden or rejected are none. Without"
            " points the model is only asked to be surer of itself on the image (Eq. 4)",
            optional=True,
        )
        self.region = panel.layer_box(
            Shapes,
            "Corrected region",
            "A shapes layer with a rectangle: inside it you have looked at every point. The whole image if none",
            optional=True,
        )
        self.surface = ComboBox(
            choices=[READ_OFF, *MATERIALS],
            label="Surface",
            tooltip="Sets the ripples' length; by default as in the run that found the points, else as the image tells",
        )
        tooltip = "Where the new model is saved; an adaptation that was stopped can be taken up from there (Resume)"
        self.save_as = file_box("Save as", tooltip, SUFFIX, new=True)
        self.resume = tick_box(
            False, label="Resume", tooltip="Take up the stopped adaptation of this file: same model, image and points"
        )
        self.settings = Form(AdaptConfig, main=("epochs",))
        self.curve = TrainingCurve()
        layout = QVBoxLayout(self)
        layout.addWidget(self.model)
        layout.addWidget(grid([self.points, self.region, self.surface, self.save_as, self.resume]))
        layout.addWidget(self.settings)
        layout.addWidget(self.curve)
        layout.addStretch()

    def start(self) -> None:
        """Adapt as the form says."""
        image, stack = self.source.layer, self.source.stack()
        points, region = self.points.value, self.region.value
        path = path_in(self.save_as, SUFFIX)
        how = preferences()
        self.panel.run(
            how.threaded(adapt),
            self.model.chosen(),
            stack,
            None if points is None else points_on(image, points),
            None if region is None else region_on(image, region),
            dispersion=self._band(points),
            config=None if self.resume.value else self.settings.value(),
            path=path,
            resume=self.resume.value,
            device=how.device_name,
            done=partial(self._adapted, path),
            reports=("on_epoch", self._epoch),
        )
        self.curve.begin(*(WITHOUT_POINTS if points is None else WITH_POINTS))

    def _band(self, points: Points | None) -> Dispersion | str | None:
        if self.surface.value != READ_OFF:
            return str(self.surface.value)
        finding = None if points is None else points.metadata.get(FINDING_KEY)
        return finding.dispersion if isinstance(finding, Finding) else None

    def _epoch(self, report: EpochReport) -> None:
        without = report.labelled_loss is None
        self.curve.add_epoch(*((report.entropy, report.loss) if without else (report.labelled_loss, report.f1)))

    def _adapted(self, path: Path | None, model: Model) -> None:
        told = adaptation_of(model)
        if told is None:
            resume = "; Resume takes it up" if path else ""
            self.panel.set_status(f"Stopped before the first epoch was finished: there is no new model{resume}.")
            return
        where = trained_models.add(model, "adapted", path)
        worse = "" if told.worse is None else f"\nMind: {told.worse}."
        self.panel.set_status(f"{told}; {where}; Find impurities offers it{worse or '.'}")
