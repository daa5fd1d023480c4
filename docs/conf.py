"""How the documentation is built: ``python -m sphinx -W docs docs/_build``."""

from __future__ import annotations

import re
import sys
from inspect import get_annotations
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from napari_stm_impurities import __version__
from napari_stm_impurities.core.configuration import Configuration

project = "napari-stm-impurities"
author = "napari-stm-impurities developers"
project_copyright = author
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_type_aliases = {name: name for name in ("ArrayLike", "Progress", "ShouldStop")}
maximum_signature_line_length = 80
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

html_theme = "alabaster"
html_theme_options = {
    "description": "Impurities in STM maps, found from the ripples around them",
    "page_width": "1100px",
    "sidebar_width": "240px",
    "fixed_sidebar": True,
    "show_powered_by": False,
}
html_show_sourcelink = False

#: How a bound of a field is said.
_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}

#: A longer default, such as a list of configurations, says less than the pages of its parts.
_LONGEST_DEFAULT = 200


def fields_of(configuration: type[Configuration]) -> list[str]:
    """Each field of a configuration, its type, default, bounds and line, as reStructuredText."""
    # as they stand in the source; pydantic's own form of them is long
    kinds = {name: kind for base in reversed(configuration.__mro__) for name, kind in get_annotations(base).items()}
    lines = []
    for name, field in configuration.model_fields.items():
        lines += ["", f".. py:attribute:: {name}", f"   :type: {kinds[name]}"]
        default = repr(field.get_default(call_default_factory=True))
        if not field.is_required() and len(default) <= _LONGEST_DEFAULT:
            lines.append(f"   :value: {default}")
        text = " ".join((field.description or "").split())
        for sign in ("\\", "*", "|"):
            text = text.replace(sign, f"\\{sign}")
        bounds = [
            f"{said} {bound:g}"
            for one in field.metadata
            for key, said in _BOUNDS.items()
            if (bound := getattr(one, key, None)) is not None
        ]
        lines += ["", f"   {text}" + (f" ({', '.join(bounds)})" if bounds else "")]
    return [*lines, ""]


def _is_configuration(what: str, documented: Any) -> bool:
    return what == "class" and isinstance(documented, type) and issubclass(documented, Configuration)


def _with_fields(_app: object, what: str, _name: str, documented: Any, _options: object, lines: list[str]) -> None:
    if _is_configuration(what, documented):
        lines.extend(fields_of(documented))


def _signature(
    _app: object, what: str, _name: str, documented: Any, _options: object, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    if _is_configuration(what, documented):
        return "", ""  # its fields follow one by one
    # Sphinx writes an alias inside a union as it keeps it
    return tuple(text and re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", text) for text in (signature, returns))


def setup(app: Any) -> None:
    """Let autodoc describe a configuration as the widgets do."""
    app.connect("autodoc-process-docstring", _with_fields)
    app.connect("autodoc-process-signature", _signature)
