"""Options come from a configuration, with its words and bounds, and nothing is set that was not given."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
import typer
from pydantic import Field

from napari_stm_impurities.cli.options import options_of, set_options
from napari_stm_impurities.core.configuration import Configuration


class Inner(Configuration):
    depth: int = 1


class Ripple(Configuration):
    noise_std: float = Field(default=0.8, ge=0, le=2)
    """Width of the noise."""
    side_px: Annotated[int, Field(ge=8)] = 20
    """Side in pixels."""
    sign: Literal["bright", "dark"] = "bright"
    """What to look for."""
    span: tuple[float, float] = (0.5, 1.5)
    """From low to high."""
    tiles: int | None = None
    """How many tiles."""
    inner: Inner = Inner()
    """More than one option can hold."""


def run(words: list[str]) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    @options_of(Ripple)
    def command(side_px: Annotated[int, typer.Option()] = 99, **values: Any) -> None:
        seen.update(set_options(values), side_px=side_px)

    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command()(command)
    app(words, standalone_mode=False)
    return seen


def test_only_what_was_given_arrives():
    assert run([]) == {"side_px": 99}
    words = ["--noise-std", "1.5", "--sign", "dark", "--span", "0", "2", "--tiles", "4"]
    assert run(words) == {"side_px": 99, "noise_std": 1.5, "sign": "dark", "span": (0.0, 2.0), "tiles": 4}


def test_the_command_s_own_option_wins_over_the_field():
    assert run(["--side-px", "3"]) == {"side_px": 3}


@pytest.mark.parametrize("words", [["--noise-std", "3"], ["--noise-std", "wide"], ["--inner", "1"]])
def test_the_bounds_hold_and_a_nested_configuration_has_no_option(words):
    with pytest.raises(typer.TyperException):
        run(words)


def test_the_help_has_the_words_and_the_default_of_the_field(capsys):
    run(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "Width of the noise. [default: 0.8]" in said
    assert "From low to high. [default: 0.5 1.5]" in said
    assert "How many tiles. [default: none]" in said
