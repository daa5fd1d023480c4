"""Forms made from configurations."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QPushButton

from napari_stm_impurities.core.configuration import Configuration
from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.plugin.widgets.forms import Fold, Form
from napari_stm_impurities.simulation.artefacts import TRAINING_ARTEFACTS
from napari_stm_impurities.simulation.artefacts.herringbone import Herringbone
from napari_stm_impurities.simulation.artefacts.white_noise import WhiteNoise
from napari_stm_impurities.simulation.config import FriedelConfig, ScatteringConfig
from napari_stm_impurities.simulation.surface import SurfaceConfig
from napari_stm_impurities.spots import ReferenceConfig

pytestmark = pytest.mark.usefixtures("qapp")


class Inner(Configuration):
    """A part."""

    width_nm: float = Field(default=0.0047, gt=0, le=2)
    """How wide it is, in nm."""


class Sample(Configuration):
    """One field of each kind."""

    kind: Literal["sample"] = "sample"
    n_maps: int = Field(default=8, ge=1, le=512)
    """How many maps."""
    bias_mv: float = -520.0
    sign: Literal["auto", "dark"] = "auto"
    n_kinds: Literal["auto"] | Annotated[int, Field(ge=1, le=3)] = "auto"
    levelled: bool = True
    size_px: tuple[Annotated[int, Field(ge=8)], int] = (64, 32)
    threshold: float | None = None
    path: str = "model"
    inner: Inner = Inner()


@pytest.mark.parametrize("kind", [Sample, FriedelConfig, ScatteringConfig, SurfaceConfig, ReferenceConfig])
def test_an_untouched_form_gives_the_defaults(kind: type[Configuration]) -> None:
    assert Form(kind).value() == kind()


def test_a_word_or_a_whole_number_is_chosen_from_all_that_there_are() -> None:
    form = Form(Sample)
    assert list(form["n_kinds"].choices) == ["auto", 1, 2, 3]
    form["n_kinds"].value = 2
    assert form.value().n_kinds == 2


def test_what_is_typed_is_what_comes_out() -> None:
    form = Form(Sample, main=("sign",))
    form["n_maps"].value = 3
    form["sign"].value = "dark"
    form["threshold"].own.value = True
    form["threshold"].inner.value = 0.25
    form["size_px"][1].value = 16
    form["inner"]["width_nm"].value = 1.5
    wanted = Sample(n_maps=3, sign="dark", threshold=0.25, size_px=(64, 16), inner=Inner(width_nm=1.5))
    assert form.value() == wanted
    other = Form(Sample)
    other.fill(wanted)
    assert other.value() == wanted


def test_bounds_tooltip_and_unit_come_from_the_field() -> None:
    form = Form(Sample)
    field = form["n_maps"]
    assert (field.min, field.max, field.tooltip) == (1, 512, "How many maps.")
    assert form["bias_mv"].label == "Bias (mV)"
    assert form["size_px"][0].min == 8


def test_what_no_box_can_refuse_is_one_line() -> None:
    form = Form(FriedelConfig)
    form["amplitude"][0].value = 9.0
    with pytest.raises(StmError, match=r"amplitude: .*from low to high") as error:
        form.value()
    assert "\n" not in str(error.value)


def test_only_the_main_fields_stand_in_the_open(qtbot: QtBot) -> None:
    form = Form(Sample, main=("sign",))
    form.show()
    assert form["sign"].native.isVisible()
    assert not form["n_maps"].native.isVisible()
    form.more.toggleButton().click()
    assert form["n_maps"].native.isVisible()


def test_scrolling_over_a_field_does_not_change_it(qtbot: QtBot) -> None:
    form = Form(Sample, main=("n_maps",))
    qtbot.addWidget(form)
    form.show()
    box = form["n_maps"].native
    box.clearFocus()
    place = QPointF(box.rect().center())
    down = QPoint(0, -120)
    nothing = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase
    QApplication.sendEvent(box, QWheelEvent(place, place, QPoint(), down, *nothing, False))
    assert form["n_maps"].value == 8


def test_a_list_of_configurations_is_changed_added_to_and_cut(qtbot: QtBot) -> None:
    form = Form(SurfaceConfig)
    qtbot.addWidget(form)
    form.show()
    form.more.toggleButton().click()
    several = form["artefacts"]
    several.forms[0]["amplitude"][0].value = 0.25
    assert len(several.kind.choices) == len(TRAINING_ARTEFACTS)
    several.kind.value = Herringbone
    qtbot.mouseClick(several.add_button, Qt.MouseButton.LeftButton)
    several.forms[2]["period_nm"].own.value = True
    several.forms[2]["period_nm"].inner[0].value = 6.0
    several.forms[2]["period_nm"].inner[1].value = 7.0
    white, line = SurfaceConfig().artefacts
    wanted = (white.model_copy(update={"amplitude": (0.25, 0.5)}), line, Herringbone(period_nm=(6.0, 7.0)))
    assert form.value().artefacts == wanted
    # the second one away, by its own button
    section = several.forms[1].parentWidget()
    assert section is not None
    (remove,) = section.findChildren(QPushButton, options=Qt.FindChildOption.FindDirectChildrenOnly)
    remove.click()
    assert form.value().artefacts == (wanted[0], wanted[2])
    # another configuration's list takes its place, one of a kind twice
    other = SurfaceConfig(artefacts=(WhiteNoise(amplitude=0.5), WhiteNoise(share=0.5)))
    form.fill(other)
    assert form.value() == other
    form.fill(SurfaceConfig(artefacts=()))
    assert form.value().artefacts == ()


def test_what_is_wrong_in_a_list_is_one_line() -> None:
    form = Form(SurfaceConfig)
    form["artefacts"].forms[0]["amplitude"][0].value = 9.0
    with pytest.raises(StmError, match=r"WhiteNoise: amplitude: .*from low to high") as error:
        form.value()
    assert "\n" not in str(error.value)


def test_a_fold_within_a_fold_has_all_the_room_it_needs(qtbot: QtBot) -> None:
    form = Form(Sample, main=("sign",))
    qtbot.addWidget(form)
    form.show()
    form.more.toggleButton().click()
    for inner in form.more.findChildren(Fold):
        inner.toggleButton().click()
    field = form["inner"]["width_nm"].native
    qtbot.waitUntil(lambda: field.isVisible() and field.visibleRegion().boundingRect().height() == field.height())
    form.more.toggleButton().click()
    # what is folded is out of reach of the Tab key, too
    assert not field.isVisible()
    assert not form["n_maps"].native.isVisible()
