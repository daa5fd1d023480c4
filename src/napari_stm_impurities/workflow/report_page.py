"""The page of a report: one self-contained HTML file."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jinja2
import xarray as xr

from ..analysis.comparison import Comparison
from ..analysis.spatial_statistics import SurfaceStatistics
from ..core.rows import Row
from ..data.images import pixel_size_nm
from ..data.schemas import schema_of
from .families import family_of
from .provenance import Provenance

_TEMPLATE = "report_page.html.jinja"


@dataclass(frozen=True)
class Page:
    """The content of the page."""

    image: xr.DataArray
    statistics: SurfaceStatistics
    comparison: Comparison | None
    no_reference: str
    provenance: Provenance
    pictures: dict[str, Path]


def page(content: Page) -> str:
    """The page as HTML, with embedded pictures."""
    run = content.provenance.run
    noun = "points" if run is None else family_of(run.kind).noun
    tables = [("The surface", content.statistics.summary_rows())]
    if content.comparison is not None:
        tables.append(("Comparison with the reference", content.comparison.summary_rows()))
    elif content.no_reference:
        tables.append(("Comparison with the reference", [Row("reference", "none", content.no_reference)]))
    tables.append(("Provenance", list(_provenance(content))))
    environment = jinja2.Environment(loader=jinja2.PackageLoader(__package__, "."), autoescape=True)
    return environment.get_template(_TEMPLATE).render(
        title=f"{content.provenance.n_points} {noun} in {content.image.attrs.get('source', 'an image')}",
        tables=tables,
        figures=[(caption, base64.b64encode(path.read_bytes()).decode()) for caption, path in content.pictures.items()],
    )


def _provenance(content: Page) -> Iterator[Row]:
    provenance, image = content.provenance, content.image
    yield Row("written", provenance.date)
    for file in (*provenance.inputs.files, *provenance.inputs.came_from):
        yield Row("file", file.path, f"SHA-256 {file.sha256[:16]}…")
    yield Row("maps", _maps(image))
    for line in image.attrs.get("assumptions", ()):
        yield Row("assumed", line)
    for line in provenance.inputs.history:
        yield Row("preparation", line)
    if provenance.run is None:
        yield Row("method", "set by hand, or by another program; no model was run")
    else:
        yield from provenance.run.summary_rows()
    counts = Counter(edit.kind for edit in provenance.edits)
    yield Row("edits by hand", ", ".join(f"{n} {kind}" for kind, n in counts.items()) or "none")
    yield Row("versions", ", ".join(f"{name} {version}" for name, version in provenance.versions.items()))


def _maps(image: xr.DataArray) -> str:
    height, width = pixel_size_nm(image)
    size = f"{image.sizes['y']} x {image.sizes['x']} pixels of {height:.4g} x {width:.4g} nm"
    schema = schema_of(image)
    if not schema.axis:
        return f"{image.name}: {size}"
    along = image[schema.axis].values
    return f"{image.name}: {len(along)} of {size}, {along[0]:g} to {along[-1]:g} {schema.axis_unit}"
