"""Which installations pass the tests: the oldest allowed versions, the newest, and one without napari and Qt.

    python3.11 benchmarks/installs.py lowest --json docs/results/installs.json
    python3.11 benchmarks/installs.py core --json docs/results/installs.json
    python3.12 benchmarks/installs.py newest --json docs/results/installs.json
    python3.13 benchmarks/installs.py newest --json docs/results/installs.json

An environment is made in a temporary folder, by the interpreter that runs this script, and removed again. The result is
kept under the name of the kind and the version of Python, next to those of earlier runs.

``lowest`` pins every dependency of pyproject.toml to its lower bound, all at once; ``--alone NAME`` pins this one, and
has the newest of the others. ``newest`` has whatever pip takes. ``core`` installs as docs/installation.md says for a
computer without napari, with the tested versions, and does what a person does there before the tests are run.
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
#: The extras that hold the window and the tests; without napari only these tools of the tests are of use.
EXTRAS = "all,test"
CORE_TOOLS = ("gwyfile", "hatchling", "hypothesis", "igor2", "pytest", "xarray-nanonis")


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


def install(kind: str, alone: str | None, folder: Path) -> Path:
    """The interpreter of a new environment of this kind."""
    run([sys.executable, "-m", "venv", folder])
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet"]
    if kind == "core":
        tested = ["--constraint", ROOT / "constraints.txt"]
        run([*pip, "--no-deps", ROOT])
        run([*pip, *tested, "--requirement", ROOT / "requirements-core.txt"])
        run([*pip, *tested, *CORE_TOOLS])
        return python
    bounds = lower_bounds()
    pinned = {"lowest": bounds, "newest": {}}[kind] if alone is None else {alone: bounds[alone]}
    pins = folder / "pins.txt"
    pins.write_text("".join(f"{name}=={version}\n" for name, version in pinned.items()), encoding="utf-8")
    run([*pip, "--constraint", pins, f"{ROOT}[{EXTRAS}]"])
    return python


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


def tests(python: Path, kind: str, chosen: list[str], folder: Path) -> dict[str, int]:
    """How many tests passed, failed and were skipped."""
    log = folder / "tests.xml"
    command: list[str | Path] = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={log}"]
    if kind == "core":
        # the settings of the windows are unknown where their plugins are not installed
        command += ["-o", "addopts=--import-mode=importlib", *(f"--ignore={path}" for path in OF_THE_VIEWER)]
    command += chosen or ["tests"]
    print("==>", *command, flush=True)
    # the installed package is tested, not the folder
    subprocess.run(command, cwd=ROOT, check=False)
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
    parser.add_argument("--alone", metavar="NAME", help="pin only this dependency to its lower bound")
    parser.add_argument("--json", type=Path, help="the file of results to add to")
    parser.add_argument("tests", nargs="*", help="which tests [default: all that this kind can run]")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        python = install(options.kind, options.alone, folder / "venv")
        if options.kind == "core":
            (folder / "work").mkdir()
            use_as_a_person(python, folder / "work")
        result = {
            "python": platform.python_version(),
            "system": platform.platform(terse=True),
            "date": datetime.date.today().isoformat(),
            **tests(python, options.kind, options.tests, folder),
            "versions": versions(python),
        }
    kind = f"{options.alone} at its lowest" if options.alone else options.kind
    name = f"{kind}, Python {sys.version_info.major}.{sys.version_info.minor}"
    print(name, json.dumps(result, indent=2))
    if options.json:
        kept = json.loads(options.json.read_text(encoding="utf-8")) if options.json.exists() else {}
        text = json.dumps(dict(sorted({**kept, name: result}.items())), indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
