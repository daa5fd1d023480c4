"""The documentation's examples run, its links lead somewhere, and nothing public is left out."""

from __future__ import annotations

import doctest
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

import napari_stm_impurities as stm
from napari_stm_impurities import cli
from napari_stm_impurities.data.points import KNOWN_COLUMNS
from napari_stm_impurities.io.readers.recording import Assumption

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
TUTORIAL = [path for path in PAGES if path.parent.name == "tutorial"]
PROGRAM = "stm-impurities"


def name_of(path: Path) -> str:
    return str(path.relative_to(DOCS))


def blocks(path: Path) -> Iterator[tuple[str, str]]:
    """The fenced blocks of a page: language and text."""
    yield from re.findall(r"^```(\w+)\n(.*?)^```", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def command_lines(text: str) -> list[str]:
    """The lines of a shell block, without remarks."""
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def run_python(text: str, where: str, names: dict[str, Any]) -> None:
    if not text.startswith(">>>"):
        exec(compile(text, where, "exec"), names)
        return
    examples = doctest.DocTestParser().get_doctest(text, names, where, where, 0)
    result = doctest.DocTestRunner().run(examples, clear_globs=False)
    assert not result.failed
    names.update(examples.globs)


def runs_of(path: Path) -> list[tuple[str, str]]:
    """What a test runs of a page: Python everywhere, the command in the tutorial."""
    return [(kind, text) for kind, text in blocks(path) if kind == "python" or (kind == "sh" and path in TUTORIAL)]


@pytest.mark.parametrize("path", [page for page in PAGES if runs_of(page)], ids=name_of)
def test_every_example_runs(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__docs__"}
    for number, (kind, text) in enumerate(runs_of(path), 1):
        if kind == "python":
            run_python(text, f"{name_of(path)}, block {number}", names)
            continue
        for line in command_lines(text):
            program, *words = shlex.split(line)
            assert program == PROGRAM, f"{name_of(path)}: this line is run by no test: {line}"
            assert cli.run(words) == 0, f"{line}\n{capsys.readouterr().err}"


def test_the_tutorial_has_its_five_parts():
    assert [path.name[:2] for path in TUTORIAL] == ["1-", "2-", "3-", "4-", "5-"]


@pytest.mark.parametrize("name", sorted(set(dir(stm)) - {"__version__"}))
def test_every_public_name_is_in_the_reference(name):
    reference = (DOCS / "reference.md").read_text(encoding="utf-8")
    assert re.search(rf"^\.\. auto\w+:: napari_stm_impurities\.{name}(\(\))?$", reference, flags=re.MULTILINE)


@pytest.mark.parametrize("column", KNOWN_COLUMNS, ids=lambda column: column.name)
def test_every_known_column_is_in_the_table_of_columns(column):
    row = f"| `{column.name}` | {column.kind} | {column.unit} | {column.text} |"
    assert row in (DOCS / "formats.md").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("about", get_args(get_type_hints(Assumption)["about"]))
def test_every_kind_of_assumption_is_in_the_table_of_assumptions(about):
    assert f"\n| `{about}` |" in (DOCS / "formats.md").read_text(encoding="utf-8")


def test_the_model_card_says_what_the_shipped_file_contains():
    config = stm.load_model("default", device="cpu").config
    contents = {
        "structure output": config.network.structure,
        "regression of the second pass": config.calibration.second_pass is not None,
        "attention": config.network.attention,
        "sub-pixel offsets": config.network.offsets,
        "test-time augmentation": config.inputs.both_ways,
        "threshold": config.calibration.threshold,
    }
    words = {True: "yes", False: "no"}
    rows = [f"| {part} | {words[value] if isinstance(value, bool) else value} |" for part, value in contents.items()]
    assert "\n".join(rows) in (DOCS / "model-card.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", sorted(cli.COMMANDS))
def test_every_command_is_in_the_tutorial(command):
    text = (DOCS / "tutorial" / "4-command-line.md").read_text(encoding="utf-8")
    assert f"`{command} " in text
