"""Common output of all commands: messages in one line, a progress bar, and cancellation by Ctrl-C."""

from __future__ import annotations

import re
import signal
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from ..core.progress import Progress as Report
from ..core.progress import ShouldStop, silent

#: Exit codes: bad input, part of a batch failed, a rerun gave other points, stopped by Ctrl-C (as shells count it).
BAD_INPUT, PARTLY_FAILED, NOT_THE_SAME, INTERRUPTED = 2, 1, 1, 130
#: The reader of standard output has closed it, as after ``| head`` (128 and the number of the signal SIGPIPE).
NOT_READ = 141
#: The name of a file that stands for standard output.
STDOUT = Path("-")

#: A clause that begins with "give" or "as", up to a semicolon, or a full stop before a space.
_REQUEST = re.compile(r"(?<=[;:,.() ])(?:give|as) [^;]*?(?=;|\.\s|$)")
#: A message on a file begins with its name.
_ON_A_FILE = re.compile(r"(?:[A-Za-z]:)?[^:]*?\.(?:3ds|[A-Za-z]\w*)[:,] ")

_options: ContextVar[tuple[str, ...]] = ContextVar("options", default=())


def out(*results: Path | None) -> Console:
    """The console for the messages of a command: standard error where one of its results goes to standard output.

    A new one is made for each call, so that a redirected standard output is used.
    """
    return Console(highlight=False, soft_wrap=True, stderr=STDOUT in results)


def print_message(kind: str, text: str) -> None:
    """Print one line on standard error, whatever line breaks the text holds, with options for names of arguments."""
    line = with_option_names(" ".join(str(text).split()), _options.get())
    print(f"{kind}: {line}", file=sys.stderr, flush=True)


def with_option_names(text: str, options: Iterable[str]) -> str:
    """A message in which arguments of functions have the names of options.

    Where the message begins with the name of a file, only the clause with the request is changed: the same word
    elsewhere is the name of a variable in the file.

    Parameters
    ----------
    text
        One line.
    options
        The options of the command, by the names that they have in Python.

    Examples
    --------
    >>> with_option_names("bias_mv.npz: bias_mv has 3 values; give bias_mv, one for each map", ["bias_mv"])
    'bias_mv.npz: bias_mv has 3 values; give --bias-mv, one for each map'
    >>> with_option_names("window_px: must be at least 16", ["window_px"])
    '--window-px: must be at least 16'
    """
    names = "|".join(sorted(options, key=len, reverse=True))
    if not names:
        return text
    # not inside a path, nor in quotes, which repeat the input of the user
    argument = re.compile(rf"(?<![\w'\"./\\-])(?:{names})(?![\w'\"/\\=-]|\.\w)")

    def renamed(part: str) -> str:
        return argument.sub(lambda match: f"--{match[0].replace('_', '-')}", part)

    return _REQUEST.sub(lambda clause: renamed(clause[0]), text) if _ON_A_FILE.match(text) else renamed(text)


@contextmanager
def warnings_as_lines(options: Iterable[str]) -> Iterator[None]:
    """Print each warning as one line on standard error, with option names for the arguments of functions.

    Parameters
    ----------
    options
        The options of the command, by the names that they have in Python: ``bias_mv`` for ``--bias-mv``.
    """
    before = _options.set(tuple(options))
    try:
        with warnings.catch_warnings():

            def show(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
                print_message("warning", str(message))

            warnings.showwarning = show
            yield
    finally:
        _options.reset(before)


@contextmanager
def long_work(what: str, *, bar: bool = True) -> Iterator[tuple[Report, ShouldStop]]:
    """Yield the progress callback and the cancellation check (:mod:`napari_stm_impurities.core.progress`).

    On a terminal a progress bar is drawn on standard error, unless `bar` is false. The first Ctrl-C stops the work
    after the current step, a second one interrupts it at once.
    """
    stop_requested = threading.Event()

    def on_interrupt(_number: int, _frame: FrameType | None) -> None:
        if stop_requested.is_set():
            raise KeyboardInterrupt
        stop_requested.set()
        print_message("stopping", "after the current step; Ctrl-C again stops at once")

    # signals can only be handled in the main thread; elsewhere Ctrl-C keeps its usual meaning
    handled = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, on_interrupt) if handled else None
    try:
        if bar and sys.stderr.isatty():
            with _bar(what) as report:
                yield report, stop_requested.is_set
        else:
            yield silent, stop_requested.is_set
    finally:
        if handled:
            signal.signal(signal.SIGINT, before)


@contextmanager
def _bar(what: str) -> Iterator[Report]:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=1.0)

        def report(share: float, step: str) -> None:
            bar.update(task, completed=share, description=f"{what}: {step}" if step else what)

        yield report


def size_in_words(shape: tuple[int, ...] | list[int]) -> str:
    """The number of maps and of their pixels, as text."""
    n_maps, height, width = shape
    return f"{n_maps} map{'s' if n_maps > 1 else ''} of {height} x {width} pixels"
