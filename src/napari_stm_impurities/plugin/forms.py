"""A form made from a configuration: its fields, defaults, bounds and the line under each field.

No default and no bound is written here: they are read from the configuration class. The fields that a
person needs first stand in the open, all others under *More settings*, and a configuration inside
another one has a fold of its own.
"""

from __future__ import annotations

import inspect
import math
import re
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar, Union, get_args, get_origin

from magicgui.types import FileDialogMode
from magicgui.widgets import CheckBox, ComboBox, Container, FileEdit, FloatSpinBox, LineEdit, SpinBox
from pydantic.fields import FieldInfo
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QFormLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..configuration import Configuration
from ..errors import StmError

C = TypeVar("C", bound=Configuration)

#: How the end of a field's name is written as a unit; the longest fitting end counts.
UNITS = {
    "_rad_per_px": "rad/px",
    "_per_nm2": "1/nm²",
    "_per_nm": "1/nm",
    "_per_k2": "per 1/k²",
    "_per_k": "1/k",
    "_mv": "mV",
    "_nm": "nm",
    "_px": "px",
    "_rad_per_v": "rad/V",
    "_rad": "rad",
    "_deg": "°",
    "_share": "share",
    "_s": "s",
}

#: Abbreviations that physicists write in their own way.
WORDS = {"std": "width", "px": "pixels", "mv": "mV", "nm": "nm", "k": "k", "n": "Number of", "lr": "Learning rate"}

#: Where a field sets no bound: farther than any quantity here goes.
FAR = 1e9


def label_of(name: str) -> str:
    """The label of a field, with its unit.

    Examples
    --------
    >>> label_of("tolerance_nm"), label_of("k_rad_per_px"), label_of("n_maps"), label_of("noise_std")
    ('Tolerance (nm)', 'k (rad/px)', 'Number of maps', 'Noise width')
    """
    end = max((end for end in UNITS if name.endswith(end)), key=len, default="")
    words = [WORDS.get(word, word) for word in name.removesuffix(end).split("_")]
    text = " ".join(words)
    text = text if words[0] == "k" else text[:1].upper() + text[1:]
    return f"{text} ({UNITS[end]})" if end else text


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
                form: Form[Any] | Choice = Choice(inner) if len(inner) > 1 else Form(inner[0])
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
        return self.kind.of(**{name: _read(field) for name, field in self._fields.items()})

    def fill(self, config: C) -> None:
        """Show the values of `config`."""
        for name, field in self._fields.items():
            _write(field, getattr(config, name))


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


class Fold(QWidget):
    """A section that is closed until its title is clicked."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = QToolButton()
        self.title.setText(title)
        self.title.setCheckable(True)
        self.title.setAutoRaise(True)
        self.title.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.title.setArrowType(Qt.ArrowType.RightArrow)
        self.title.toggled.connect(self._open)
        self.content = QWidget()
        self.content.setVisible(False)
        self.inside = QVBoxLayout(self.content)
        self.inside.setContentsMargins(12, 0, 0, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.title)
        layout.addWidget(self.content)

    def _open(self, opened: bool) -> None:
        self.title.setArrowType(Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow)
        self.content.setVisible(opened)


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


def field_widget(name: str, info: FieldInfo) -> Any:
    """The widget of one field: its kind, bounds, default, label and tooltip as the field says."""
    default = info.get_default(call_default_factory=True)
    widget = _widget(info.annotation, list(info.metadata), default)
    widget.name = name
    widget.label = info.title or label_of(name)
    tip = " ".join((info.description or "").split())
    widget.tooltip = tip
    for child in widget if isinstance(widget, Container) else ():
        child.tooltip = tip
    return widget


class Optional(Container[Any]):
    """A field that may be left to the program: an unticked box stands for None."""

    def __init__(self, inner: Any, default: Any) -> None:
        self.own = CheckBox(text="set", value=default is not None)
        self.inner = inner
        super().__init__(widgets=[self.own, inner], layout="horizontal", labels=False)
        self.margins = (0, 0, 0, 0)
        self.inner.enabled = default is not None
        self.own.changed.connect(self._toggle)

    def _toggle(self, own: bool) -> None:
        self.inner.enabled = own


class Numbers(LineEdit):
    """As many numbers as one likes, with commas between them."""


class Pair(Container[Any]):
    """Two numbers side by side: a range, or y and x."""

    def __init__(self, parts: Sequence[Any]) -> None:
        super().__init__(widgets=list(parts), layout="horizontal", labels=False)
        self.margins = (0, 0, 0, 0)
        for part in parts:
            if isinstance(part.native, QAbstractSpinBox):  # two of them leave no room for the arrows
                part.native.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)


def file_box(label: str, tooltip: str, suffix: str, *, new: bool) -> FileEdit:
    """A box for the path of a file: one that is there, or a `new` one."""
    mode = FileDialogMode.OPTIONAL_FILE if new else FileDialogMode.EXISTING_FILE
    return FileEdit(mode=mode, filter=f"*{suffix}", label=label, tooltip=tooltip)


def path_in(box: FileEdit) -> Path | None:
    """The path in a box; None where it is empty, which the box tells in its own ways."""
    value = box.value
    return value if isinstance(value, Path) and value != Path() else None


def _widget(annotation: Any, bounds: list[Any], default: Any) -> Any:
    annotation, bounds = _without_annotated(annotation, bounds)
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType) and type(None) in args:
        rest = [arg for arg in args if arg is not type(None)]
        if len(rest) == 1:
            return Optional(_widget(rest[0], bounds, default), default)
    if origin is Literal:
        return ComboBox(choices=list(args), value=default)
    if annotation is bool:
        return CheckBox(value=bool(default), text="")
    if annotation is int:
        return _number(SpinBox, bounds, default, far=2**31 - 1)
    if annotation is float:
        return _number(FloatSpinBox, bounds, default, far=FAR)
    if origin is tuple and args and Ellipsis not in args:
        values = default if isinstance(default, tuple) else (None,) * len(args)
        return Pair([_widget(arg, [], value) for arg, value in zip(args, values, strict=True)])
    if origin is tuple:
        return Numbers(value=", ".join(str(one) for one in default))
    return LineEdit(value="" if default is None else str(default))


def _number(kind: type[Any], bounds: list[Any], default: Any, far: float) -> Any:
    low, high = -far, far
    for bound in bounds:
        low = max(low, *(v for v in (getattr(bound, "ge", None), getattr(bound, "gt", None)) if v is not None), -far)
        high = min(high, *(v for v in (getattr(bound, "le", None), getattr(bound, "lt", None)) if v is not None), far)
    value = low if default is None and low > -far else (default or 0)
    if kind is SpinBox:
        return SpinBox(min=math.ceil(low), max=math.floor(high), value=int(value))
    widget = FloatSpinBox(min=low, max=high)
    # as many decimals as the default needs, and two more, or three significant figures below 1
    widget.native.setDecimals(min(12, max(3, _decimals(value) + 2)))
    widget.value = value
    return widget


def _decimals(value: float) -> int:
    text = f"{value:.10f}".rstrip("0")
    return len(text.partition(".")[2])


def _without_annotated(annotation: Any, bounds: list[Any]) -> tuple[Any, list[Any]]:
    while get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        for extra in more:
            bounds = [*bounds, *(extra.metadata if isinstance(extra, FieldInfo) else [extra])]
    return annotation, bounds


def _inner(info: FieldInfo) -> list[type[Configuration]]:
    """The configuration classes, one of which a field holds; none for a plain field."""
    annotation, _ = _without_annotated(info.annotation, [])
    kinds = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Configuration)]


def _fixed(info: FieldInfo) -> bool:
    """Whether a field can have one value only, such as the name of its kind."""
    return get_origin(info.annotation) is Literal and len(get_args(info.annotation)) == 1


def _read(field: Any) -> Any:
    if isinstance(field, Form | Choice):
        return field.value()
    if isinstance(field, Numbers):
        return [part.strip() for part in str(field.value).split(",") if part.strip()]
    if isinstance(field, Optional):
        return _read(field.inner) if field.own.value else None
    if isinstance(field, Pair):
        return tuple(_read(part) for part in field)
    return field.value


def _write(field: Any, value: Any) -> None:
    if isinstance(field, Form | Choice):
        field.fill(value)
    elif isinstance(field, Numbers):
        field.value = ", ".join(str(one) for one in value)
    elif isinstance(field, Optional):
        field.own.value = value is not None
        if value is not None:
            _write(field.inner, value)
    elif isinstance(field, Pair):
        for part, one in zip(field, value, strict=True):
            _write(part, one)
    else:
        try:
            field.value = value
        except ValueError as error:
            raise StmError(f"{field.label}: {error}") from None
