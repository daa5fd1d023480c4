"""The manifest and the shipped files are in whatever is built."""

from __future__ import annotations

import ast
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from npe2 import PluginManifest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "napari_stm_impurities"

#: What xarray and matplotlib load by name, or what reads nothing but the manifest: no module imports them.
BY_NAME = {"h5netcdf", "zarr"}
OF_THE_MANIFEST = {"npe2"}


def dependencies() -> list[str]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]


def core_requirements() -> list[str]:
    lines = (ROOT / "requirements-core.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


def distributions_imported(paths: list[Path]) -> set[str]:
    """The distributions whose modules these files import, anywhere in them."""
    modules = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules.add(str(node.module).partition(".")[0])
    known = metadata.packages_distributions()
    return {name.lower().replace("_", "-") for module in modules for name in known.get(module, [])}


def named(requirements: list[str]) -> set[str]:
    return {Requirement(one).name.lower().replace("_", "-") for one in requirements}


def test_what_is_imported_is_a_dependency_and_the_other_way_round():
    imported = distributions_imported(sorted(PACKAGE.rglob("*.py"))) - {"napari-stm-impurities"}
    assert named(dependencies()) == imported | BY_NAME | OF_THE_MANIFEST


def test_without_napari_the_same_is_needed_but_for_the_plugin():
    core = [path for path in sorted(PACKAGE.rglob("*.py")) if "plugin" not in path.relative_to(PACKAGE).parts]
    imported = distributions_imported(core) - {"napari-stm-impurities"}
    assert named(core_requirements()) == imported | BY_NAME
    assert [one for one in dependencies() if named([one]) <= named(core_requirements())] == core_requirements()


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The sdist, and the wheel made from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return folder


def test_the_wheel_registers_the_plugin(built):
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        assert names.count("napari_stm_impurities/napari.yaml") == 1
        assert names.count("napari_stm_impurities/py.typed") == 1
        assert names.count("napari_stm_impurities/requirements-core.txt") == 1
        assert names.count("napari_stm_impurities/impurities/weights/default.safetensors") == 1
        (points,) = [name for name in names if name.endswith("entry_points.txt")]
        text = wheel.read(points).decode()
    assert "[napari.manifest]\nnapari-stm-impurities = napari_stm_impurities:napari.yaml" in text
    assert "stm-impurities = napari_stm_impurities.cli:main" in text


def test_the_wheel_carries_the_default_model(built):
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        sizes = {i.filename: i.file_size for i in wheel.infolist() if i.filename.endswith(".safetensors")}
    assert sizes
    assert all(size < 5_000_000 for size in sizes.values())


def test_the_source_distribution_can_build_the_wheel(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as source:
        names = {name.split("/", 1)[1] for name in source.getnames() if "/" in name}
    files = {"napari.yaml", "hatch_build.py", "pyproject.toml", "requirements-core.txt", "LICENSE"}
    assert files | {"src/napari_stm_impurities/py.typed"} <= names


def test_this_installation_registers_the_plugin():
    manifest = PluginManifest.from_distribution("napari-stm-impurities")
    assert manifest.display_name == "STM impurities"
