"""Make the screenshots of the documentation: the real window, with real results.

It needs an X server; without one it starts Xvfb, at the size of a laptop (1366 x 768)::

    python docs/make_screenshots.py --file Topo014.sxm [--positions Topo014_positions.csv] [--only file ...]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import napari

PLUGIN = "napari-stm-impurities"
IMAGES = Path(__file__).parent / "images"
SIZE = (1366, 768)
PATIENCE_S = 600.0
PARTS = ("find", "learn", "simulate", "file")


def start_screen() -> None:
    """Start an X server of the size of a laptop, where there is none."""
    if os.environ.get("DISPLAY"):
        return
    read, write = os.pipe()
    size = "{}x{}x24".format(*SIZE)
    # it ends by itself with its last client: Qt must not lose it before
    subprocess.Popen(["Xvfb", "-displayfd", str(write), "-terminate", "-screen", "0", size], pass_fds=[write])
    os.environ["DISPLAY"] = ":" + os.read(read, 16).decode().strip()


class Window:
    """A napari window, and what the pictures need of it."""

    def __init__(self) -> None:
        import napari
        from napari.settings import get_settings
        from qtpy.QtCore import Qt
        from qtpy.QtWidgets import QApplication

        get_settings().application.confirm_close_window = False
        self.viewer: napari.Viewer = napari.Viewer()
        self.app = QApplication.instance()
        self.qt = self.viewer.window._qt_window
        self.qt.setWindowFlag(Qt.WindowType.FramelessWindowHint)
        self.qt.show()
        self.qt.setGeometry(0, 0, *SIZE)
        self.settle()

    def settle(self, seconds: float = 0.5) -> None:
        """Let the window draw itself."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.app.processEvents()
            time.sleep(0.01)

    def wait(self, until: Callable[[], bool]) -> None:
        """Let the window live until something has come true."""
        end = time.monotonic() + PATIENCE_S
        while not until():
            if time.monotonic() > end:
                raise TimeoutError("what the picture needs did not come in time")
            self.settle(0.05)

    def open_widget(self, name: str) -> Any:
        """Open a widget of the plugin, and close the others."""
        self.viewer.window.remove_dock_widget("all")
        _, panel = self.viewer.window.add_plugin_dock_widget(PLUGIN, name)
        self.settle()
        return panel

    def press(self, panel: Any) -> str:
        """Press the main button, wait for the work to end, and give the line that the widget says."""
        panel.button.click()
        self.settle(0.1)
        self.wait(lambda: not panel.running)
        self.settle()
        print(panel.message.text(), file=sys.stderr)
        return str(panel.message.text())

    def show_only(self, *kinds: str) -> None:
        """Hide all layers but those whose names begin so."""
        for layer in self.viewer.layers:
            layer.visible = layer.name.startswith(kinds)

    def save(self, name: str) -> None:
        """Save what is on the screen."""
        from napari._qt.dialogs.qt_notification import NapariQtNotification

        for popup in list(NapariQtNotification._instances):
            popup.close()
        self.viewer.reset_view()
        self.settle(1.0)
        picture = self.app.primaryScreen().grabWindow(0, 0, 0, *SIZE)
        IMAGES.mkdir(exist_ok=True)
        picture.save(str(IMAGES / f"{name}.png"))
        print(f"{IMAGES / name}.png", file=sys.stderr)


def find_pictures(window: Window) -> None:
    """The sample surface: what is found, corrected, held against a reference, looked at, told and reported."""
    bound, stack, truth = open_sample(window)
    panel = window.open_widget("Find impurities")
    window.wait(lambda: panel.surface.reading is not None)
    window.save("find-ready")
    window.press(panel)
    panel.threshold.reference.value = truth
    window.wait(lambda: not panel.threshold.figures.isHidden())
    window.save("find")
    points = panel.threshold.layer
    correct_picture(window)
    window.show_only(bound.name)
    window.press(window.open_widget("Find reference (EM)"))
    window.save("reference")
    window.show_only(bound.name, "impurities", "reference")
    window.save("viewer")
    window.press(window.open_widget("Compare"))
    window.show_only(bound.name, "links", "matched", "missed", "extra")
    window.save("compare")
    window.show_only(stack.name, "impurities")
    look_picture(window, stack, points)
    window.press(window.open_widget("Surface statistics"))
    window.save("statistics")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        panel = window.open_widget("Report")
        panel.bound_map.value = bound
        panel.folder.line_edit.value = "Au(111) report"
        window.press(panel)
        window.save("report")


def open_sample(window: Window) -> list[Any]:
    """Open the sample surface alone: the map of the bound states, the stack, and the true positions."""
    window.viewer.layers.clear()
    window.viewer.open_sample(PLUGIN, "au111_surface_state")
    bound, stack, truth = window.viewer.layers
    window.viewer.dims.set_current_step(0, 90)
    window.show_only(stack.name)
    return [bound, stack, truth]


def correct_picture(window: Window) -> None:
    """A few points that were checked; then as if nobody had touched them."""
    from napari_stm_impurities.plugin.editing import autosave_of

    panel = window.open_widget("Correct points")
    for verdict in ("Accept", "Accept", "Reject"):
        window.press(panel)
        panel.buttons[verdict].click()
    window.press(panel)
    window.settle(3.0)  # until the autosave has something to say
    window.save("correct")
    for _ in range(3):
        panel.undo.click()
    autosave_of(window.viewer, panel.layer).forget()


def look_picture(window: Window, stack: Any, points: Any) -> None:
    """A click on the surest point that the model has found."""
    from qtpy.QtCore import QPoint, Qt
    from qtpy.QtTest import QTest

    panel = window.open_widget("Spectrum and attention")
    window.viewer.reset_view()
    window.viewer.layers.selection.active = stack
    window.settle()
    y, x = points.data_to_world(points.data[int(points.features["confidence"].argmax())])
    canvas = window.viewer.window._qt_viewer.canvas
    at_x, at_y = canvas.view.scene.transform.map([x, y, 0, 1])[:2]
    QTest.mouseClick(canvas.native, Qt.MouseButton.LeftButton, pos=QPoint(round(float(at_x)), round(float(at_y))))
    window.wait(lambda: panel.look is not None and not panel.running)
    window.save("look")


def learn_pictures(window: Window) -> None:
    """A training and an adaptation on the sample surface, far too short to teach anything, long enough for a curve."""
    _, stack, truth = open_sample(window)
    panel = window.open_widget("Train and adapt")
    panel.preset.value = "wang2020"
    panel.reference.value = truth
    for field, value in {"epochs": 12, "steps_per_epoch": 10, "batch_size": 8}.items():
        panel.training[field].value = value
    window.press(panel)
    window.save("train")
    window.press(window.open_widget("Find impurities"))
    (points,) = (layer for layer in window.viewer.layers if layer.name.startswith("impurities"))
    rows, columns = stack.data.shape[-2:]
    box = [[0, 0], [0, columns - 1], [rows / 2, columns - 1], [rows / 2, 0]]
    region = window.viewer.add_shapes(
        [box],
        name="region",
        scale=points.scale,
        units=points.units,
        face_color="transparent",
        edge_color="yellow",
        edge_width=0.4,
    )
    panel = window.open_widget("Train and adapt")
    panel.tabs.bar.setCurrentIndex(1)
    panel.adapt.points.value = points
    panel.adapt.region.value = region
    for field, value in {"epochs": 5, "steps_per_epoch": 4}.items():
        panel.adapt.settings[field].value = value
    window.press(panel)
    window.save("adapt")


def simulate_pictures(window: Window) -> None:
    """Examples of training windows."""
    from napari_stm_impurities.simulation.config import ScatteringConfig

    window.viewer.layers.clear()
    panel = window.open_widget("Simulate training data")
    panel.windows.kind.value = ScatteringConfig
    panel.examples_button.click()
    window.wait(lambda: not panel.running)
    window.save("simulate")


def file_pictures(window: Window, path: Path, positions: Path | None) -> None:
    """A measured file with what was found in it, and each widget open beside it."""
    viewer, name = window.viewer, path.stem.lower()
    viewer.layers.clear()
    viewer.open(path, plugin=PLUGIN)
    image = viewer.layers[-1]
    window.press(window.open_widget("Find impurities"))
    window.save(name)
    window.open_widget("Train and adapt")
    window.save(f"{name}-train")
    window.open_widget("Simulate training data")
    window.save(f"{name}-simulate")
    window.open_widget("Prepare")
    window.save(f"{name}-prepare")
    window.open_widget("Find reference (EM)")
    window.save(f"{name}-reference")
    if positions is not None:
        (marked,) = viewer.open(positions, plugin=PLUGIN)
        panel = window.open_widget("Compare")
        panel.reference.value = marked
        panel.tolerance.value = 0.25
        window.press(panel)
        window.show_only(image.name, "links", "matched", "missed", "extra")
        window.save(f"{name}-compare")


def main() -> None:
    """Make all pictures, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", type=Path, help="a measured file, such as Topo014.sxm")
    parser.add_argument("--positions", type=Path, help="a table (CSV) of what is known to be in it, in nm")
    parser.add_argument("--only", nargs="*", choices=PARTS, help="only these pictures")
    given = parser.parse_args()
    wanted = set(given.only or PARTS)
    start_screen()
    with tempfile.TemporaryDirectory() as home:
        os.environ["HOME"] = home  # nobody's own settings, and no points that were recovered
        window = Window()
        if "find" in wanted:
            find_pictures(window)
        if "learn" in wanted:
            learn_pictures(window)
        if "simulate" in wanted:
            simulate_pictures(window)
        if "file" in wanted and given.file:
            file_pictures(window, given.file, given.positions)
        window.viewer.close()


if __name__ == "__main__":
    main()
