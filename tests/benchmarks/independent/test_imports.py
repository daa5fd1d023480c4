"""The second generator shares no code with the package."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "benchmarks" / "independent"
ROOT = FOLDER.parents[1]
MODULES = sorted(FOLDER.glob("*.py"))
ALLOWED = {"__future__", "collections", "dataclasses", "itertools", "typing", "numpy", "pandas", "scipy"}


def imports(path: Path) -> set[str]:
    """Every name that a module imports from outside its own folder."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 1
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_only_the_last_step_uses_the_package(path: Path) -> None:
    foreign = {name for name in imports(path) if name.split(".")[0] not in ALLOWED}

    assert foreign == ({"napari_stm_impurities.make_stack"} if path.name == "surface.py" else set())
    assert "import_module" not in path.read_text(encoding="utf-8")


def test_no_training_uses_it() -> None:
    for path in (ROOT / "src").rglob("*.py"):
        assert "benchmarks" not in " ".join(imports_anywhere(path))


def imports_anywhere(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)}
