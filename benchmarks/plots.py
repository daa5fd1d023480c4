"""How quickly the plots of the widgets are drawn, against the painted ones that they replaced.

The replaced modules are taken from the history of this repository and run in the same process, by turns with the
present ones: one step of what moves with a slider (the threshold's mark, the bias mark, the Fourier transform), and one
whole new plot, each until it is on the screen. Then a process of its own opens *Find impurities* with either::

    xvfb-run -s "-screen 0 1366x768x24" python benchmarks/plots.py [-o docs/results/plots.json]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
#: The last commit with painted plots.
PAINTED = "57afe58b7b51"
N_STEPS, N_TURNS, N_STARTS = 40, 5, 5
WIDTH_PX = 380
#: Prints the seconds until the panel is in the window of napari, and those of the processor.
OPEN_FIND = """
import time
import napari
from qtpy.QtWidgets import QApplication
viewer = napari.Viewer()
QApplication.processEvents()
begin, busy = time.perf_counter(), time.process_time()
from napari_stm_impurities.plugin.panels.find import FindPanel
viewer.window.add_dock_widget(FindPanel(viewer))
QApplication.processEvents()
print(time.perf_counter() - begin, time.process_time() - busy)
"""


def extract_painted(folder: Path) -> None:
    """Write the package as it was with painted plots."""
    archive = subprocess.run(["git", "archive", PAINTED, "src"], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")


def painted_module(folder: Path, name: str) -> ModuleType:
    """One of the replaced modules, with the rest of the present package around it."""
    full = f"napari_stm_impurities.plugin.plots.{name}"
    path = folder / "src" / Path(*full.split(".")).with_suffix(".py")
    spec = importlib.util.spec_from_file_location(full if name == "curves" else f"{full}_painted", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


def on_screen(widget: Any) -> None:
    """Let the widget paint what it has put off."""
    from qtpy.QtWidgets import QApplication

    QApplication.processEvents()
    QApplication.sendPostedEvents()
    QApplication.processEvents()


def median_ms(widget: Any, step: Callable[[float], None]) -> float:
    """The median of the milliseconds that a step takes until it is on the screen."""
    took = []
    for share in np.random.default_rng(0).uniform(0.05, 0.95, N_STEPS):
        begin = time.perf_counter()
        step(float(share))
        on_screen(widget)
        took.append(time.perf_counter() - begin)
    return 1e3 * float(np.median(took))


def by_turns(what: str, painted: tuple[Any, Callable], present: tuple[Any, Callable]) -> dict[str, Any]:
    """The median of several turns of both, so that both meet the same other work on the machine."""
    turns = [(median_ms(*painted), median_ms(*present)) for _ in range(N_TURNS)]
    old, new = (float(np.median([turn[at] for turn in turns])) for at in (0, 1))
    row = {"what": what, "painted_ms": old, "present_ms": new, "ratio": new / old, "turns_ms": turns}
    print(f"{what:32} painted {old:6.2f} ms, present {new:6.2f} ms, ratio {new / old:.2f}", flush=True)
    return row


def shown(widget: Any) -> Any:
    """The widget in a window of its own, as wide as in a panel."""
    widget.resize(WIDTH_PX, widget.minimumHeight())
    widget.show()
    on_screen(widget)
    return widget


def drawing(folder: Path) -> list[dict[str, Any]]:
    """One row for each kind of step."""
    from napari_stm_impurities.data.images import make_stack
    from napari_stm_impurities.physics.dispersion import Dispersion
    from napari_stm_impurities.plots.confidence import confidence_table, mark_threshold, plot_confidence
    from napari_stm_impurities.plots.elements import mark_bias
    from napari_stm_impurities.plots.spectra import Spectrum, plot_spectra, spectra_table
    from napari_stm_impurities.plugin.plots.canvas import TWO_SIDED, PlotCanvas
    from napari_stm_impurities.plugin.plots.ring_view import RingPlot
    from napari_stm_impurities.qpi.fourier_maps import fourier_maps

    curves, histogram, spectrum_plot, ring_view = (
        painted_module(folder, name) for name in ("curves", "histogram", "spectrum_plot", "ring_view")
    )
    rng = np.random.default_rng(0)
    confidence = rng.uniform(size=2000)
    old_histogram = shown(histogram.Histogram(movable=True))
    new_histogram = shown(PlotCanvas("confidence", height_px=120, draw_mark=mark_threshold, movable=True))

    def old_values(_share: float) -> None:
        old_histogram.show_values(confidence, 0.0, 1.0, 25, "confidence")

    def new_values(_share: float) -> None:
        new_histogram.show_plot(plot_confidence, confidence_table, confidence)

    old_values(0)
    new_values(0)
    rows = [
        by_turns("threshold: mark", (old_histogram, old_histogram.mark), (new_histogram, new_histogram.mark)),
        by_turns("threshold: new histogram", (old_histogram, old_values), (new_histogram, new_values)),
    ]
    bias = np.linspace(-230.0, 20.0, 50)
    here, mean, std = rng.normal(5, 1, 50), rng.normal(5, 0.1, 50), np.full(50, 0.3)
    old_plot = shown(spectrum_plot.SpectrumPlot("bias (mV)"))
    new_plot = shown(PlotCanvas("spectrum", margins=TWO_SIDED, draw_mark=mark_bias))
    colour = curves.COLOURS[1]

    def old_lines(_share: float) -> None:
        lines = [spectrum_plot.Line("surface", bias, mean, colour, std), spectrum_plot.Line("here", bias, here, colour)]
        old_plot.show_lines(lines, ("dI/dV", "nS"))

    def new_lines(_share: float) -> None:
        spectra = [Spectrum("here", here), Spectrum("surface", mean, std)]
        new_plot.show_plot(plot_spectra, spectra_table, bias, spectra, "dI/dV", "nS")

    old_lines(0)
    new_lines(0)
    rows += [
        by_turns(
            "spectrum: bias mark",
            (old_plot, lambda share: old_plot.mark(250 * share - 230)),
            (new_plot, lambda share: new_plot.mark(250 * share - 230)),
        ),
        by_turns("spectrum: new curves", (old_plot, old_lines), (new_plot, new_lines)),
    ]
    picture = fourier_maps(make_stack(rng.normal(size=(24, 240, 240)), np.linspace(-230, 20, 24), 37.5 / 240))
    gold = Dispersion.of_material("Au(111)")
    views = [shown(ring_view.RingPlot()), shown(RingPlot())]
    for view in views:
        view.show_picture(picture, gold)
    steps = [(view, lambda share, view=view: view.show_bias(250 * share - 230)) for view in views]
    rows.append(by_turns("Fourier transform: next bias", steps[0], steps[1]))
    return rows


def start_seconds(source: Path) -> tuple[float, float]:
    """How long a fresh process takes to open the panel: on the clock, and of the processor."""
    environment = {**os.environ, "PYTHONPATH": str(source)}
    done = subprocess.run(
        [sys.executable, "-c", OPEN_FIND], capture_output=True, text=True, check=True, env=environment
    )
    clock, busy = (float(number) for number in done.stdout.split())
    return clock, busy


def starting(folder: Path) -> dict[str, Any]:
    """The medians of both, by turns."""
    turns = [(start_seconds(folder / "src"), start_seconds(ROOT / "src")) for _ in range(N_STARTS + 1)][1:]
    row = {"what": "opening Find impurities", "n": N_STARTS}
    for at, name in enumerate(("painted", "present")):
        row[f"{name}_s"] = float(np.median([turn[at][0] for turn in turns]))
        row[f"{name}_processor_s"] = float(np.median([turn[at][1] for turn in turns]))
    print(row)
    return row


def main() -> None:
    """Print the table, and write it where a file is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["NAPARI_CONFIG"], os.environ["XDG_DATA_HOME"] = f"{home}/settings.yaml", home
        from qtpy.QtWidgets import QApplication

        app = QApplication([])
        load = os.getloadavg()[0]
        extract_painted(Path(home))
        rows, start = drawing(Path(home)), starting(Path(home))
        app.quit()
    machine = {"cores": os.cpu_count(), "load_1min_before": load, "load_1min_after": os.getloadavg()[0]}
    print(machine)
    if given.output:
        told = {"machine": machine, "painted_commit": PAINTED, "drawing": rows, "starting": start}
        given.output.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
