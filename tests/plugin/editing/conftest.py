"""A real window with a stack and points, and a hand that clicks, drags and presses keys on its canvas."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import xarray as xr
from napari import Viewer
from napari.layers import Image, Points
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt

from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.plugin.editing import add_points
from napari_stm_impurities.plugin.layers.images import image_layer
from napari_stm_impurities.plugin.layers.points import points_layer

#: Where the points of the fixture lie, in pixels, and how sure the model was.
YX = [[4.0, 4.0], [8.0, 20.0], [15.0, 10.0], [16.0, 25.0]]
CONFIDENCE = [0.9, 0.55, 0.7, 0.6]


@dataclass
class Hand:
    """A person's hand over the canvas of one viewer; places are in pixels of the image."""

    qtbot: QtBot
    viewer: Viewer
    image: Image

    @property
    def canvas(self) -> Any:
        """Qt's widget of the canvas."""
        return self.viewer.window._qt_viewer.canvas.native

    def at(self, y: float, x: float) -> QPoint:
        """Where on the canvas a place of the image is."""
        canvas = self.viewer.window._qt_viewer.canvas
        world = self.image.data_to_world([0, y, x])[-2:]
        origin, step = (np.array(canvas._map_canvas2world(place, canvas.view)[-2:]) for place in ((0, 0), (100, 100)))
        across = (np.array(world) - origin) / (step - origin) * 100
        return QPoint(round(across[1]), round(across[0]))

    def move(self, y: float, x: float) -> None:
        """Move the mouse, and wait until napari, which leaves out moves that come too fast, knows of it."""
        world = self.image.data_to_world([0, y, x])[-2:]
        there, near = self.at(y, x), self.at(y, x) + QPoint(3, 3)
        ways = itertools.cycle((near, there))

        def arrived() -> bool:
            if np.allclose(self.viewer.cursor.position[-2:], world, atol=1 / self.viewer.scene.camera.zoom):
                return True
            # Qt leaves out a move to where the mouse already is, napari one that comes too soon after the last
            self.qtbot.mouseMove(self.canvas, next(ways))
            return False

        self.qtbot.waitUntil(arrived)

    def click(self, y: float, x: float, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        self.move(y, x)
        self.qtbot.mouseClick(self.canvas, Qt.MouseButton.LeftButton, modifier, self.at(y, x))

    def drag(self, start: tuple[float, float], end: tuple[float, float], stops: int = 6) -> None:
        """Drag with the left button, over several places on the way."""
        places = np.linspace(start, end, stops)
        self.move(*places[0])
        self.qtbot.mousePress(self.canvas, Qt.MouseButton.LeftButton, pos=self.at(*places[0]))
        for place in places[1:]:
            self.move(*place)
        self.qtbot.mouseRelease(self.canvas, Qt.MouseButton.LeftButton, pos=self.at(*places[-1]))

    def press(self, key: str, *modifiers: str) -> None:
        held = Qt.KeyboardModifier.NoModifier
        for modifier in modifiers:
            held |= getattr(Qt.KeyboardModifier, f"{modifier}Modifier")
        self.qtbot.keyClick(self.canvas, getattr(Qt.Key, f"Key_{key}"), held)

    def undo(self) -> None:
        self.press("Z", "Control")

    def redo(self) -> None:
        self.press("Z", "Control", "Shift")


@pytest.fixture
def stack() -> xr.DataArray:
    """Three maps of 20 x 30 pixels of 0.5 nm."""
    values = np.random.default_rng(1).normal(size=(3, 20, 30))
    return make_stack(values, [-10, 0, 10], (0.5, 0.5), channel="LI X", units="A")


@pytest.fixture
def image(stack: xr.DataArray) -> Image:
    data, keywords, _ = image_layer(stack, name="map")
    return Image(data, **keywords)


@pytest.fixture
def layer(hand: Hand, image: Image) -> Points:
    """Four points that a model found, in the window."""
    return found(hand.viewer, image)


def found(viewer: Viewer, image: Image) -> Points:
    """Add the four points to a viewer."""
    table = make_points(YX, (0.5, 0.5), source="model", score=1.0, confidence=CONFIDENCE)
    return add_points(viewer, points_layer(table, image, name="impurities", size=2.0))


@pytest.fixture
def hand(qtbot: QtBot, make_napari_viewer: Callable[..., Viewer], image: Image) -> Hand:
    """A hand over a window that shows the stack."""
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1000, 700)
    viewer.add_layer(image)
    qtbot.waitExposed(viewer.window._qt_window)
    viewer.reset_view()
    qtbot.wait(50)
    return Hand(qtbot, viewer, image)
