"""The errors that users see: one line each, without a traceback.

Every error of this package that bad input can cause is a :class:`StmError`. Its text says what was
expected, what came, and what to do. The command line prints it and exits with 2; the widgets show it.
"""

from __future__ import annotations


class StmError(ValueError):
    """Bad input: the text is one line that says what to do."""


class ReadError(StmError):
    """A file that cannot be read as a stack, or as points; the text begins with the file's name."""

    def __init__(self, path: object, problem: str) -> None:
        # what is quoted from a damaged file may hold any kind of line break
        super().__init__(" ".join(f"{path}: {problem}".splitlines()))


class ModelError(StmError):
    """A model file that this package did not write, is damaged, or does not fit the data."""
