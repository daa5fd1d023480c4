"""Which installations pass the tests: the oldest allowed versions, the newest, and one without napari and Qt.

    python3.11 benchmarks/installs.py lowest --json docs/results/installs.json
    python3.11 benchmarks/installs.py core --json docs/results/installs.json
    python3.12 benchmarks/installs.py newest --json docs/results/installs.json
    python3.13 benchmarks/installs.py newest --json docs/results/installs.json

An environment is made in a temporary folder, by the interpreter that runs this script, and removed again. The result is
kept under the name of the kind and the version of Python, with those of earlier runs.

``lowest`` pins every dependency of pyproject.toml to its lower bound, all at once. ``newest`` has whatever pip takes.
``core`` installs as docs/installation.md says for a computer without napari, with the tested versions, and does what a
person does there before the tests are run.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KINDS = ("lowest", "newest", "core")
#: What no environment without the viewer may hold.
VIEWER = ("napari", "qtpy", "PyQt5", "PyQt6", "PySide2", "PySide6", "vispy", "magicgui")
#: The tests that need napari: those of its widgets, and of the manifest by npe2.
OF_THE_VIEWER = ("tests/plugin", "tests/test_packaging.py")
#: Tests of the repository itself, its documentation and studies, and of what this script has kept: they do not depend
#: on the versions of libraries, and take half of the time.
OF_THE_REPOSITORY = (
    "tests/benchmarks",
    "tests/test_absent_files.py",
    "tests/test_architecture.py",
    "tests/test_docs.py",
    "tests/test_installs.py",
    "tests/test_studies.py",
)
#: The extras that hold the window and the tests; without napari only these tools of the tests are of use.
EXTRAS = "all,test"
CORE_TOOLS = ("gwyfile", "hatchling", "hypothesis", "igor2", "pytest", "pytest-xdist", "xarray-nanonis")


def lower_bounds() -> dict[str, str]:
    """The version after ``>=`` of every dependency in pyproject.toml, by its name."""
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    bounds = {}
    for one in dependencies:
        match = re.fullmatch(r"([\w-]+)>=([\d.]+)(,<[\d.]+)?", one)
        if match is None:
            sys.exit(f"expected NAME>=VERSION or NAME>=VERSION,<VERSION in pyproject.toml, got {one}")
        bounds[match[1]] = match[2]
    return bounds


def run(command: list[str | Path], folder: Path = ROOT) -> None:
    """Print a command and run it; a failing one ends the script."""
    print("==>", *command, flush=True)
    subprocess.run(command, cwd=folder, check=True)


def make(kind: str, folder: Path) -> Path:
    """The interpreter of a new environment of this kind."""
    run([sys.executable, "-m", "venv", folder])
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if kind == "core":
        pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet"]
        tested = ["--constraint", ROOT / "constraints.txt"]
        run([*pip, "--no-deps", ROOT])
        run([*pip, *tested, "--requirement", ROOT / "requirements-core.txt"])
        run([*pip, *tested, *CORE_TOOLS])
    else:
        install(python, lower_bounds() if kind == "lowest" else {})
    return python


def install(python: Path, pins: dict[str, str]) -> None:
    """Install the package with the window and the tests, some dependencies pinned, the others the newest that fit."""
    constraints = python.parent / "pins.txt"
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()), encoding="utf-8")
    pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--upgrade", "--upgrade-strategy", "eager"]
    run([*pip, "--constraint", constraints, f"{ROOT}[{EXTRAS}]"])


def use_as_a_person(python: Path, folder: Path) -> None:
    """The import, the help, the demo and a search on a simulated surface, where no part of the viewer is installed."""
    run(
        [python, "-c", f"import sys; from importlib.util import find_spec as f; sys.exit(any(map(f, {VIEWER})))"],
        folder,
    )
    run([python, "-c", "import napari_stm_impurities as stm; stm.find_impurities, stm.read_stack, stm.train"], folder)
    command = python.with_name("stm-impurities")
    run([command, "--help"], folder)
    run([command, "demo"], folder)
    run([command, "simulate", "--seed", "1", "-o", "surface.nc"], folder)
    run([command, "find", "surface.nc", "-o", "points.csv"], folder)
    if len((folder / "points.csv").read_text(encoding="utf-8").splitlines()) < 2:
        sys.exit("nothing was found on the simulated surface")


def tests(python: Path, kind: str, folder: Path) -> dict[str, int]:
    """How many tests passed, failed and were skipped."""
    log = folder / "tests.xml"
    log.unlink(missing_ok=True)
    command: list[str | Path] = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={log}"]
    # a crash of one process is then a failed test, and the others go on
    command += ["--numprocesses=2", *(f"--ignore={path}" for path in OF_THE_REPOSITORY)]
    if kind == "core":
        # the settings of the windows are unknown where their plugins are not installed
        command += ["-o", "addopts=--import-mode=importlib", *(f"--ignore={path}" for path in OF_THE_VIEWER)]
    command.append("tests")
    print("==>", *command, flush=True)
    # the installed package is tested, not the folder
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    if not log.exists():
        sys.exit(f"the tests came to no end (exit {status})")
    (suite,) = ET.parse(log).getroot().iter("testsuite")
    failed, skipped = int(suite.attrib["failures"]) + int(suite.attrib["errors"]), int(suite.attrib["skipped"])
    return {"passed": int(suite.attrib["tests"]) - failed - skipped, "failed": failed, "skipped": skipped}


def versions(python: Path) -> dict[str, str]:
    """The version of every dependency of pyproject.toml that is installed."""
    code = "import json, sys; from importlib.metadata import distributions as d; " + (
        "print(json.dumps({one.name.lower().replace('_', '-'): one.version for one in d()}))"
    )
    found = json.loads(subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout)
    names = {name: name.lower().replace("_", "-") for name in lower_bounds()}
    return {name: found[key] for name, key in names.items() if key in found}


def main() -> None:
    """Make the environment, run the tests and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--json", type=Path, help="the file of results to add to")
    options = parser.parse_args()
    result: dict[str, object] = {
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        "date": datetime.date.today().isoformat(),
    }
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        python = make(options.kind, folder / "venv")
        if options.kind == "core":
            (folder / "work").mkdir()
            use_as_a_person(python, folder / "work")
        result |= tests(python, options.kind, folder)
        result["versions"] = versions(python)
    name = f"{options.kind}, Python {sys.version_info.major}.{sys.version_info.minor}"
    print(name, json.dumps(result, indent=2))
    if options.json:
        kept = json.loads(options.json.read_text(encoding="utf-8")) if options.json.exists() else {}
        text = json.dumps(dict(sorted({**kept, name: result}.items())), indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
