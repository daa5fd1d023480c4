"""Command-line options made from a configuration, so that defaults, bounds and descriptions are defined once."""

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
_SIMPLE_TYPES = (bool, int, float, str)


def options_of(*models: type[Configuration]) -> Callable[[Command], Command]:
    """A decorator that adds one option for each simple field of the configurations to a command.

    The command takes them as ``**values``; an option that was not set is ``None`` there, and
    :func:`set_options` leaves it out, so that the configuration's own default, or a preset's value, holds.
    Fields that hold more than a number, a text, a flag, or a tuple of those have no option.
    """

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        own_parameters = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        own_names = {p.name for p in own_parameters}
        options = [_option(model, name) for model in models for name in model.model_fields if name not in own_names]
        command.__signature__ = signature.replace(parameters=[*own_parameters, *(p for p in options if p)])  # type: ignore[attr-defined]  # a function takes any attribute
        return command

    return decorate


def set_options(values: dict[str, Any]) -> dict[str, Any]:
    """The options that the user set."""
    return {name: value for name, value in values.items() if value is not None}


def refuse_settings(values: dict[str, Any], why: str) -> None:
    """Raise an error where an option of a fixed configuration was set.

    Raises
    ------
    StmError
        With the first option that was set.
    """
    for name in set_options(values):
        raise StmError(f"{why}; leave out --{name.replace('_', '-')}")


def _option(model: type[Configuration], name: str) -> inspect.Parameter | None:
    field = model.model_fields[name]
    kind = _option_type(field.annotation)
    if kind is None:
        return None
    low, high = (next((getattr(m, key) for m in field.metadata if hasattr(m, key)), None) for key in ("ge", "le"))
    if kind not in (int, float):
        low = high = None
    text = field.description or ""
    default = "" if field.is_required() else f" [default: {_as_text(field.default)}]"
    option = typer.Option(help=f"{text}{default}", show_default=False, min=low, max=high)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _as_text(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(_as_text(part) for part in value)
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _option_type(annotation: Any) -> Any:
    """The type for typer, or None where one option cannot hold the value."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        annotation = kinds[0] if len(kinds) == 1 else None
    if get_origin(annotation) is Literal:
        return str
    if get_origin(annotation) is tuple:
        parts = tuple(_option_type(part) for part in get_args(annotation))
        return GenericAlias(tuple, parts) if all(part in _SIMPLE_TYPES for part in parts) else None
    return annotation if annotation in _SIMPLE_TYPES else None
