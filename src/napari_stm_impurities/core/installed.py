"""The installed libraries: whether their versions are the ones that this package needs, and whose fault an error is."""

from __future__ import annotations

import re
from importlib import metadata
from types import ModuleType

from packaging.requirements import Requirement

DISTRIBUTION = "napari-stm-impurities"

#: Messages of Python for a call that does not fit the function's signature, which no content of a file causes.
_WRONG_CALL = re.compile(
    r"unexpected keyword argument|invalid keyword argument|required (positional|keyword-only) argument"
    r"|takes .*positional arguments? but|takes no (keyword )?arguments|multiple values for (keyword )?argument"
)
#: Modules of the values in a file; an attribute that such a value lacks does not depend on a library's version.
_OF_DATA = ("builtins", "numpy")


def unfit_versions() -> list[str]:
    """One sentence for each installed library whose version this package does not allow; empty where all fit.

    A library that is not installed is not listed, since napari is optional.

    Examples
    --------
    >>> unfit_versions()
    []
    """
    try:
        requirements = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return []
    sentences = []
    for requirement in map(Requirement, requirements):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            needed = f"{requirement.name}{requirement.specifier}"
            sentences.append(f"{requirement.name} {version} is installed; run pip install '{needed}'")
    return sentences


def is_library_fault(error: BaseException) -> bool:
    """Whether an error arose since libraries do not fit together or are incomplete, and not from what was read.

    It is one if a module, or a name in it, cannot be imported; if a call does not fit the signature of the called
    function; or if one library looks for an attribute that an object of another one does not have. Within one library
    a damaged file may well leave an object unfinished, and in this package it may be an object of another
    kind than expected.

    Examples
    --------
    >>> is_library_fault(ImportError("cannot import name 'filters'")), is_library_fault(TypeError("expected a number"))
    (True, False)
    """
    if isinstance(error, ImportError):
        return True
    if isinstance(error, TypeError):
        return bool(_WRONG_CALL.search(str(error)))
    if isinstance(error, AttributeError) and error.name is not None:
        if isinstance(error.obj, ModuleType):
            return True
        kind = error.obj if isinstance(error.obj, type) else type(error.obj)
        owner, raised_in = kind.__module__.partition(".")[0], _raised_in(error)
        return owner not in (*_OF_DATA, raised_in) and raised_in != __name__.partition(".")[0]
    return False


def _raised_in(error: BaseException) -> str:
    """The library in whose code an error was raised."""
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    return "" if where is None else str(where.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
