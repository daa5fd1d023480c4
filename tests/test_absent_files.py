"""Tests of real files that are not here: skipped on a person's machine, and failed in CI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TEST = Path(__file__).parent / "io" / "readers" / "test_real_files.py"


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_absent_files_fail_a_test_in_ci_alone(tmp_path, ci, status):
    environment = {**os.environ, "CI": ci, "STM_TEST_DATA": str(tmp_path / "absent")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"{TEST}::test_the_real_grid"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == status
    assert "set STM_TEST_DATA to their folder" in ended.stdout
    assert ("1 failed" if ci else "1 skipped") in ended.stdout.replace("error", "failed")
