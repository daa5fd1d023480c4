"""What many tests share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Work as small as a test's gains nothing from a second thread, and loses much where the cores are busy."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real, openly licensed microscope files; it is not part of the repository."""
    folder = Path(os.environ.get("STM_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the real microscope files are not here ({folder}); set STM_TEST_DATA to their folder")
    return folder
