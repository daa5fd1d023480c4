"""What the README promises runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from napari_stm_impurities.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_five_lines_run():
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len([line for line in code.splitlines() if line]) == 5
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"recall 0\.\d+|recall 1\.000", done.stdout.split(",")[0])


@pytest.mark.parametrize("link", re.findall(r"\]\((?!https?://)([^)]+)\)", README))
def test_every_file_that_it_names_is_there(link):
    assert (ROOT / link).is_file()


@pytest.mark.parametrize("command", re.findall(r"stm-impurities (\w+) ", README))
def test_every_command_that_it_names_is_there(command):
    assert command in COMMANDS


def test_the_two_commands_are_the_two_jobs_of_run_py():
    help_text = subprocess.run(
        [sys.executable, ROOT / "run.py", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for command in re.findall(r"^python3 run\.py \w+", README, flags=re.MULTILINE):
        assert command in help_text
