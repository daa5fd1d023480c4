"""The registry of families: provenance, report, rerun, batch and the viewer identify a family by its record."""

from __future__ import annotations

from ..core.errors import StmError
from ..data.method import Family
from ..impurities.family import FAMILY

#: The family of a record without a kind: the only one of the first release.
DEFAULT_KIND = FAMILY.kind

#: All families; a new one is added here.
FAMILIES: dict[str, Family] = {family.kind: family for family in (FAMILY,)}


def family_of(kind: str) -> Family:
    """The family of that name.

    Raises
    ------
    StmError
        If this version has none of that name.
    """
    if kind not in FAMILIES:
        raise StmError(f"this version has no method of the kind {kind!r}; it has {', '.join(FAMILIES)}")
    return FAMILIES[kind]
