"""Whether the window stays alive during long work: the gaps between the turns of its event loop.

In the real window a timer asks to be called every 5 ms while an image of 240 x 240 x 48 is read, searched, and a short
training runs in the thread. A gap of more than 100 ms is one that a person notices. What the machine by itself leaves
out, with nothing to do, stands beside it::

    xvfb-run -s "-screen 0 1366x768x24" python benchmarks/responsiveness.py [-o docs/results/responsiveness.json]

With ``--trace`` it prints where the main thread was during each long gap.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

#: A person notices a gap of more than this, in ms.
NOTICED_MS = 100.0
PERIOD_MS = 5
SIDE_PX, N_BIASES = 240, 48
TRAINING_S = 30.0


class Pulse:
    """When the event loop took its turns."""

    def __init__(self) -> None:
        from qtpy.QtCore import Qt, QTimer

        self.times: list[float] = []
        self.timer = QTimer()
        self.timer.setTimerType(Qt.TimerType.PreciseTimer)
        self.timer.setInterval(PERIOD_MS)
        self.timer.timeout.connect(lambda: self.times.append(time.perf_counter()))

    def during(self, begin: Callable[[], None], until: Callable[[], bool], patience_s: float = 600.0) -> list[float]:
        """The gaps in ms from the beginning of something until it has come true and was shown."""
        from qtpy.QtCore import QEventLoop, QTimer

        loop = QEventLoop()
        look = QTimer()
        look.setInterval(20)
        end = time.monotonic() + patience_s
        last: list[float] = []

        def ask() -> None:
            if time.monotonic() > end:
                loop.quit()
                raise TimeoutError("it did not end in time")
            if until() and not last:
                last.append(time.monotonic() + 0.5)  # the result is drawn, too
            if last and time.monotonic() > last[0]:
                loop.quit()

        look.timeout.connect(ask)
        self.times = [time.perf_counter()]
        self.timer.start()
        look.start()
        # as a click would, from the event loop
        QTimer.singleShot(0, begin)
        loop.exec()
        self.timer.stop()
        look.stop()
        return (1e3 * np.diff(self.times)).tolist()


class Sampler(threading.Thread):
    """Where the main thread is, every 5 ms."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.main = threading.main_thread().ident
        self.seen: collections.deque[tuple[float, str]] = collections.deque(maxlen=200_000)

    def run(self) -> None:
        """Look at the innermost frames of the main thread, and of all others by their innermost one."""
        while True:
            told = []
            for ident, frame in sys._current_frames().items():
                stack = traceback.extract_stack(frame)
                who, deep = ("main", 6) if ident == self.main else ("  other", 2)
                places = [f"{Path(at.filename).name}:{at.lineno} {at.name}" for at in stack[: -deep - 1 : -1]]
                told.append(f"{who}: {' < '.join(places)}")
            self.seen.append((time.perf_counter(), "\n".join(sorted(told))))
            time.sleep(0.005)

    def between(self, begin: float, end: float) -> str:
        """What was seen most often between two times, last before them, and first after them."""
        seen = collections.Counter(what for at, what in self.seen if begin <= at <= end)
        told = [f"[{count}x]\n{what}" for what, count in seen.most_common(2)]
        before = [what for at, what in self.seen if at < begin][-1:]
        after = [what for at, what in self.seen if at > end][:1]
        return "\n".join([*told, "[before]", *before, "[after]", *after])


def told(name: str, gaps: list[float]) -> dict[str, Any]:
    """The figures of one stretch of work."""
    each = np.asarray(gaps)
    return {
        "during": name,
        "seconds": float(each.sum() / 1e3),
        "longest_gap_ms": float(each.max()),
        "p99_gap_ms": float(np.quantile(each, 0.99)),
        "gaps_over_100_ms": int((each > NOTICED_MS).sum()),
    }


def a_stack() -> Any:
    """Ripples around 40 impurities at 48 biases: quick to make, and as large as the real thing."""
    from napari_stm_impurities.data.images import make_stack
    from napari_stm_impurities.physics.dispersion import Dispersion

    rng, gold, size_nm = np.random.default_rng(0), Dispersion.of_material("Au(111)"), 37.5 / SIDE_PX
    bias = np.linspace(-230, 20, N_BIASES)
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX] * size_nm
    maps = np.zeros((N_BIASES, SIDE_PX, SIDE_PX), np.float32)
    for at_y, at_x in rng.uniform(0, 37.5, (40, 2)):
        r = np.hypot(y - at_y, x - at_x) + 0.3
        maps += np.cos(2 * gold.k_per_nm(bias)[:, None, None] * r - 1.0) / r
    return make_stack(maps + 0.2 * rng.normal(size=maps.shape), bias, size_nm)


def main() -> None:
    """Run everything once, print the table, and write it where a file is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--trace", action="store_true", help="print where the main thread was in each long gap")
    given = parser.parse_args()
    # a folder and settings of its own: nothing that a person has set or left behind plays a part
    own = tempfile.TemporaryDirectory()
    os.environ["NAPARI_CONFIG"], os.environ["XDG_DATA_HOME"] = f"{own.name}/settings.yaml", own.name
    import napari
    from napari.layers import Layer
    from napari.settings import get_settings

    get_settings().application.confirm_close_window = False
    viewer = napari.Viewer()
    pulse, sampler = Pulse(), Sampler()
    if given.trace:
        sampler.start()
    rows: list[dict[str, Any]] = []
    load = os.getloadavg()[0]

    def record(name: str, begin: Callable[[], None], until: Callable[[], bool]) -> None:
        gaps = pulse.during(begin, until)
        rows.append(told(name, gaps))
        print(rows[-1], flush=True)
        if given.trace:
            for begun, gap in zip(pulse.times, gaps, strict=False):
                if gap > NOTICED_MS:
                    print(f"--- {gap:.0f} ms\n{sampler.between(begun, begun + gap / 1e3)}", flush=True)

    panels: dict[str, Any] = {}
    until_s = time.monotonic() + 5

    record("nothing: the machine by itself", lambda: None, lambda: time.monotonic() > until_s)
    from napari_stm_impurities.plugin.layers.images import image_layer

    stack = a_stack()

    def open_find() -> None:
        from napari_stm_impurities.plugin.panels.find import FindPanel

        panels["find"] = FindPanel(viewer)
        viewer.window.add_dock_widget(panels["find"])

    record("opening Find impurities", open_find, lambda: "find" in panels)
    find = panels["find"]

    def add_image() -> None:
        viewer.add_layer(Layer.create(*image_layer(stack, name="surface")))
        find.reset_choices()

    # what napari needs for the first layer, and the reading of the image in the thread
    record("adding the image", add_image, lambda: find.surface.reading is not None)
    image = viewer.layers[0]
    record(
        "reading the scale off the image",
        lambda: find.surface.look_at(image),
        lambda: find.surface.reading is not None,
    )
    in_napari: list[float] = []
    add_layer = viewer.add_layer

    def timed_add_layer(layer: Any) -> Any:
        begin = time.perf_counter()
        added = add_layer(layer)
        in_napari.append(1e3 * (time.perf_counter() - begin))
        return added

    type(viewer).add_layer = lambda _viewer, layer: timed_add_layer(layer)
    record("the first run of Find", find.button.click, lambda: bool(find.message.text()) and not find.running)
    print("napari's own add_layer, score map and points:", ", ".join(f"{ms:.0f} ms" for ms in in_napari))
    rows[-1]["napari_add_layer_ms"] = in_napari[:2]
    find.say("")
    record("the second run of Find", find.button.click, lambda: bool(find.message.text()) and not find.running)

    from napari_stm_impurities.plugin.panels.train import TrainPanel

    panels["train"] = train = TrainPanel(viewer)
    viewer.window.add_dock_widget(train)
    stops: list[float] = []

    def begin_training() -> None:
        stops.append(time.monotonic() + TRAINING_S)
        train.button.click()

    def stop_training() -> bool:
        if time.monotonic() > stops[0] and train.running and train.cancel_button.isEnabled():
            train.cancel_button.click()
        return not train.running

    record(f"training, cancelled after {TRAINING_S:g} s", begin_training, lambda: bool(stops) and stop_training())
    print(train.message.text())
    # what napari and the graphics need for the first points in a window, whoever adds them
    other = napari.Viewer()
    other.add_image(stack.values[0])
    settled_s = time.monotonic() + 2
    pulse.during(lambda: None, lambda: time.monotonic() > settled_s)
    places = np.random.default_rng(0).uniform(0, SIDE_PX, (40, 2))
    record("napari alone: first points in a window", lambda: other.add_points(places), lambda: len(other.layers) == 2)
    other.close()
    viewer.close()
    machine = {"cores": os.cpu_count(), "load_1min_before": load, "load_1min_after": os.getloadavg()[0]}
    print(f"\n{'during':38} {'seconds':>8} {'longest':>9} {'99 %':>8} {'over 100 ms':>12}")
    for row in rows:
        print(
            f"{row['during']:38} {row['seconds']:8.1f} {row['longest_gap_ms']:6.0f} ms {row['p99_gap_ms']:5.1f} ms"
            f" {row['gaps_over_100_ms']:12d}"
        )
    print(machine)
    if given.output:
        told_all = {"image": [N_BIASES, SIDE_PX, SIDE_PX], "machine": machine, "rows": rows}
        given.output.write_text(json.dumps(told_all, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
