"""The registry of families: provenance, report, rerun, batch and the viewer know each of them by its record."""

from __future__ import annotations

from ..core.errors import StmError
from ..data.method import Family
from ..impurities.family import FAMILY

#: The family of a record that says none: the only one of the first release.
DEFAULT_KIND = FAMILY.kind

#: A new family is one line here.
FAMILIES: dict[str, Family] = {family.kind: family for family in (FAMILY,)}


def family_of(kind: str) -> Family:
    """The family of that name.

    Raises
    ------
    StmError
        If this version knows none of that name.
    """
    if kind not in FAMILIES:
        raise StmError(f"this version knows no method of the kind {kind!r}; it knows {', '.join(FAMILIES)}")
    return FAMILIES[kind]
