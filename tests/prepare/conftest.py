"""The writers of Nanonis files, which the readers' tests have."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_PATH = Path(__file__).resolve().parents[1] / "io" / "readers" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("readers_conftest", _PATH)
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)
grid_file = _MODULE.grid_file
