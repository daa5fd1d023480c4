"""The bridge between long work and a widget, with toy functions."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.core.progress import Progress, ShouldStop, Stopped
from napari_stm_impurities.plugin.widgets import job
from napari_stm_impurities.plugin.widgets.job import COLLECTED_MORE_RARELY, few_full_collections
from napari_stm_impurities.plugin.widgets.panel import Panel


def count(to: int, *, progress: Progress, should_stop: ShouldStop) -> tuple[int, int]:
    """Count slowly; tells the thread it ran in."""
    for done in range(to):
        if should_stop():
            raise Stopped
        progress(done / to, f"{done} of {to}")
        time.sleep(0.01)
    return to, threading.get_ident()


class Toy(Panel):
    """A panel around any function."""

    def __init__(self, viewer: ViewerModel, function: Callable[..., Any], *args: Any) -> None:
        super().__init__(viewer, "Count")
        self.work = function, args
        self.results: list[Any] = []
        self.threads: list[int] = []

    def start(self) -> None:
        function, args = self.work
        self.run(function, *args, done=self.keep)

    def keep(self, result: Any) -> None:
        self.results.append(result)
        self.threads.append(threading.get_ident())


def press(qtbot: QtBot, button: QWidget) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def make(qtbot: QtBot, viewer: ViewerModel, function: Callable[..., Any], *args: Any) -> Toy:
    panel = Toy(viewer, function, *args)
    qtbot.addWidget(panel)
    panel.show()
    return panel


@pytest.fixture
def notified() -> list[str]:
    """What napari would pop up from now on."""
    said: list[str] = []

    def hear(notification: Any) -> None:
        said.append(str(notification.message))

    notification_manager.notification_ready.connect(hear)
    yield said
    notification_manager.notification_ready.disconnect(hear)


def test_the_work_runs_in_a_thread_and_its_result_arrives_in_the_main_one(qtbot: QtBot, viewer: ViewerModel) -> None:
    panel = make(qtbot, viewer, count, 20)
    press(qtbot, panel.button)
    assert panel.running
    assert not panel.button.isEnabled()
    assert panel.cancel_button.isVisible()
    qtbot.waitUntil(lambda: panel.bar.value() > 0 and " of 20" in panel.message.text())
    qtbot.waitUntil(lambda: not panel.running)
    (result, worked_in), received_in = panel.results[0], panel.threads[0]
    assert result == 20
    assert received_in == threading.get_ident() != worked_in
    assert panel.button.isEnabled()
    assert not panel.bar.isVisible()


def test_cancel_in_the_middle_and_again_from_the_start(qtbot: QtBot, viewer: ViewerModel) -> None:
    panel = make(qtbot, viewer, count, 10_000)
    press(qtbot, panel.button)
    qtbot.waitUntil(lambda: " of 10000" in panel.message.text())
    press(qtbot, panel.cancel_button)
    qtbot.waitUntil(lambda: not panel.running, timeout=5000)
    assert panel.message.text() == "stopped"
    assert panel.results == []
    panel.work = count, (3,)
    press(qtbot, panel.button)
    qtbot.waitUntil(lambda: len(panel.results) == 1)


def test_an_error_of_ours_is_one_line(qtbot: QtBot, viewer: ViewerModel, notified: list[str]) -> None:
    def refuse(**_keywords: Any) -> None:
        raise StmError("every map is constant")

    panel = make(qtbot, viewer, refuse)
    press(qtbot, panel.button)
    qtbot.waitUntil(lambda: not panel.running)
    assert panel.message.text() == "every map is constant"
    assert notified == ["every map is constant"]


def test_a_runtime_error_is_not_swallowed(qtbot: QtBot, viewer: ViewerModel, notified: list[str]) -> None:
    def out_of_memory(**_keywords: Any) -> None:
        raise RuntimeError("device out\nof memory")

    panel = make(qtbot, viewer, out_of_memory)
    press(qtbot, panel.button)
    qtbot.waitUntil(lambda: not panel.running)
    assert panel.message.text() == "RuntimeError: device out of memory"
    assert len(notified) == 1
    assert panel.button.isEnabled()


def test_a_widget_taken_out_of_the_window_stops_its_work(qtbot: QtBot, viewer: ViewerModel) -> None:
    panel = make(qtbot, viewer, count, 10_000)
    window = QWidget()
    qtbot.addWidget(window)
    QVBoxLayout(window).addWidget(panel)
    press(qtbot, panel.button)
    qtbot.waitUntil(lambda: " of 10000" in panel.message.text())
    panel.setParent(None)
    qtbot.waitUntil(lambda: not job._running, timeout=5000)
    assert not panel.running


def test_a_widget_deleted_in_a_run_stops_its_work(qtbot: QtBot, viewer: ViewerModel) -> None:
    ended = threading.Event()

    def counting(**keywords: Any) -> None:
        try:
            count(10_000, **keywords)
        finally:
            ended.set()

    window = QWidget()
    panel = Toy(viewer, counting)
    QVBoxLayout(window).addWidget(panel)
    window.show()
    press(qtbot, panel.button)
    message = panel.message
    qtbot.waitUntil(lambda: " of 10000" in message.text())
    window.deleteLater()
    del panel, window
    gc.collect()
    qtbot.waitUntil(ended.is_set, timeout=5000)
    qtbot.waitUntil(lambda: not job._running)


def test_a_second_run_is_refused_while_one_is_under_way(qtbot: QtBot, viewer: ViewerModel) -> None:
    panel = make(qtbot, viewer, count, 10_000)
    panel.start()
    with pytest.raises(StmError, match="still under way"):
        panel.start()
    panel.cancel()
    qtbot.waitUntil(lambda: not panel.running)


def test_full_collections_are_put_off_while_any_work_is_under_way() -> None:
    found = gc.get_threshold()
    with few_full_collections():
        young, middle, old = gc.get_threshold()
        assert (young, middle, old) == (*found[:2], found[2] * COLLECTED_MORE_RARELY)
        with few_full_collections():
            assert gc.get_threshold() == (young, middle, old)
        assert gc.get_threshold() == (young, middle, old)
    assert gc.get_threshold() == found
