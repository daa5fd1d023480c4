"""The script behind the README's two commands, as far as it can be tried without making an environment."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def script(monkeypatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("run", ROOT / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module.platform, "system", lambda: "Linux")
    monkeypatch.setattr(module.shutil, "which", lambda name: f"/usr/bin/{name}")
    return module


@pytest.fixture
def commands(script, monkeypatch) -> list[list[str]]:
    """What the script would run."""
    called: list[list[str]] = []
    monkeypatch.setattr(script, "call", lambda command: called.append([str(part) for part in command]) or 0)
    return called


def test_without_a_job_it_says_what_there_is():
    done = subprocess.run([sys.executable, ROOT / "run.py", "dmeo"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "run.py demo" in done.stdout


def test_an_old_python_is_told(script, monkeypatch):
    monkeypatch.setattr(script.sys, "argv", ["run.py", "demo"])
    monkeypatch.setattr(script.sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit, match=r"3\.11, 3\.12 or 3\.13 is needed"):
        script.main()


def test_root_installs_only_what_is_missing(script, commands, monkeypatch):
    monkeypatch.setattr(script, "is_installed", lambda name: name != "xvfb")
    monkeypatch.setattr(script.os, "geteuid", lambda: 0)
    script.provide_screen()
    assert [command[0] for command in commands] == ["apt-get", "env"]
    assert commands[1][-1] == "xvfb"
    assert "libegl1" not in commands[1]


def test_who_may_not_install_is_told_what_to_install(script, commands, monkeypatch):
    monkeypatch.setattr(script, "is_installed", lambda name: name not in ("xvfb", "libegl1"))
    monkeypatch.setattr(script.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(script.shutil, "which", lambda name: None if name == "sudo" else f"/usr/bin/{name}")
    with pytest.raises(SystemExit, match="apt-get install libegl1 xvfb"):
        script.provide_screen()
    assert commands == []


def test_nothing_is_installed_where_all_is_there(script, commands, monkeypatch):
    monkeypatch.setattr(script, "is_installed", lambda name: True)
    script.provide_screen()
    assert commands == []


def test_the_environment_is_made_once_and_again_after_a_change(script, commands, monkeypatch, tmp_path):
    for name in ("pyproject.toml", "constraints.txt", "hatch_build.py"):
        (tmp_path / name).write_text(name)
    (tmp_path / ".venv").mkdir()
    monkeypatch.setattr(script, "ROOT", tmp_path)
    monkeypatch.setattr(script, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(script, "cpu_torch_index", list)
    script.make_environment()
    assert commands[0][1:3] == ["-m", "venv"]
    assert commands[1][-4:] == ["--constraint", "constraints.txt", "--editable", ".[all,test,lint,docs]"]
    script.make_environment()
    assert len(commands) == 2
    (tmp_path / "constraints.txt").write_text("torch==2.13.1")
    script.make_environment()
    assert len(commands) == 4


def test_a_failing_step_ends_it(script, monkeypatch):
    monkeypatch.setattr(script, "call", lambda command: 3)
    with pytest.raises(SystemExit, match="exit 3"):
        script.must(["false"])
