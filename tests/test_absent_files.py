"""Tests of real files that are not here: skipped on a person's machine, and failed in CI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
REAL = ("STM_TEST_DATA", TESTS / "io" / "readers" / "test_real_files.py", "test_the_real_grid")
CASES = ("STM_TEST_CASES", TESTS / "test_cases_series.py", "test_images_of_two_frames_are_no_stack")


@pytest.mark.parametrize(
    ("needed", "ci", "status"), [(REAL, "", 0), (REAL, "true", 1), (CASES, "", 0), (CASES, "true", 1)]
)
def test_absent_files_fail_a_test_in_ci_alone(tmp_path, needed, ci, status):
    variable, file, name = needed
    environment = {**os.environ, "CI": ci, variable: str(tmp_path / "absent")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"{file}::{name}"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == status
    assert f"set {variable} to their folder" in ended.stdout
    assert ("1 failed" if ci else "1 skipped") in ended.stdout.replace("error", "failed")
