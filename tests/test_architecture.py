"""The rules of docs/architecture.md that a machine can check, module by module, local imports included."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import napari_stm_impurities

PACKAGE = Path(napari_stm_impurities.__file__).parent
NAME = "napari_stm_impurities"
VIEWER = {"napari", "qtpy", "PyQt5", "PyQt6", "PySide2", "PySide6", "superqt", "magicgui", "vispy"}

#: Imports run from a later line to an earlier one, or within a line as long as there is no circle.
FLOORS = [
    {"core"},
    {"data"},
    {"prepare", "physics"},
    {"io", "qpi", "spots", "nn"},
    {"simulation", "analysis", "plots", "kernels"},
    {"impurities"},
    {"workflow"},
    {"cli", "plugin"},
]
#: What one floor holds side by side without one knowing the other.
STRANGERS = [{"cli", "plugin"}, {"prepare", "physics"}, {"impurities", "atoms", "molecules"}]

#: A longer module holds more than one idea.
LONGEST_MODULE_LINES = 400


@cache
def modules() -> dict[str, Path]:
    """Every module by its name within the package."""
    named = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        named[".".join(parts)] = path
    return named


def package_of(module: str) -> str:
    return module.split(".")[0]


@cache
def imported(module: str) -> frozenset[str]:
    """The full names that a module imports, anywhere in it, but for those that only types need."""
    path = modules()[module]
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


@cache
def used_by(module: str) -> frozenset[str]:
    """The modules of the package that a module imports: the module that holds a name, or the name where it is one."""
    used = set()
    for name in imported(module):
        if name != NAME and not name.startswith(f"{NAME}."):
            continue
        own = name.removeprefix(NAME).removeprefix(".")
        used.add(own if own in modules() else own.rpartition(".")[0])
    return frozenset(used - {module, ""})


def python(code: str) -> str:
    """Run code in a fresh interpreter and return what it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_module_lies_loose_at_the_root():
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py"}


def test_every_package_stands_on_a_floor():
    assert {package_of(module) for module in modules() if module} == set().union(*FLOORS)


def test_the_architecture_page_lists_the_packages_in_the_order_of_imports():
    page = Path(__file__).resolve().parents[1] / "docs" / "architecture.md"
    table = page.read_text(encoding="utf-8").partition("| packages |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    assert [set(re.findall(r"`(\w+)`", row)) for row in rows] == FLOORS


def test_only_the_plugin_knows_the_viewer():
    others = [module for module in modules() if package_of(module) != "plugin"]
    assert not [module for module in others if {name.split(".")[0] for name in imported(module)} & VIEWER]


def test_everything_but_the_plugin_works_without_napari_and_qt():
    names = [f"{NAME}.{module}".rstrip(".") for module in modules() if package_of(module) != "plugin"]
    python(
        f"import sys; sys.modules.update(dict.fromkeys({sorted(VIEWER)}))\n"
        f"from importlib import import_module\nfor name in {names}: import_module(name)"
    )


def test_imports_run_one_way():
    floor = {name: level for level, names in enumerate(FLOORS) for name in names}
    wrong = []
    for module in filter(None, modules()):
        own = package_of(module)
        for other in map(package_of, used_by(module)):
            strangers = other != own and any({own, other} <= pair for pair in STRANGERS)
            if floor[other] > floor[own] or strangers:
                wrong.append(f"{module} imports {other}")
    assert not wrong


def test_there_is_no_circle_of_modules():
    try:
        TopologicalSorter({module: used_by(module) for module in modules()}).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_no_module_is_long():
    lines = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in modules().items()}
    assert not {module: n for module, n in lines.items() if n > LONGEST_MODULE_LINES}


def test_detection_needs_neither_simulation_nor_training():
    todo, seen = ["impurities.detect", "impurities.explain"], set()
    while todo:
        here = todo.pop()
        seen.add(here)
        todo += used_by(here) - seen
    assert not {module for module in seen if package_of(module) == "simulation" or "training" in module}


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


def test_every_public_name_can_be_imported():
    for name in napari_stm_impurities.__all__:
        assert getattr(napari_stm_impurities, name) is not None
    with pytest.raises(AttributeError, match="imaginary"):
        napari_stm_impurities.imaginary  # noqa: B018  # reading the attribute is the test


@pytest.mark.parametrize("module", ["analysis.comparison", "impurities.detect", "spots", "workflow.rerun"])
def test_no_module_hides_a_public_function(module):
    python(f"import {NAME}.{module}\nimport {NAME} as stm\nassert all(callable(getattr(stm, n)) for n in stm.__all__)")
