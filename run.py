"""Set everything up and do one job, on a machine that has only Python 3.11 to 3.13 and its venv.

python3 run.py demo     make the environment .venv and run the demo on a simulated surface
python3 run.py test     make the environment .venv and pass the tests, windows included

Both may be run again at any time: what is in place already is not done twice. What follows the job's name
is handed on, as in ``python3 run.py test tests/io``.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
OLDEST, NEWEST = (3, 11), (3, 13)

#: One environment serves both jobs and, after them, the viewer.
EXTRAS = "all,test,lint,docs"

#: On Linux, PyPI's torch brings some GB of CUDA libraries; this index has the build without them.
CPU_TORCH = "https://download.pytorch.org/whl/cpu"

#: What windows need on Debian and Ubuntu: a screen that nobody sees, software OpenGL, and Qt's own libraries.
DEBIAN_PACKAGES = [
    "libdbus-1-3",
    "libegl1",
    "libgl1",
    "libgl1-mesa-dri",
    "libxcb-cursor0",
    "libxcb-icccm4",
    "libxcb-keysyms1",
    "libxcb-randr0",
    "libxcb-render-util0",
    "libxcb-shape0",
    "libxcb-xinerama0",
    "libxkbcommon-x11-0",
    "xvfb",
]


def main() -> int:
    """Do the job that the command line names."""
    job, *rest = sys.argv[1:] or ["--help"]
    if job not in ("demo", "test"):
        print(__doc__.strip())
        return 0 if job in ("-h", "--help") else 2
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        sys.exit(f"run.py: Python 3.11, 3.12 or 3.13 is needed, this is {platform.python_version()} ({sys.executable})")
    if job == "test":
        provide_screen()
    make_environment()
    if job == "demo":
        return call([BIN / "stm-impurities", "demo", *rest])
    # one process a core; what follows on the command line overrides it
    return call([BIN / "python", "-m", "pytest", "--numprocesses=auto", *rest])


def say(what: str) -> None:
    """Print a step, before what it does prints its own lines."""
    print(f"==> {what}", flush=True)


def call(command: list[str | Path]) -> int:
    """Print a command, run it in the repository, and give its exit status."""
    say(" ".join(str(part) for part in command))
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def must(command: list[str | Path]) -> None:
    """Run a command, and end here if it fails."""
    status = call(command)
    if status:
        sys.exit(f"run.py: the command above failed (exit {status}); nothing further was done")


def make_environment() -> None:
    """Make .venv and install the package with the tested versions, unless that has been done already."""
    stamp = VENV / "installed"
    wanted = hashlib.sha256(
        b"".join((ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt", "hatch_build.py"))
        + sys.version.encode()
        + str(ROOT).encode()
    ).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        say(f"the environment {VENV} is ready")
        return
    must([sys.executable, "-m", "venv", VENV])
    install: list[str | Path] = [BIN / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    must([*install, *cpu_torch_index(), "--constraint", "constraints.txt", "--editable", f".[{EXTRAS}]"])
    stamp.write_text(wanted)


def cpu_torch_index() -> list[str | Path]:
    """The options that let pip see the CPU build of torch, where that matters and can be reached."""
    if platform.system() != "Linux":
        return []
    try:
        urllib.request.urlopen(f"{CPU_TORCH}/torch/", timeout=10).close()
    except (urllib.error.URLError, TimeoutError) as error:
        say(f"{CPU_TORCH} cannot be reached ({error}); torch comes from the usual index")
        return []
    return ["--extra-index-url", CPU_TORCH]


def provide_screen() -> None:
    """See to it that windows can be opened, also where there is no display."""
    if platform.system() != "Linux":
        return
    if not shutil.which("dpkg-query"):
        if not shutil.which("Xvfb"):
            sys.exit("run.py: install Xvfb and Mesa's software OpenGL first (their names differ between distributions)")
        return
    missing = [name for name in DEBIAN_PACKAGES if not is_installed(name)]
    if not missing:
        return
    may: list[str | Path] | None = None
    if os.geteuid() == 0:
        may = []
    elif (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        may = ["sudo", "-n"]
    if may is None:
        sys.exit(f"run.py: the tests open windows; install first: sudo apt-get install {' '.join(missing)}")
    must([*may, "apt-get", "update", "-qq"])
    must([*may, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq", *missing])


def is_installed(package: str) -> bool:
    """Whether dpkg has the package in place."""
    asked = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False)
    return answer.stdout.startswith("installed")


if __name__ == "__main__":
    sys.exit(main())
