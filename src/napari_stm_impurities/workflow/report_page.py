"""The page of a report: everything on one sheet, which needs no other file to be shown or sent."""

from __future__ import annotations

import base64
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path

import xarray as xr

from ..analysis.comparison import Comparison
from ..analysis.spatial_statistics import SurfaceStatistics
from ..data.images import pixel_size_nm
from .provenance import Provenance

_STYLE = """
body { font: 15px/1.45 sans-serif; margin: 2em auto; max-width: 62em; padding: 0 1em; color: #222; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin: 1.6em 0 0.4em; }
table { border-collapse: collapse; } td { padding: 0.15em 1.2em 0.15em 0; vertical-align: top; }
td:first-child { color: #666; white-space: nowrap; }
.figures { display: flex; flex-wrap: wrap; gap: 1em; } figure { margin: 0; width: 29em; }
img { width: 100%; } figcaption, footer { color: #666; } code { font-size: 0.95em; word-break: break-all; }
"""


@dataclass(frozen=True)
class Page:
    """What stands on the page."""

    stack: xr.DataArray
    statistics: SurfaceStatistics
    comparison: Comparison | None
    provenance: Provenance
    pictures: dict[str, Path]


def page(shown: Page) -> str:
    """The page as HTML, its pictures inside it."""
    title = f"{shown.provenance.n_points} impurities in {shown.stack.attrs.get('source', 'a stack')}"
    figures = "\n".join(_figure(path, caption) for caption, path in shown.pictures.items())
    sections = [
        ("The surface", _table(_surface(shown.statistics))),
        *([("Against the reference", _table(_against(shown.comparison)))] if shown.comparison is not None else []),
        ("Figures", f'<div class="figures">{figures}</div>'),
        ("Where the points come from", _table(_origin(shown))),
    ]
    body = "\n".join(f"<h2>{escape(name)}</h2>\n{text}" for name, text in sections)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n{body}\n"
        "<footer><p>The same points again: <code>stm-impurities rerun provenance.json</code></p></footer>\n"
        "</body>\n</html>\n"
    )


def _surface(told: SurfaceStatistics) -> Iterable[tuple[str, str]]:
    yield "Density", f"{told.density_per_nm2:.4g} ± {told.density_error_per_nm2:.2g} per nm²"
    beside = f"; {told.n_outside} more beside it" if told.n_outside else ""
    yield "Points", f"{told.n_points} on {told.area_nm2:.5g} nm² that were measured{beside}"
    if told.n_points > 1:
        low, high = told.random_nearest_band_nm
        yield "Nearest neighbour", f"{told.nearest_mean_nm:.3g} nm in the mean: {told.verdict}"
        yield "… at random", f"{told.random_nearest_nm:.3g} nm (95 % between {low:.3g} and {high:.3g} nm)"


def _against(told: Comparison) -> Iterable[tuple[str, str]]:
    yield "Recall", f"{told.recall:.3f} ({len(told.pairs)} of {told.n_reference} reference points)"
    yield "Precision", f"{told.precision:.3f} ({len(told.extra)} points are extra)"
    yield "F1", f"{told.f1:.3f}, one to one within {told.tolerance_nm:g} nm"
    if not math.isnan(told.rms_distance_nm):
        yield "Distance of the pairs", f"{told.rms_distance_nm:.3f} nm (rms)"
    yield (
        "Paper's ratio",
        f"{told.reference_ratio:.3f} within {told.ratio_radius_nm:.3g} nm; by chance {told.chance_ratio:.3f}",
    )


def _origin(shown: Page) -> Iterable[tuple[str, str]]:
    told, stack = shown.provenance, shown.stack
    yield "Written", told.date
    for file in (*told.inputs.files, *told.inputs.came_from):
        yield "File", f"{file.path} (SHA-256 {file.sha256[:16]}…)"
    height, width = pixel_size_nm(stack)
    size = f"{stack.sizes['y']} x {stack.sizes['x']} pixels of {height:.4g} x {width:.4g} nm"
    bias = stack.bias.values
    yield "Maps", f"{stack.name}: {len(bias)} of {size}, {bias[0]:g} to {bias[-1]:g} mV"
    for line in told.inputs.history:
        yield "Done to them", line
    if told.run is None:
        yield "Method", "set by hand, or by another program; no model was run"
    else:
        run = told.run
        yield "Model", f"{run.model} ({run.model_file}, SHA-256 {run.model_sha256[:16]}…), on {run.device}"
        band = run.dispersion
        if band is not None:
            bottom = f"band bottom {band.band_bottom_mv:.1f} mV, effective mass {band.effective_mass:.3f}"
            yield "Dispersion", f"{bottom} ({band.source})"
        yield "Least confidence", f"{run.threshold:.3g}"
        for note in run.notes:
            yield "Note", note
    counted = Counter(edit.kind for edit in told.edits)
    yield "Edits by hand", ", ".join(f"{n} {kind}" for kind, n in counted.items()) or "none"
    yield "Versions", ", ".join(f"{name} {version}" for name, version in told.versions.items())


def _table(rows: Iterable[tuple[str, str]]) -> str:
    cells = "\n".join(f"<tr><td>{escape(name)}</td><td>{escape(text)}</td></tr>" for name, text in rows)
    return f"<table>\n{cells}\n</table>"


def _figure(path: Path, caption: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    return (
        f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
