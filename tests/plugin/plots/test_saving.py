"""The menu of a plot: pictures, data, and what cannot be saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QContextMenuEvent, QGuiApplication
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_stm_impurities.plots.confidence import confidence_table, mark_threshold, plot_confidence
from napari_stm_impurities.plots.elements import FOUND_COLOUR
from napari_stm_impurities.plugin.plots import saving
from napari_stm_impurities.plugin.plots.canvas import PlotCanvas

VALUES = np.array([0.1, 0.5, 0.5, 0.9])
TEXTS = ["Save as PNG …", "Save as SVG …", "Save as PDF …", "Save data as CSV …", "Copy"]


@pytest.fixture
def canvas(qtbot: QtBot) -> PlotCanvas:
    canvas = PlotCanvas("confidence", draw_mark=mark_threshold)
    qtbot.addWidget(canvas)
    canvas.show_plot(plot_confidence, confidence_table, VALUES)
    return canvas


@pytest.fixture
def errors(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    shown: list[str] = []
    monkeypatch.setattr(saving, "show_error", shown.append)
    return shown


def choose(monkeypatch: pytest.MonkeyPatch, path: Path | str) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(path), ""))


def trigger(canvas: PlotCanvas, text: str) -> None:
    next(action for action in canvas.menu.actions() if action.text() == text).trigger()


def test_the_button_and_a_right_click_offer_the_same(qtbot: QtBot, canvas: PlotCanvas) -> None:
    canvas.resize(300, 180)
    canvas.show()
    assert canvas.menu_button.isVisible()
    assert canvas.rect().contains(canvas.menu_button.geometry())
    assert canvas.menu_button.menu() is canvas.menu
    assert [action.text() for action in canvas.menu.actions()] == TEXTS
    at = QPoint(150, 90)
    QApplication.sendEvent(canvas, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, canvas.mapToGlobal(at)))
    qtbot.waitUntil(canvas.menu.isVisible)
    qtbot.keyClick(canvas.menu, Qt.Key.Key_Escape)


@pytest.mark.parametrize(("kind", "begins"), [("PNG", b"\x89PNG"), ("SVG", b"<?xml"), ("PDF", b"%PDF")])
def test_a_picture_is_saved_with_its_ending(
    canvas: PlotCanvas, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, begins: bytes
) -> None:
    # no ending, and a dot that begins none
    choose(monkeypatch, tmp_path / "within 0.47 nm")
    trigger(canvas, f"Save as {kind} …")
    (path,) = tmp_path.iterdir()
    assert path.name == f"within 0.47 nm.{kind.lower()}"
    assert path.read_bytes().startswith(begins)


def test_a_saved_picture_is_for_paper_and_has_the_mark(
    canvas: PlotCanvas, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    canvas.mark(0.3)
    choose(monkeypatch, tmp_path / "marked.png")
    trigger(canvas, "Save as PNG …")
    picture = imread(tmp_path / "marked.png")[..., :3]
    np.testing.assert_allclose(picture[0, 0], 1.0)
    assert (np.abs(picture - to_rgb(FOUND_COLOUR)).sum(axis=2) < 0.05).any()
    legend = canvas.picture().axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["threshold 0.3"]


def test_the_data_are_saved_as_they_are_drawn(
    canvas: PlotCanvas, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    choose(monkeypatch, tmp_path / "data.csv")
    trigger(canvas, "Save data as CSV …")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "data.csv"), confidence_table(VALUES), check_dtype=False)


@pytest.mark.parametrize("text", TEXTS[:4])
def test_a_cancelled_dialog_saves_nothing(
    canvas: PlotCanvas, monkeypatch: pytest.MonkeyPatch, errors: list[str], text: str
) -> None:
    choose(monkeypatch, "")
    trigger(canvas, text)
    assert not errors


@pytest.mark.parametrize("text", TEXTS[:4])
def test_what_cannot_be_written_is_one_line(
    canvas: PlotCanvas, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, errors: list[str], text: str
) -> None:
    choose(monkeypatch, tmp_path / "missing" / "plot")
    trigger(canvas, text)
    (line,) = errors
    assert "does not exist" in line
    assert "\n" not in line


def test_a_full_disk_is_one_line_and_keeps_the_older_file(
    canvas: PlotCanvas, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, errors: list[str]
) -> None:
    path = tmp_path / "data.csv"
    path.write_text("older", encoding="utf-8")
    choose(monkeypatch, path)

    def full(*_args: object, **_keywords: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    trigger(canvas, "Save data as CSV …")
    assert "No space left on device" in errors[0]
    assert path.read_text(encoding="utf-8") == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_not_replaced_unasked_when_the_ending_is_added(
    canvas: PlotCanvas, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, errors: list[str]
) -> None:
    (tmp_path / "plot.png").write_text("older", encoding="utf-8")
    choose(monkeypatch, tmp_path / "plot")
    trigger(canvas, "Save as PNG …")
    assert "this file exists" in errors[0]
    assert (tmp_path / "plot.png").read_text(encoding="utf-8") == "older"
    choose(monkeypatch, tmp_path / "plot.png")
    trigger(canvas, "Save as PNG …")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_plotted_yet_is_one_line(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, errors: list[str]
) -> None:
    empty = PlotCanvas("empty")
    qtbot.addWidget(empty)
    choose(monkeypatch, tmp_path / "empty")
    for text in TEXTS:
        trigger(empty, text)
    assert errors == ["nothing is plotted yet"] * 5
    assert list(tmp_path.iterdir()) == []


def test_a_copy_is_the_picture(canvas: PlotCanvas, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    trigger(canvas, "Copy")
    copied = QGuiApplication.clipboard().image()
    choose(monkeypatch, tmp_path / "saved.png")
    trigger(canvas, "Save as PNG …")
    saved = imread(tmp_path / "saved.png")
    assert (copied.height(), copied.width()) == saved.shape[:2]
    for x, y in ((0, 0), (450, 315), (200, 500)):
        np.testing.assert_allclose(copied.pixelColor(x, y).getRgbF()[:3], saved[y, x, :3], atol=0.01)
