"""The manifest and the shipped files are in whatever is built."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from npe2 import PluginManifest

ROOT = Path(__file__).resolve().parents[1]


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
    assert {"napari.yaml", "hatch_build.py", "pyproject.toml", "LICENSE", "src/napari_stm_impurities/py.typed"} <= names


def test_this_installation_registers_the_plugin():
    manifest = PluginManifest.from_distribution("napari-stm-impurities")
    assert manifest.display_name == "STM impurities"
