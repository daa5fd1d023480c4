"""How long one step of the live threshold takes, beside what napari's own ``shown =`` takes alone.

In the real window, with the canvas drawn after each step, for 2,000 and 10,000 points whose confidences lie evenly
between 0 and 1, so that each step hides or shows some::

    xvfb-run -s "-screen 0 1366x768x24" python benchmarks/threshold.py [-o docs/results/threshold.json]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

N_STEPS = 60


def steps_ms(each: Callable[[float], None], draw: Callable[[], None]) -> dict[str, float]:
    """Median and 95th percentile of the milliseconds that a step takes, by itself and with the drawing after it."""
    alone, drawn = [], []
    for value in np.random.default_rng(0).uniform(0.05, 0.95, N_STEPS):
        begin = time.perf_counter()
        each(float(value))
        between = time.perf_counter()
        draw()
        alone.append(between - begin)
        drawn.append(time.perf_counter() - begin)
    return {
        "median_ms": 1e3 * float(np.median(alone)),
        "p95_ms": 1e3 * float(np.quantile(alone, 0.95)),
        "with_drawing_median_ms": 1e3 * float(np.median(drawn)),
        "with_drawing_p95_ms": 1e3 * float(np.quantile(drawn, 0.95)),
    }


def measure(viewer: Any, panel: Any, n: int, compared: bool) -> dict[str, Any]:
    """One step of our slider and one of napari's own `shown`, on the same layer."""
    from napari.layers import Layer
    from qtpy.QtWidgets import QApplication

    from napari_stm_impurities.data.images import make_stack
    from napari_stm_impurities.data.points import make_points
    from napari_stm_impurities.plugin.editing import add_points
    from napari_stm_impurities.plugin.layers.images import image_layer
    from napari_stm_impurities.plugin.layers.points import points_layer

    rng = np.random.default_rng(1)
    viewer.layers.clear()
    image = viewer.add_layer(Layer.create(*image_layer(make_stack(rng.normal(size=(5, 512, 512)), range(5), 0.1))))
    places = rng.uniform(0, 511, (n, 2))
    table = make_points(places, (0.1, 0.1), source="model", confidence=rng.uniform(size=n))
    layer = add_points(viewer, points_layer(table, image))
    truth = add_points(viewer, points_layer(make_points(places[: n // 2], (0.1, 0.1), source="reference"), image))
    panel.reset_choices()
    panel.threshold.choose(layer)
    if compared:
        panel.threshold.reference.value = truth
    confidence = layer.features["confidence"].to_numpy()
    # the canvas itself, since the window may put off an update
    canvas = viewer.window._qt_viewer.canvas

    def draw() -> None:
        QApplication.processEvents()
        canvas.native.repaint()

    def slide(value: float) -> None:
        panel.threshold.slider.setValue(round(1000 * value))

    def own(value: float) -> None:
        layer.shown = confidence >= value

    draw()
    # by turns, so that both meet the same other work on the machine
    rounds = [(steps_ms(slide, draw), steps_ms(own, draw)) for _ in range(3)]
    ours, naparis = (min((one[at] for one in rounds), key=lambda told: told["median_ms"]) for at in (0, 1))
    return {
        "points": n,
        "reference": compared,
        "slider": ours,
        "napari_shown": naparis,
        "ratio": ours["median_ms"] / naparis["median_ms"],
        "ratio_with_drawing": ours["with_drawing_median_ms"] / naparis["with_drawing_median_ms"],
    }


def main() -> None:
    """Print the table, and write it where a file is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    # a folder and settings of its own: nothing that a person has set or left behind plays a part
    own = tempfile.TemporaryDirectory()
    os.environ["NAPARI_CONFIG"], os.environ["XDG_DATA_HOME"] = f"{own.name}/settings.yaml", own.name
    import napari
    from napari.settings import get_settings

    from napari_stm_impurities.plugin.panels.find import FindPanel

    get_settings().application.confirm_close_window = False
    viewer = napari.Viewer()
    panel = FindPanel(viewer)
    viewer.window.add_dock_widget(panel)
    load = os.getloadavg()[0]
    rows = [measure(viewer, panel, n, compared) for n in (2000, 10000) for compared in (False, True)]
    viewer.close()
    print(f"{'points':>7} {'reference':>9} {'slider':>9} {'napari':>9} {'ratio':>6}   with drawing: slider, napari")
    for row in rows:
        ours, theirs = row["slider"], row["napari_shown"]
        print(
            f"{row['points']:7d} {row['reference']!s:>9} {ours['median_ms']:6.1f} ms {theirs['median_ms']:6.1f} ms"
            f" {row['ratio']:6.2f}   {ours['with_drawing_median_ms']:.1f} ms, {theirs['with_drawing_median_ms']:.1f} ms"
        )
    machine = {"cores": os.cpu_count(), "load_1min_before": load, "load_1min_after": os.getloadavg()[0]}
    print(machine)
    if given.output:
        given.output.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
