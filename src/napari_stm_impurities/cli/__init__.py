"""The command ``stm-impurities``: each command reads its files, calls one function of the package, and writes.

Exit codes: 0 on success, 2 with one line on standard error on bad input, 1 where a part of a batch failed or a rerun
gave other points, 130 after Ctrl-C, 141 where the reader of the output has closed it. Nothing here imports torch before
a command needs it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from inspect import signature
from typing import Annotated

import typer

from .. import __version__
from ..core.errors import StmError
from ..core.installed import unfit_versions
from ..core.progress import Stopped
from .console import BAD_INPUT, INTERRUPTED, NOT_READ, print_message, warnings_as_lines

#: The short help of each command; each is defined in a module of its name.
COMMANDS = {
    "info": "Show the content of each file: shape, bias, pixel size, channels, dispersion.",
    "convert": "Write a file, or a series with one bias a file, as NetCDF; or points for ImageJ.",
    "simulate": "Simulate a surface with impurities at known positions.",
    "train": "Train a model on simulated windows.",
    "adapt": "Adapt a model to a measurement, with the points that you corrected.",
    "find": "Find the impurities in a stack, or in each file of a folder.",
    "reference": "Find reference points on the map of the bound states.",
    "compare": "Compare points with a reference.",
    "statistics": "Spatial statistics of points: density, nearest neighbours, pair correlation.",
    "kernels": "Fit the pattern of one impurity, k(V), the kinds, and what each point explains.",
    "report": "Write a folder with points, figures, statistics and provenance.",
    "rerun": "Compute the points of a report again, and compare them with the recorded ones.",
    "demo": "Run the complete workflow on a simulated Au(111) surface.",
}


def command_line(requested: str) -> typer.Typer:
    """The command line with the one requested command; the others are only listed.

    A command's options come from its configuration, whose import costs time, and for some of them torch.
    """
    app = typer.Typer(
        help="Find impurities in STM maps from the ripples around them.",
        epilog="Start with: stm-impurities demo",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.callback()(_name_and_version)
    for name, line in COMMANDS.items():
        app.command(name, short_help=line)(_command(name) if name == requested else _placeholder)
    return app


def _command(name: str) -> Callable[..., int | None]:
    command: Callable[..., int | None] = getattr(import_module(f".{name}", __name__), name)
    return command


def _placeholder() -> None:
    """Placeholder of a command that is only listed."""


def _show_version(requested: bool) -> None:
    if requested:
        print(f"napari-stm-impurities {__version__}")
        raise typer.Exit


def _name_and_version(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the name and the version.")
    ] = False,
) -> None:
    """Parse the options before the name of a command."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; every error of bad input is printed in one line.

    Parameters
    ----------
    arguments
        The arguments after ``stm-impurities``; without any the help is shown.
    """
    argument_list = list(arguments) or ["--help"]
    try:
        options = signature(_command(argument_list[0])).parameters if argument_list[0] in COMMANDS else ()
        with warnings_as_lines(name for name in options if "_" in name):
            try:
                status = command_line(argument_list[0])(
                    argument_list, prog_name="stm-impurities", standalone_mode=False
                )
                sys.stdout.flush()
            except StmError as error:
                print_message("error", str(error))
                return BAD_INPUT
    except typer.TyperException as error:
        command = f" {argument_list[0]}" if argument_list[0] in COMMANDS else ""
        print_message("error", f"{error.format_message()} (see stm-impurities{command} --help)")
        return BAD_INPUT
    except (BrokenPipeError, SystemExit):  # the library of the command line raises the latter
        _discard_stdout()
        return NOT_READ
    except OSError as error:
        print_message("error", f"{error.filename or 'standard output'}: {error.strerror or error}")
        _discard_stdout()
        return BAD_INPUT
    except (Stopped, KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    if status == INTERRUPTED:
        print_message("stopped", "by Ctrl-C; no file was left half-written")
    return int(status or 0)


def _discard_stdout() -> None:
    """Discard the rest of standard output, whose flush at exit would fail again."""
    with suppress(OSError, ValueError):
        null_device = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null_device, sys.stdout.fileno())
        os.close(null_device)


def main() -> None:
    """The entry point of the console script."""
    # torch's threads wait for each other by spinning, which on a busy machine makes them ten times slower
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        status = run(sys.argv[1:])
    except Exception as error:
        unfit = "; ".join(unfit_versions())
        if not unfit:
            raise
        print_message("error", f"a library failed ({error}): {unfit}")
        status = BAD_INPUT
    sys.exit(status)
