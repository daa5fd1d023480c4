"""What every command shares: one line for an error, a bar for long work, and a Ctrl-C that leaves nothing half-done."""

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
#: Nobody reads standard output any more, as after ``| head`` (128 and the number of the signal SIGPIPE).
NOT_READ = 141
#: The name of a file that stands for standard output.
STDOUT = Path("-")

#: From "give" or "as" at the beginning of a clause to its end: a semicolon, or a full stop before a space.
_REQUEST = re.compile(r"(?<=[;:,.() ])(?:give|as) [^;]*?(?=;|\.\s|$)")
#: A message on a file begins with its name.
_ON_A_FILE = re.compile(r"(?:[A-Za-z]:)?[^:]*?\.(?:3ds|[A-Za-z]\w*)[:,] ")

_options: ContextVar[tuple[str, ...]] = ContextVar("options", default=())


def out(*results: Path | None) -> Console:
    """The console for what a command says: standard error where one of its results goes to standard output.

    It is made anew, so that a redirected standard output is honoured.
    """
    return Console(highlight=False, soft_wrap=True, stderr=STDOUT in results)


def print_message(kind: str, text: str) -> None:
    """Print one line on standard error, whatever line breaks the text holds, with options for names of arguments."""
    line = with_option_names(" ".join(str(text).split()), _options.get())
    print(f"{kind}: {line}", file=sys.stderr, flush=True)


def with_option_names(text: str, options: Iterable[str]) -> str:
    """A message in which arguments of functions have the names of options.

    Where the message is on a file, only the clause that says what to give is changed: the same word elsewhere is the
    name of a variable in the file.

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
    # not inside a path, nor in quotes, which repeat what a person wrote
    argument = re.compile(rf"(?<![\w'\"./\\-])(?:{names})(?![\w'\"/\\=-]|\.\w)")

    def renamed(part: str) -> str:
        return argument.sub(lambda word: f"--{word[0].replace('_', '-')}", part)

    return _REQUEST.sub(lambda clause: renamed(clause[0]), text) if _ON_A_FILE.match(text) else renamed(text)


@contextmanager
def told_in_lines(options: Iterable[str]) -> Iterator[None]:
    """Print each warning as one line on standard error, and give the arguments of functions the names of options.

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
    """Give the two callables of :mod:`napari_stm_impurities.core.progress` to work that takes a while.

    On a terminal a bar is drawn on standard error, unless `bar` is false; elsewhere nothing is. The first Ctrl-C asks
    the work to stop at its next safe place, a second one interrupts it at once.
    """
    asked = threading.Event()

    def on_interrupt(_number: int, _frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        print_message("stopping", "at the next safe place; Ctrl-C again stops at once")

    # signals can only be handled in the main thread; elsewhere Ctrl-C keeps its usual meaning
    handled = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, on_interrupt) if handled else None
    try:
        if bar and sys.stderr.isatty():
            with _bar(what) as report:
                yield report, asked.is_set
        else:
            yield silent, asked.is_set
    finally:
        if handled:
            signal.signal(signal.SIGINT, before)


@contextmanager
def _bar(what: str) -> Iterator[Report]:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=1.0)

        def report(share: float, doing: str) -> None:
            bar.update(task, completed=share, description=f"{what}: {doing}" if doing else what)

        yield report


def size_in_words(shape: tuple[int, ...] | list[int]) -> str:
    """The number of maps and their pixels, in words."""
    n_maps, height, width = shape
    return f"{n_maps} map{'s' if n_maps > 1 else ''} of {height} x {width} pixels"
