"""Every command says what it does, with an example, and a slip gets one line."""

from __future__ import annotations

import inspect
import re

import pytest

import napari_stm_impurities as stm
from napari_stm_impurities.cli import COMMANDS, run


def test_the_commands_are_those_of_the_contract():
    contract = {"info", "convert", "simulate", "train", "find", "reference", "compare", "demo"}
    assert set(COMMANDS) == contract | {"adapt", "kernels", "statistics", "report", "rerun"}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_an_example(command, capsys):
    assert run([command, "--help"]) == 0
    said = capsys.readouterr().out
    assert re.search(rf"Examples?: stm-impurities {command} ", said)


def test_nothing_at_all_shows_the_help(capsys):
    assert run([]) == 0
    assert "Commands:" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["fnid"], ["find", "--colour"], ["find", "a.3ds"], ["find", "a", "-o", "b", "--threshold", "2"]]
)
def test_a_slip_in_the_command_line_is_one_line(words, only_error):
    assert run(words) == 2
    assert only_error().startswith("error: ")


def test_the_matching_radius_in_the_help_is_the_one_that_holds(capsys):
    run(["compare", "--help"])
    default = inspect.signature(stm.compare).parameters["tolerance_nm"].default
    assert f"[default: {default:g}," in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("words", "help_of"),
    [(["find", "a.nc"], " find --help"), (["find", "--speed"], " find --help"), (["serach"], " --help")],
)
def test_a_wrong_command_line_names_the_help_that_tells_more(words, help_of, capsys):
    assert run(words) == 2
    assert f"(see stm-impurities{help_of})" in capsys.readouterr().err
