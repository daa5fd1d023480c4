"""The widget *Simulate training data*: windows as a network is shown them, looked at first, then written to a file."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import torch
from magicgui.widgets import ComboBox, SpinBox
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points
from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from ...core.configuration import Configuration
from ...core.errors import StmError
from ...core.progress import Progress, ShouldStop, Stopped
from ...physics.dispersion import MATERIALS
from ...simulation.config import FriedelConfig, ScatteringConfig, WindowConfig
from ...simulation.dataset import dataset_bytes, dataset_seconds, simulate_dataset
from ...simulation.stream import simulate_windows
from ...simulation.surface import Surface, SurfaceConfig, simulate_surface
from ...simulation.windows import PatchBatch
from ..layers.images import robust_limits
from ..sample import surface_layers
from ..widgets.fields import file_box, path_in
from ..widgets.forms import Choice, Form, Tabs, grid
from ..widgets.panel import Panel

#: Fields that stand in the open.
MAIN: dict[type[Configuration], tuple[str, ...]] = {
    FriedelConfig: ("side_px", "n_maps", "noise_std"),
    ScatteringConfig: ("side_px", "n_maps"),
}

#: How many windows are shown as examples, and the gap between them in pixels.
EXAMPLES = 9
GAP_PX = 3


class SimulatePanel(Panel):
    """Simulate windows to train on, or a whole surface to try things on."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer, "Simulate")
        self.tabs = Tabs()
        self.tabs.add(self._windows_tab(), "Training windows")
        self.tabs.add(self._surface_tab(), "Surface")
        self.body.addWidget(self.tabs)
        self._say_size()

    def start(self) -> None:
        """Write the windows to a file, or make the surface, as the open tab says."""
        (self._to_file, self._surface)[self.tabs.bar.currentIndex()]()

    # --- windows ----------------------------------------------------------------------------------------------

    def _windows_tab(self) -> QWidget:
        kinds = [kind for kind in get_args(get_args(WindowConfig)[0])]
        self.windows = Choice(kinds, MAIN)
        self.n_windows = SpinBox(
            value=1000, min=1, max=10_000_000, label="Windows", tooltip="How many windows are made"
        )
        self.seed = _seed()
        tooltip = "Where the windows and the places of their impurities go"
        self.file = file_box("File", tooltip, ".nc", new=True)
        self.size_label = QLabel()
        self.size_label.setWordWrap(True)
        self.examples_button = QPushButton("Show examples")
        self.examples_button.setToolTip("A few windows as a layer, before any file is written")
        self.examples_button.clicked.connect(self._examples_clicked)
        tab = QWidget()
        layout = QVBoxLayout(tab)
        layout.addWidget(self.windows)
        layout.addWidget(grid([self.n_windows, self.seed, self.file]))
        layout.addWidget(self.size_label)
        layout.addWidget(self.examples_button)
        layout.addStretch()
        for field in (self.n_windows, self.windows.kind, *(form["side_px"] for form in self.windows.forms.values())):
            field.changed.connect(self._say_size)
        return tab

    def _config(self) -> WindowConfig:
        return cast(WindowConfig, self.windows.value())

    def _say_size(self, _value: Any = None) -> None:
        try:
            config = self._config()
        except StmError as error:
            self.size_label.setText(str(error))
            return
        self.size_label.setText(f"The file: about {readable_bytes(dataset_bytes(config, self.n_windows.value))}.")

    def _to_file(self) -> None:
        path = path_in(self.file, ".nc")
        if path is None:
            raise StmError("choose the file that the windows shall be written to (File, a name ending in .nc)")
        config, n_windows, seed = self._config(), self.n_windows.value, self.seed.value
        done = partial(self._write, path, config, n_windows, seed)
        self.run(measure_seconds, config, n_windows, seed, done=done)

    def _write(self, path: Path, config: WindowConfig, n_windows: int, seed: int, seconds: float) -> None:
        size = readable_bytes(dataset_bytes(config, n_windows))
        self.size_label.setText(f"The file: about {size}, in about {readable_seconds(seconds)}.")
        done = partial(self._written, n_windows)
        self.run(simulate_dataset, path, config, n_windows, seed, done=done)

    def _written(self, n_windows: int, path: Path) -> None:
        self.set_status(f"{n_windows} windows, {readable_bytes(path.stat().st_size)}, written to {path}")

    def _examples_clicked(self) -> None:
        self.attempt(self._show_examples)

    def _show_examples(self) -> None:
        self.run(simulate_examples, self.windows.value(), self.seed.value, done=self._examples)

    def _examples(self, windows: PatchBatch) -> None:
        maps, yx_px = montage(windows)
        self.viewer.add_layer(
            Image(maps, name="examples", contrast_limits=robust_limits(maps), axis_labels=("map", "y", "x"))
        )
        self.viewer.add_layer(
            Points(
                yx_px,
                name="impurities in the examples",
                symbol="disc",
                size=max(2.0, windows.maps.shape[-1] / 16),
                face_color="transparent",
                border_color="red",
                axis_labels=("y", "x"),
            )
        )
        self.set_status(f"{len(windows.maps)} windows of {maps.shape[0]} maps; the slider goes through the maps")

    # --- surface ----------------------------------------------------------------------------------------------

    def _surface_tab(self) -> QWidget:
        self.material = ComboBox(choices=list(MATERIALS), label="Material", tooltip="Sets the surface band")
        self.surface_seed = _seed()
        self.surface = Form(SurfaceConfig)
        tab = QWidget()
        layout = QVBoxLayout(tab)
        layout.addWidget(grid([self.material, self.surface_seed]))
        layout.addWidget(self.surface)
        layout.addStretch()
        return tab

    def _surface(self) -> None:
        material = self.material.value
        self.run(
            simulate_surface,
            material,
            self.surface_seed.value,
            config=self.surface.value(),
            done=partial(self._surface_made, material),
        )

    def _surface_made(self, material: str, surface: Surface) -> None:
        for data, keywords, kind in surface_layers(surface, material):
            self.viewer.add_layer(Layer.create(data, keywords, kind))
        self.set_status(f"{len(surface.points)} impurities on {material}; their positions are the hidden points layer")


def simulate_examples(config: WindowConfig, seed: int, *, progress: Progress, should_stop: ShouldStop) -> PatchBatch:
    """A few windows of a kind; `progress` and `should_stop` have nothing to say in so short a time."""
    return simulate_windows(config, EXAMPLES, torch.Generator().manual_seed(seed))


def measure_seconds(
    config: WindowConfig, n_windows: int, seed: int, *, progress: Progress, should_stop: ShouldStop
) -> float:
    """How long the windows will take, from a short trial."""
    progress(0.0, "measuring how long it will take")
    seconds = dataset_seconds(config, n_windows, seed)
    if should_stop():
        raise Stopped
    return seconds


def montage(windows: PatchBatch) -> tuple[np.ndarray, np.ndarray]:
    """Windows side by side as one image.

    Returns
    -------
    tuple of numpy.ndarray
        The image (map, y, x), NaN between the windows, and the places (n, 2) of the impurities in it, in pixels.
    """
    maps = windows.maps.numpy()
    n, n_maps, height, width = maps.shape
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    step = np.array([height + GAP_PX, width + GAP_PX])
    image = np.full((n_maps, *(step * (rows, columns) - GAP_PX)), np.nan, dtype=np.float32)
    places = []
    for number in range(n):
        corner = step * divmod(number, columns)
        image[:, corner[0] : corner[0] + height, corner[1] : corner[1] + width] = maps[number]
        places.append(windows.yx_px[number][windows.present[number]].numpy() + corner)
    return image, np.concatenate(places)


def readable_bytes(n: int) -> str:
    """A file size as people say it.

    Examples
    --------
    >>> readable_bytes(1_500), readable_bytes(25_600_000)
    ('1.5 kB', '26 MB')
    """
    size, unit = float(n), "B"
    for bigger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, bigger
    return f"{size:.2g} {unit}" if size < 10 else f"{size:.0f} {unit}"


def readable_seconds(seconds: float) -> str:
    """A duration as people say it.

    Examples
    --------
    >>> readable_seconds(0.2), readable_seconds(42), readable_seconds(600), readable_seconds(9000)
    ('1 s', '42 s', '10 min', '2.5 h')
    """
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _seed() -> Any:
    return SpinBox(value=0, min=0, max=2**31 - 1, label="Seed", tooltip="The same seed gives the same data, bit by bit")
