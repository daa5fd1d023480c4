"""Command-line options made from a configuration, so that no default, bound or description stands twice."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import GenericAlias, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import typer

from ..core.configuration import Configuration
from ..core.errors import StmError

Command = TypeVar("Command", bound=Callable[..., Any])

#: The kinds of value that one option can hold.
_PLAIN = (bool, int, float, str)


def options_of(*models: type[Configuration]) -> Callable[[Command], Command]:
    """Give a command one option for each plain field of a configuration, or of several.

    The command takes them as ``**values``; an option that was not given is ``None`` there, and
    :func:`given` leaves it out, so that the configuration's own default, or a preset's value, holds.
    Fields that hold more than a number, a word, yes or no, or a pair of those have no option.
    """

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        taken = {p.name for p in own}
        made = [_option(model, name) for model in models for name in model.model_fields if name not in taken]
        command.__signature__ = signature.replace(parameters=[*own, *(p for p in made if p)])  # type: ignore[attr-defined]  # a function takes any attribute
        return command

    return decorate


def given(values: dict[str, Any]) -> dict[str, Any]:
    """The options that the person gave."""
    return {name: value for name, value in values.items() if value is not None}


def refuse_settings(values: dict[str, Any], why: str) -> None:
    """Refuse the options of a configuration where it is kept as it was.

    Raises
    ------
    StmError
        Naming the first option that was given.
    """
    for name in given(values):
        raise StmError(f"{why}; leave out --{name.replace('_', '-')}")


def _option(model: type[Configuration], name: str) -> inspect.Parameter | None:
    field = model.model_fields[name]
    kind = _plain_type(field.annotation)
    if kind is None:
        return None
    low, high = (next((getattr(m, key) for m in field.metadata if hasattr(m, key)), None) for key in ("ge", "le"))
    if kind not in (int, float):
        low = high = None
    text = field.description or ""
    default = "" if field.is_required() else f" [default: {_shown(field.default)}]"
    option = typer.Option(help=f"{text}{default}", show_default=False, min=low, max=high)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(_shown(part) for part in value)
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _plain_type(annotation: Any) -> Any:
    """The type for typer, or None where one option cannot hold the value."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        annotation = kinds[0] if len(kinds) == 1 else None
    if get_origin(annotation) is Literal:
        return str
    if get_origin(annotation) is tuple:
        parts = tuple(_plain_type(part) for part in get_args(annotation))
        return GenericAlias(tuple, parts) if all(part in _PLAIN for part in parts) else None
    return annotation if annotation in _PLAIN else None
