"""The base class of configurations: frozen values with bounds, and a line of text under each field."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from .arguments import value_text
from .errors import StmError


class Configuration(BaseModel):
    """A frozen value with bounds: no unknown field, no change after it is made.

    The line under each field states its meaning, its unit and its source; the widgets and the
    command line show that same line, and take their defaults and bounds from the field.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)

    def __init__(self, **values: Any) -> None:
        """Make the configuration; bad values raise an error of one line.

        Raises
        ------
        StmError
            Naming the field, the value that came and the bound it broke.
        """
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise StmError(one_line(type(self).__name__, error)) from None

    @classmethod
    def of(cls, **values: Any) -> Self:
        """The configuration of values whose types are only known at run time; raises as the class does."""
        return cls(**values)


def one_line(what: str, error: ValidationError) -> str:
    """The first error of pydantic as one line, and how many more there are."""
    first, *rest = error.errors()
    field = ".".join(str(part) for part in first["loc"])
    # an error of the whole configuration names no field, and its message contains the value
    got = f", got {value_text(first['input'])}" if field and first["type"] != "missing" else ""
    more = f" (and {len(rest)} more)" if rest else ""
    message = first["msg"].removeprefix("Value error, ")
    return ": ".join(part for part in (what, field, f"{message}{got}{more}") if part)
