"""Call every public function and every command on every real file, and list each failure.

    python benchmarks/real_files.py [--data FOLDER] [--limit-s 30] [--files PATTERN ...] [--json docs/results/x.json]

A call may end in a result, or in one line that says what was expected (StmError). Anything else is a failure: any other
exception, several lines, a check that does not hold (`real_file_calls.py`), a process that dies, or more than the limit
of processor time; a call that waits for something is ended after four times as long. Each file has a process of its
own, which ends where a call takes too long; the calls that follow go on in a new one. Files and folders (each a series)
that the reader refuses are given to the calls that take a file; the others need a stack. The exit code is 1 where there
is a failure.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import torch
from real_file_calls import ON_FILES, ON_STACKS, RealFile

import napari_stm_impurities as stm
from napari_stm_impurities.io.readers import files_in

ROOT = Path(__file__).resolve().parents[1]
LIMIT_S = 30.0
#: On a busy machine a call waits for a core; one that still is not done after so many limits hangs.
WAITING_LIMITS = 4
#: Enough of a traceback to see where it came from.
TRACEBACK_LINES = 12


class Outcome(NamedTuple):
    """How a call ended: ``ok``, ``refused`` or ``failed``, in which words, and after how many seconds."""

    status: str
    text: str
    seconds: float
    traceback: str = ""

    @property
    def line(self) -> str:
        """One line for the table."""
        return f"ok: {self.text}" if self.status == "ok" else self.text


def outcome(file: RealFile, name: str) -> Outcome:
    """How one call ends."""
    begun = time.perf_counter()
    try:
        text, status, trace = {**ON_FILES, **ON_STACKS}[name](file), "ok", ""
    except stm.StmError as error:
        text, trace = str(error), ""
        status = "refused" if text and len(text.splitlines()) == 1 else "failed"
    except BaseException as error:
        text, status = f"{type(error).__name__}: {error}".splitlines()[0], "failed"
        trace = "\n".join(traceback.format_exc().splitlines()[-TRACEBACK_LINES:])
    return Outcome(status, text, round(time.perf_counter() - begun, 2), trace)


def work(pipe: Connection, path: Path, folder: Path, limit_s: float) -> None:
    """Do the calls whose names are sent, in a process that ends itself where one takes too long."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    file = RealFile(path, folder)
    while True:
        name = pipe.recv()
        # the signal's own action ends the process, also inside a library that never comes back to Python
        signal.setitimer(signal.ITIMER_PROF, limit_s)
        pipe.send(outcome(file, name))
        signal.setitimer(signal.ITIMER_PROF, 0)


class Worker:
    """A process for one file, started anew when a call kills or holds it."""

    def __init__(self, path: Path, folder: Path, limit_s: float) -> None:
        self.path, self.folder, self.limit_s = path, folder, limit_s
        self._start()

    def _start(self) -> None:
        self.pipe, other_end = multiprocessing.Pipe()
        context = multiprocessing.get_context("fork")
        self.process = context.Process(target=work, args=(other_end, self.path, self.folder, self.limit_s))
        self.process.start()
        other_end.close()

    def call(self, name: str) -> Outcome:
        """How a call ends; a process that dies or takes too long is a failure."""
        begun = time.perf_counter()
        self.pipe.send(name)
        if self.pipe.poll(self.limit_s * WAITING_LIMITS):
            try:
                return self.pipe.recv()
            except EOFError:
                self.process.join()
        self.stop()
        code = self.process.exitcode
        too_long = code in (-signal.SIGPROF, -signal.SIGKILL)
        text = f"took more than {self.limit_s:g} s" if too_long else f"the process died (exit code {code})"
        self._start()
        return Outcome("failed", text, round(time.perf_counter() - begun, 2))

    def stop(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.join()


def items(data: Path, patterns: list[str]) -> Iterator[Path]:
    """Every file below a folder, and every folder that holds several that can be read, which is a series."""
    for one in sorted(data.rglob("*")):
        is_series = one.is_dir() and len(files_in(one)) > 1
        if (one.is_file() or is_series) and (not patterns or any(one.match(pattern) for pattern in patterns)):
            yield one


def sweep(path: Path, data: Path, limit_s: float) -> dict[str, Outcome]:
    """All calls on one file or folder, in words that name no folder of this machine."""
    folder = Path(tempfile.mkdtemp(prefix="real-"))
    worker = Worker(path, folder, limit_s)
    try:
        outcomes = {name: worker.call(name) for name in ON_FILES}
        if outcomes["read_stack"].status == "ok":
            outcomes |= {name: worker.call(name) for name in ON_STACKS}
    finally:
        worker.stop()
        shutil.rmtree(folder, ignore_errors=True)
    private = {f"{folder}/": "", f"{data}/": "", str(data): data.name, f"{ROOT}/": ""}

    def public(text: str) -> str:
        for own, shown in private.items():
            text = text.replace(own, shown)
        return text

    return {
        name: one._replace(text=public(one.text), traceback=public(one.traceback)) for name, one in outcomes.items()
    }


def summary(results: dict[str, dict[str, Outcome]], limit_s: float) -> dict[str, Any]:
    """What is written as JSON: each call of each file, and the failures once more, with their tracebacks."""
    failures = [
        {"file": file, "call": name, "error": one.text, "traceback": one.traceback}
        for file, outcomes in results.items()
        for name, one in outcomes.items()
        if one.status == "failed"
    ]
    statuses = [one.status for outcomes in results.values() for one in outcomes.values()]
    return {
        "limit_s": limit_s,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "calls": {status: statuses.count(status) for status in ("ok", "refused", "failed")},
        "failures": failures,
        "files": {
            file: {name: {"result": one.line, "seconds": one.seconds} for name, one in outcomes.items()}
            for file, outcomes in results.items()
        },
    }


def main(arguments: list[str] | None = None) -> int:
    """Run the sweep, print each failure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("STM_TEST_DATA", str(ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(default), help="the folder of real files")
    parser.add_argument("--limit-s", type=float, default=LIMIT_S, help="seconds for one call")
    parser.add_argument("--files", nargs="*", default=[], help="only these, as patterns such as '*.sxm'")
    parser.add_argument("--json", type=Path, help="where the results go")
    options = parser.parse_args(arguments)
    if not options.data.is_dir():
        parser.error(f"{options.data} is no folder; give --data, or set STM_TEST_DATA")
    results: dict[str, dict[str, Outcome]] = {}
    for path in items(options.data, options.files):
        name = str(path.relative_to(options.data))
        results[name] = sweep(path, options.data, options.limit_s)
        failed = {call: one for call, one in results[name].items() if one.status == "failed"}
        seconds = sum(one.seconds for one in results[name].values())
        print(f"{name}: {len(results[name])} calls, {len(failed)} failed, {seconds:.0f} s", flush=True)
        for call, one in failed.items():
            print(f"  {call}: {one.text}\n{one.traceback}", flush=True)
        # written as it goes, so that a sweep that is cut short leaves what it knows
        if options.json is not None:
            options.json.write_text(json.dumps(summary(results, options.limit_s), indent=1) + "\n")
    whole = summary(results, options.limit_s)
    print(f"{len(results)} files and folders: {whole['calls']}")
    return 1 if whole["failures"] or not results else 0


if __name__ == "__main__":
    sys.exit(main())
