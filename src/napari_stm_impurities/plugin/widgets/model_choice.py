"""The choice of a model: shipped, trained since napari was opened, or in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from magicgui.widgets import ComboBox
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ...core.errors import StmError
from ...impurities.model import Model, shipped_models
from .fields import file_box, path_in
from .forms import grid

FROM_FILE = "from a file …"
SUFFIX = ".safetensors"


class TrainedModels(QObject):
    """The models that were trained since napari was opened; every viewer's widgets offer them."""

    added = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.models: dict[str, Model] = {}

    def add(self, model: Model, how: str, path: Path | None) -> str:
        """Offer a model from now on, and say where it is saved.

        Parameters
        ----------
        model
            The model.
        how
            What was done here: ``"trained"`` or ``"adapted"``.
        path
            Its file; None where it was not saved.
        """
        # a name of its own: a person may well call a file like a shipped model
        name = f"{path.stem} ({how} here)" if path else f"{how} here, {len(self.models) + 1}"
        self.models[name] = model
        self.added.emit(name)
        return f"saved as {path}" if path else "not saved (choose Save as first to keep a model)"


trained_models = TrainedModels()


class ModelChoice(QWidget):
    """A box with the models by name, and below it a file where that is what was chosen.

    Parameters
    ----------
    follows
        Whether a model that has just been trained is chosen.
    """

    def __init__(self, *, follows: bool = True) -> None:
        super().__init__()
        self._follows = follows
        self.box = ComboBox(choices=self._names, label="Model", tooltip="A shipped model, one trained here, or a file")
        self.file = file_box("Model file", "A model that was saved before", SUFFIX, new=False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(grid([self.box]))
        self._file_row = grid([self.file])
        layout.addWidget(self._file_row)
        self.box.changed.connect(self._ask_for_file)
        trained_models.added.connect(self._offer)
        self._ask_for_file(None)

    def chosen(self) -> str | Model:
        """The model, or the name or path of one.

        Raises
        ------
        StmError
            If it shall come from a file, and no file is chosen.
        """
        name = str(self.box.value)
        if name != FROM_FILE:
            return trained_models.models.get(name, name)
        path = path_in(self.file, SUFFIX)
        if path is None:
            raise StmError("choose the file of a model (.safetensors), or a shipped model")
        return str(path)

    def _names(self, _box: Any) -> list[str]:
        return [*shipped_models(), *trained_models.models, FROM_FILE]

    def _offer(self, name: str) -> None:
        before = self.box.value
        self.box.reset_choices()
        self.box.value = name if self._follows else before

    def _ask_for_file(self, _name: str | None) -> None:
        self._file_row.setVisible(self.box.value == FROM_FILE)
