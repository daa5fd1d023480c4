"""The rules of docs/architecture.md that a machine can check: which room may know which."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import napari_stm_impurities

PACKAGE = Path(napari_stm_impurities.__file__).parent
NAME = "napari_stm_impurities"
VIEWER = {"napari", "qtpy", "PyQt5", "PyQt6", "PySide2", "PySide6", "superqt", "magicgui", "vispy"}

#: Arrows run from a later line to an earlier one, or within a line as long as there is no circle.
FLOORS = [
    {"errors", "progress", "files", "configuration"},
    {"stacks", "points", "geometry", "measured_area", "plain_tables", "imagej"},
    {"physics", "prepare", "readers", "writers"},
    {"network", "simulation"},
    {"find", "training", "reference", "comparison", "merging", "edits", "statistics", "figures", "graphs"},
    {"batch", "demo", "provenance", "rerun", "report", "report_page"},
    {"plugin", "cli"},
]


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    """The first part of the path inside the package: a folder's name, or a module's."""
    first = path.relative_to(PACKAGE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


@cache
def imported(path: Path) -> frozenset[str]:
    """The full names of all modules that a module imports, anywhere in it, but for those that only types need."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = (NAME, *path.relative_to(PACKAGE).parts[:-1])
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            node.body = []
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1]] if node.level else []
            base += [node.module] if node.module else []
            names |= {".".join([*base, alias.name]) for alias in node.names}
    return frozenset(names)


def rooms_used_by(path: Path) -> set[str]:
    own = {name.split(".")[1] for name in imported(path) if name.startswith(f"{NAME}.")}
    return own - {room(path)}


def python(code: str) -> str:
    """Run code in a fresh interpreter and give what it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_plugin_knows_the_viewer(path):
    if room(path) != "plugin":
        assert not {name.split(".")[0] for name in imported(path)} & VIEWER


def test_everything_but_the_plugin_works_without_napari_and_qt():
    names = [
        ".".join([NAME, *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")
        for path in modules()
        if room(path) != "plugin"
    ]
    python(
        f"import sys; sys.modules.update(dict.fromkeys({sorted(VIEWER)}))\n"
        f"from importlib import import_module\nfor name in {names}: import_module(name)"
    )


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_arrows_run_one_way(path):
    floor = {name: level for level, names in enumerate(FLOORS) for name in names}
    if room(path):
        upward = {name for name in rooms_used_by(path) if floor[name] > floor[room(path)]}
        assert not upward


def test_there_is_no_circle():
    graph: dict[str, set[str]] = {}
    for path in modules():
        if room(path):
            graph.setdefault(room(path), set()).update(rooms_used_by(path))
    TopologicalSorter(graph).prepare()


def test_finding_needs_neither_simulation_nor_training():
    todo, seen = ["find"], set()
    while todo:
        seen.add(here := todo.pop())
        used = set().union(*(rooms_used_by(path) for path in modules() if room(path) == here))
        todo += used - seen
    assert not seen & {"simulation", "training"}


@pytest.mark.parametrize(
    "code",
    [
        f"import {NAME}",
        f"import {NAME} as stm; stm.make_stack; stm.compare; stm.StmError",
        f"from {NAME}.cli import run; run(['--help'])",
    ],
)
def test_no_torch_before_it_is_needed(code):
    assert python(f"{code}\nimport sys; print('torch' in sys.modules)").endswith("False\n")


def test_every_public_name_is_there_and_typed():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    typed = {
        alias.name: f".{node.module}"
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == napari_stm_impurities._HOME
    for name in dir(napari_stm_impurities):
        assert getattr(napari_stm_impurities, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'imaginary'"):
        napari_stm_impurities.imaginary  # noqa: B018  # reading the attribute is the test


@pytest.mark.parametrize("order", [f"import {NAME}.comparison", f"import {NAME}.find", f"import {NAME}.reference"])
def test_a_public_function_is_not_hidden_by_a_module(order):
    python(f"{order}\nimport {NAME} as stm\nassert all(callable(getattr(stm, n)) for n in stm._HOME)")
