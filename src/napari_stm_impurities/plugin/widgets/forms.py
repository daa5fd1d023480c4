"""A form made from a configuration: its fields, defaults, bounds and the line under each field.

No default and no bound is written here: they are read from the configuration class. The fields that a
person needs first stand in the open, all others under *More settings*, and a configuration inside
another one has a fold of its own.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin

from magicgui.widgets import ComboBox
from pydantic.fields import FieldInfo
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import (
    QWIDGETSIZE_MAX,
    QAbstractSpinBox,
    QComboBox,
    QFormLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QTabBar,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from ...core.configuration import Configuration
from ...core.rows import Row
from .fields import field_widget, label_of, read, without_annotated, write

C = TypeVar("C", bound=Configuration)


class Form(QWidget, Generic[C]):
    """The fields of one configuration.

    Parameters
    ----------
    kind
        The configuration class.
    main
        The fields that stand in the open, in this order; all others go under *More settings*.
    """

    def __init__(self, kind: type[C], main: Sequence[str] = ()) -> None:
        super().__init__()
        self.kind = kind
        self._fields: dict[str, Any] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setAlignment(Qt.AlignmentFlag.AlignTop)
        rest = [name for name in kind.model_fields if name not in main]
        self._add_plain(main, layout)
        fields = kind.model_fields
        self.more = Fold("More settings" if main else "Settings")
        self.more.setVisible(bool(rest))
        layout.addWidget(self.more)
        plain = [name for name in rest if not _inner(fields[name]) and not _fixed(fields[name])]
        self._add_plain(plain, self.more.inside)
        for name in rest:
            inner = _inner(fields[name])
            if inner:
                form: Form[Any] | Choice | Several
                if get_origin(fields[name].annotation) is tuple:
                    form = Several(inner)
                else:
                    form = Choice(inner) if len(inner) > 1 else Form(inner[0])
                form.fill(fields[name].get_default(call_default_factory=True))
                form.setToolTip(fields[name].description or "")
                section = Fold(label_of(name))
                section.inside.addWidget(form)
                self.more.inside.addWidget(section)
                self._fields[name] = form

    def _add_plain(self, names: Sequence[str], into: QVBoxLayout) -> None:
        if not names:
            return
        fields = [field_widget(name, self.kind.model_fields[name]) for name in names]
        self._fields.update(zip(names, fields, strict=True))
        into.addWidget(grid(fields))

    def __getitem__(self, name: str) -> Any:
        """The magicgui widget of one field."""
        return self._fields[name]

    def value(self) -> C:
        """The configuration as it stands in the form.

        Raises
        ------
        StmError
            Naming the field and what is wrong with it.
        """
        return self.kind.of(**{name: _value(field) for name, field in self._fields.items()})

    def fill(self, config: C) -> None:
        """Show the values of `config`."""
        for name, field in self._fields.items():
            _fill(field, getattr(config, name))


class Choice(QWidget):
    """One of several configurations: a box that chooses the kind, and the form of that kind below it.

    Parameters
    ----------
    kinds
        The classes, named by the first words of their docstrings.
    main
        The fields of each kind that stand in the open.
    """

    def __init__(
        self, kinds: Sequence[type[Configuration]], main: Mapping[type[Configuration], Sequence[str]] | None = None
    ) -> None:
        super().__init__()
        open_fields = main or {}
        self.forms: dict[type[Configuration], Form[Any]] = {
            kind: Form(kind, open_fields.get(kind, ())) for kind in kinds
        }
        self.kind = ComboBox(choices=[(title_of(kind), kind) for kind in kinds], label="Kind")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(grid([self.kind]))
        for form in self.forms.values():
            layout.addWidget(form)
        self.kind.changed.connect(self._show)
        self._show()

    def __getitem__(self, name: str) -> Any:
        """The widget of one field of the chosen kind."""
        return self.forms[self.kind.value][name]

    def value(self) -> Configuration:
        """The configuration of the chosen kind, as it stands in its form."""
        config: Configuration = self.forms[self.kind.value].value()
        return config

    def fill(self, config: Configuration) -> None:
        """Choose the kind of `config`, and show its values."""
        self.kind.value = type(config)
        self.forms[type(config)].fill(config)

    def _show(self, _kind: Any = None) -> None:
        for kind, form in self.forms.items():
            form.setVisible(kind is self.kind.value)


class Several(QWidget):
    """Any number of configurations, one after the other: each in a fold with a button that removes it.

    Parameters
    ----------
    kinds
        The classes to choose from, named by the first words of their docstrings.
    """

    def __init__(self, kinds: Sequence[type[Configuration]]) -> None:
        super().__init__()
        self.forms: list[Form[Any]] = []
        self._folds: list[Fold] = []
        self.kind = ComboBox(choices=[(title_of(kind), kind) for kind in kinds], label="Add")
        self.kind.tooltip = "Which one to add at the end of the list"
        self.add_button = QPushButton("Add")
        self.add_button.clicked.connect(self._add_clicked)
        self._list = QVBoxLayout()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._list)
        layout.addWidget(grid([self.kind]))
        layout.addWidget(self.add_button)

    def value(self) -> tuple[Configuration, ...]:
        """The configurations as they stand in their forms."""
        return tuple(form.value() for form in self.forms)

    def fill(self, configs: Sequence[Configuration]) -> None:
        """Show the values of `configs`, and no others."""
        if [form.kind for form in self.forms] != [type(config) for config in configs]:
            for form in list(self.forms):
                self.remove(form)
            for config in configs:
                self.add(type(config))
        for form, config in zip(self.forms, configs, strict=True):
            form.fill(config)

    def add(self, kind: type[Configuration]) -> None:
        """One more at the end, with its defaults."""
        form = Form(kind, [name for name, info in kind.model_fields.items() if not _fixed(info)])
        remove = QPushButton("Remove")
        remove.clicked.connect(lambda: self.remove(form))
        fold = Fold(title_of(kind))
        fold.inside.addWidget(form)
        fold.inside.addWidget(remove)
        self._list.addWidget(fold)
        self.forms.append(form)
        self._folds.append(fold)

    def remove(self, form: Form[Any]) -> None:
        """Take one off the list."""
        index = self.forms.index(form)
        del self.forms[index]
        fold = self._folds.pop(index)
        fold.hide()
        fold.deleteLater()

    def _add_clicked(self) -> None:
        self.add(self.kind.value)


def title_of(kind: type[Configuration]) -> str:
    """What a configuration is called: the first words of its docstring, up to a colon, comma or full stop."""
    return re.split(r"[:,.\n]", inspect.getdoc(kind) or kind.__name__, maxsplit=1)[0]


class _IgnoreWheel(QObject):
    """Scrolling through a form must not change the values that pass under the pointer."""

    def eventFilter(self, box: QObject | None, event: QEvent | None) -> bool:
        """Leave the wheel to the form, unless the box was clicked before."""
        if event is not None and event.type() == QEvent.Type.Wheel and isinstance(box, QWidget) and not box.hasFocus():
            event.ignore()
            return True
        return False


_wheel = _IgnoreWheel()


class Fold(QCollapsible):
    """A section that is closed until its title is clicked."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.setDuration(0)
        # napari paints a button that is checked as if it were the one to press
        self.toggleButton().setStyleSheet("text-align: left; border: none; background: transparent;")
        # each level of nested folds would lose the margins of the one around it
        around = self.layout()
        assert around is not None
        around.setContentsMargins(0, 0, 0, 0)
        self.inside = QVBoxLayout()
        self.inside.setContentsMargins(12, 0, 0, 0)
        content = QWidget()
        content.setLayout(self.inside)
        content.setVisible(False)
        self.setContent(content)
        self._set_icons()
        self.toggled.connect(self._show_content)

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the colours of the window."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.StyleChange:
            self._set_icons()

    def _set_icons(self) -> None:
        # superqt draws them once, in the colour of that moment
        self.setExpandedIcon("▼")
        self.setCollapsedIcon("▶")

    def _show_content(self, opened: bool) -> None:
        # superqt only makes it flat, where the Tab key still finds it, and later no higher than it was when opened
        self.content().setVisible(opened)
        self.content().setMaximumHeight(QWIDGETSIZE_MAX)


class Tabs(QWidget):
    """Pages of which one is open; unlike those of a QTabWidget, the others take no room."""

    def __init__(self) -> None:
        super().__init__()
        self.bar = QTabBar()
        self.bar.setDrawBase(False)
        self.pages: list[QWidget] = []
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.addWidget(self.bar)
        self.bar.currentChanged.connect(self._show)

    def add(self, page: QWidget, title: str) -> None:
        """Add a page; the first one is open."""
        self.pages.append(page)
        self.column.addWidget(page)
        self.bar.addTab(title)
        self._show(self.bar.currentIndex())

    def _show(self, current: int) -> None:
        for number, page in enumerate(self.pages):
            page.setVisible(number == current)


def result_label(text: str = "", *, rich: bool = False) -> QLabel:
    """A label that tells what came out: it breaks its lines, and its text can be selected and copied.

    Parameters
    ----------
    text
        What stands there at first.
    rich
        Whether the text is HTML.
    """
    label = QLabel(text)
    if rich:
        label.setTextFormat(Qt.TextFormat.RichText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def rows_html(rows: Sequence[Row]) -> str:
    """Rows as a table in HTML: name, value and note."""
    cells = "".join(
        f"<tr><td>{escape(row.title)}&nbsp;&nbsp;</td><td><b>{escape(row.value)}</b>&nbsp;&nbsp;</td>"
        f"<td>{escape(row.note)}</td></tr>"
        for row in rows
    )
    return f"<table>{cells}</table>"


def grid(fields: Sequence[Any]) -> QWidget:
    """Fields below each other, each with its label before it; the caller keeps the fields alive."""
    box = QWidget()
    rows = QFormLayout(box)
    rows.setContentsMargins(0, 0, 0, 0)
    rows.setVerticalSpacing(4)
    rows.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
    rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    for field in fields:
        for part in (field.native, *field.native.findChildren(QWidget)):
            if isinstance(part, QComboBox):
                # a long layer name must not push the rest out of the window
                part.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
                part.setMinimumContentsLength(8)
            if isinstance(part, QAbstractSpinBox):
                part.setMinimumWidth(50)
                part.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            if isinstance(part, QComboBox | QAbstractSpinBox):
                part.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
                part.installEventFilter(_wheel)
        label = QLabel(field.label)
        label.setToolTip(field.tooltip or "")
        rows.addRow(label, field.native)
    return box


def _inner(info: FieldInfo) -> list[type[Configuration]]:
    """The configuration classes that a field holds one of, or any number of in a tuple; none for a plain field."""
    annotation, _ = without_annotated(info.annotation, [])
    if get_origin(annotation) is tuple and get_args(annotation)[1:] == (Ellipsis,):
        annotation, _ = without_annotated(get_args(annotation)[0], [])
    kinds = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Configuration)]


def _fixed(info: FieldInfo) -> bool:
    """Whether a field can have one value only, such as the name of its kind."""
    return get_origin(info.annotation) is Literal and len(get_args(info.annotation)) == 1


def _value(field: Any) -> Any:
    return field.value() if isinstance(field, Form | Choice | Several) else read(field)


def _fill(field: Any, value: Any) -> None:
    if isinstance(field, Form | Choice | Several):
        field.fill(value)
    else:
        write(field, value)
