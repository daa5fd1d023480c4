"""``info``: the content of files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ..core.errors import StmError
from .console import BAD_INPUT, out, print_message, size_in_words
from .files import Biases, Channel, Files, PixelSize, Strict, biases, load_points


def info(
    files: Files,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a file.")] = False,
    channel: Channel = None,
    pixel_size_nm: PixelSize = None,
    bias_mv: Biases = None,
    strict: Strict = False,
) -> int:
    """Show the content of each file: shape, bias axis, pixel size, channels, missing pixels, dispersion.

    Of a table of points it shows their number and their sources.

    Example: stm-impurities info grid.3ds --json
    """
    from ..io.tables import is_points_table

    contents: list[dict[str, Any]] = []
    failed = False
    options = {
        "channel": channel,
        "pixel_size_nm": pixel_size_nm,
        "bias_mv": None if bias_mv is None else biases(bias_mv),
        "strict": strict,
    }
    for path in files:
        try:
            contents.append(
                _points_facts(path, pixel_size_nm, strict) if is_points_table(path) else _facts(path, options)
            )
        except StmError as error:
            failed = True
            print_message("error", str(error))
    if as_json:
        print(json.dumps(contents, indent=2))
    else:
        for facts in contents:
            (_show_points if "points" in facts else _show)(facts)
    return BAD_INPUT if failed else 0


def _points_facts(path: Path, pixel_size_nm: float | None, strict: bool) -> dict[str, Any]:
    from ..io.imagej import SELECTIONS

    suffix = path.suffix.lower()
    if suffix in SELECTIONS:
        # counting points needs no pixel size
        pixel_size_nm = pixel_size_nm or 1.0
    points = load_points(path, pixel_size_nm, strict=strict)
    counts = points["source"].value_counts()
    return {
        "file": str(path),
        "format": f"selection of ImageJ ({suffix})" if suffix in SELECTIONS else "table of points (.csv)",
        "points": len(points),
        "sources": {str(source): int(n) for source, n in counts.items() if n},
        "assumptions": points.attrs["assumptions"],
    }


def _show_points(facts: dict[str, Any]) -> None:
    console = out()
    console.print(facts["file"], style="bold", markup=False)
    sources = ", ".join(f"{n} from {source}" for source, n in facts["sources"].items())
    lines = [("format", facts["format"]), ("points", f"{facts['points']} ({sources or 'empty'})")]
    for name, text in (*lines, *(("assumed", text) for text in facts["assumptions"])):
        console.print(f"  {name:<11} {text}", markup=False)


def _facts(path: Path, options: dict[str, Any]) -> dict[str, Any]:
    from ..io.readers import describe, read_stack
    from ..qpi.dispersion_fit import fit_dispersion

    facts = {**describe(path, **options), "file": str(path)}
    try:
        band = fit_dispersion(read_stack(path, **options))
        facts["dispersion"] = {**band.model_dump(), "k_per_nm": band.k_per_nm(facts["bias_range_mv"]).tolist()}
    except StmError as error:
        facts["dispersion"] = {"none": str(error).removeprefix(f"{path}: ")}
    return facts


def _show(facts: dict[str, Any]) -> None:
    bias, (first, last) = facts["bias_mv"], facts["bias_range_mv"]
    band, (pixel_y, pixel_x), (size_y, size_x) = facts["dispersion"], facts["pixel_size_nm"], facts["size_nm"]
    lines = [
        ("format", facts["format"]),
        ("shape", f"{size_in_words(facts['shape'])}, {size_y:.4g} x {size_x:.4g} nm"),
        ("bias", f"{first:g} mV" if len(bias) == 1 else f"{len(bias)} from {first:g} to {last:g} mV"),
        ("pixel size", f"{pixel_y:.4g} x {pixel_x:.4g} nm"),
        *(("frame", text) for text in _frame(facts["frame_center_nm"], facts["frame_angle_deg"])),
        ("channels", ", ".join(f"{c['name']} ({c['unit']})" if c["unit"] else c["name"] for c in facts["channels"])),
        ("taken", facts["why"]),
        ("missing", f"{facts['missing_share']:.1%}"),
        ("dispersion", band["none"] if "none" in band else _band(band)),
        *(("assumed", text) for text in facts["assumptions"]),
        *(("warning", text) for text in facts["warnings"]),
    ]
    console = out()
    console.print(facts["file"], style="bold", markup=False)
    for name, text in lines:
        console.print(f"  {name:<11} {text}", markup=False)


def _frame(center_nm: list[float] | None, angle_deg: float | None) -> list[str]:
    """Position and rotation of the frame in one line; none where the file does not state them."""
    parts = [] if center_nm is None else ["centre at x = {:.6g}, y = {:.6g} nm".format(*center_nm)]
    parts += [f"rotated by {angle_deg:g} degrees"] if angle_deg else []
    return [", ".join(parts)] if parts else []


def _band(band: dict[str, Any]) -> str:
    low, high = band["k_per_nm"]
    k = f"k {low:.2f}" if low == high else f"k {low:.2f} to {high:.2f}"
    text = f"{k} per nm, known to {band['k_uncertainty_share']:.1%} ({band['source']})"
    if not band["effective_mass_uncertainty"]:
        return text
    bottom = f"band bottom {band['band_bottom_mv']:.0f} +- {band['band_bottom_uncertainty_mv']:.0f} mV"
    return f"{text}; {bottom}, mass {band['effective_mass']:.2f} +- {band['effective_mass_uncertainty']:.2f}"
