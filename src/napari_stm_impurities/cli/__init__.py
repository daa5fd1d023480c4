"""The command ``stm-impurities``: each command reads its files, calls one function of the package, and writes.

Exit codes: 0 on success, 2 with one line on standard error on bad input, 1 where a part of a batch
failed, 130 after Ctrl-C. Nothing here imports torch before a command needs it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from ..errors import StmError
from ..progress import Stopped
from . import judge, learn, look, search
from .shell import BAD_INPUT, INTERRUPTED, tell, warnings_as_lines

app = typer.Typer(
    name="stm-impurities",
    help="Find impurities in STM maps from the ripples around them.",
    epilog="Start with: stm-impurities demo",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for module in (look, learn, search, judge):
    module.add_to(app)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code; every error of bad input is told in one line.

    Parameters
    ----------
    arguments
        What stands after ``stm-impurities``; nothing at all shows the help.
    """
    try:
        with warnings_as_lines():
            status = app(list(arguments) or ["--help"], prog_name="stm-impurities", standalone_mode=False)
    except typer.TyperException as error:
        tell("error", f"{error.format_message()} (see stm-impurities --help)")
        return BAD_INPUT
    except StmError as error:
        tell("error", str(error))
        return BAD_INPUT
    except OSError as error:
        tell("error", f"{error.filename or 'a file'}: {error.strerror or error}")
        return BAD_INPUT
    except (Stopped, KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    if status == INTERRUPTED:
        tell("stopped", "by Ctrl-C; no file was left half-written")
    return int(status or 0)


def main() -> None:
    """The entry point of the console script."""
    sys.exit(run(sys.argv[1:]))
