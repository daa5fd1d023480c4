"""The command as the shell sees it: exit codes, and Ctrl-C."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from napari_stm_impurities.cli import run


def test_the_installed_command_ends_with_its_exit_code(tmp_path):
    command = shutil.which("stm-impurities", path=str(Path(sys.executable).parent))
    done = subprocess.run([command, "info", "nowhere.3ds"], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: nowhere.3ds: no such file\n"


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is another thing on Windows")
def test_ctrl_c_stops_a_training_that_can_be_resumed(tmp_path):
    small = [
        "--preset",
        "wang2020",
        "--epochs",
        "500",
        "--steps-per-epoch",
        "2",
        "--batch-size",
        "2",
        "--device",
        "cpu",
    ]
    command = [sys.executable, "-m", "napari_stm_impurities.cli", "train", "-o", "mine.safetensors", *small]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("epoch 1: loss ")  # so a checkpoint stands
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=90)
    assert process.returncode == 130
    assert "--resume continues" in said
    assert "Traceback" not in errors
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.checkpoint.safetensors", "mine.safetensors"]


def test_a_resumed_training_keeps_its_settings(tmp_path, only_error):
    assert run(["train", "-o", str(tmp_path / "mine.safetensors"), "--resume", "--epochs", "3"]) == 2
    assert "--epochs" in only_error()
    assert run(["train", "-o", str(tmp_path / "mine.safetensors"), "--resume"]) == 2
    assert "checkpoint" in only_error()
