"""One field of a configuration as a widget: its kind, bounds, default, label with the unit, and tooltip.

Nothing is written here that the field says itself.
"""

from __future__ import annotations

import math
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from magicgui.types import FileDialogMode
from magicgui.widgets import CheckBox, ComboBox, Container, FileEdit, FloatSpinBox, LineEdit, SpinBox
from pydantic.fields import FieldInfo
from qtpy.QtWidgets import QAbstractSpinBox

from ...core.errors import StmError

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


def tick_box(value: bool, label: str = "", tooltip: str = "") -> CheckBox:
    """A box to tick whose label stands before it, like that of every other field, and not a second time behind it."""
    box = CheckBox(value=value, text=" ", tooltip=tooltip)
    box.label = label
    return box


def file_box(label: str, tooltip: str, suffix: str, *, new: bool) -> FileEdit:
    """A box for the path of a file: one that is there, or a `new` one."""
    mode = FileDialogMode.OPTIONAL_FILE if new else FileDialogMode.EXISTING_FILE
    return FileEdit(mode=mode, filter=f"*{suffix}", label=label, tooltip=tooltip)


def path_in(box: FileEdit, suffix: str) -> Path | None:
    """The path in a box, with the suffix that it must have; None where the box is empty."""
    value = box.value
    if not isinstance(value, Path) or value == Path():  # an empty box gives the folder "."
        return None
    return value if value.suffix == suffix else value.with_name(value.name + suffix)


def _widget(annotation: Any, bounds: list[Any], default: Any) -> Any:
    annotation, bounds = without_annotated(annotation, bounds)
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType) and type(None) in args:
        rest = [arg for arg in args if arg is not type(None)]
        if len(rest) == 1:
            return Optional(_widget(rest[0], bounds, default), default)
    if origin in (Union, types.UnionType):
        return ComboBox(choices=_choices(args), value=default)
    if origin is Literal:
        return ComboBox(choices=list(args), value=default)
    if annotation is bool:
        return tick_box(bool(default))
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


def _choices(kinds: Sequence[Any]) -> list[Any]:
    """What a field of words and bounded whole numbers can be, such as "auto" or 1 to 6."""
    choices: list[Any] = []
    for kind in kinds:
        bare, bounds = without_annotated(kind, [])
        if get_origin(bare) is Literal:
            choices += get_args(bare)
        else:
            low = next(bound.ge for bound in bounds if hasattr(bound, "ge"))
            high = next(bound.le for bound in bounds if hasattr(bound, "le"))
            choices += range(low, high + 1)
    return choices


def _number(kind: type[Any], bounds: list[Any], default: Any, far: float) -> Any:
    # a bound that itself is excluded (gt, lt) is left to the configuration, which says so in one line
    lows, highs = (
        [getattr(bound, name) for bound in bounds for name in names if getattr(bound, name, None) is not None]
        for names in (("ge", "gt"), ("le", "lt"))
    )
    low, high = max([-far, *lows]), min([far, *highs])
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


def without_annotated(annotation: Any, bounds: list[Any]) -> tuple[Any, list[Any]]:
    """The bare type inside ``Annotated``, and `bounds` with those that stood there."""
    while get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        for extra in more:
            bounds = [*bounds, *(extra.metadata if isinstance(extra, FieldInfo) else [extra])]
    return annotation, bounds


def read(field: Any) -> Any:
    """The value in a field's widget."""
    if isinstance(field, Numbers):
        return [part.strip() for part in str(field.value).split(",") if part.strip()]
    if isinstance(field, Optional):
        return read(field.inner) if field.own.value else None
    if isinstance(field, Pair):
        return tuple(read(part) for part in field)
    return field.value


def write(field: Any, value: Any) -> None:
    """Show a value in a field's widget.

    Raises
    ------
    StmError
        If the field's bounds do not allow it.
    """
    if isinstance(field, Numbers):
        field.value = ", ".join(str(one) for one in value)
    elif isinstance(field, Optional):
        field.own.value = value is not None
        if value is not None:
            write(field.inner, value)
    elif isinstance(field, Pair):
        for part, one in zip(field, value, strict=True):
            write(part, one)
    else:
        try:
            field.value = value
        except ValueError as error:
            raise StmError(f"{field.label}: {error}") from None
