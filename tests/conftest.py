"""What many tests share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings

# a busy machine is no failure; a test that is slow by itself is seen in the list of durations
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")

# Work as small as a test's gains nothing from a second thread, and loses much where the cores are busy. Read
# when torch is loaded, here and in the processes that a test starts.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]


def absent(message: str) -> NoReturn:
    """End a test whose real files are not here: where CI is set it fails, since a skipped test shows nothing."""
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real, openly licensed microscope files; it is not part of the repository."""
    folder = Path(os.environ.get("STM_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        absent(f"the real microscope files are not here ({folder}); set STM_TEST_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def cases() -> Path:
    """The folder of small files that were once read wrongly, with what is right; it is not part of the repository."""
    folder = Path(os.environ.get("STM_TEST_CASES", ROOT.parent / "shared" / "cases"))
    if not folder.is_dir():
        absent(f"the cases are not here ({folder}); set STM_TEST_CASES to their folder")
    return folder
