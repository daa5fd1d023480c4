"""``info`` and ``convert``: what is in a file, and the same as one file of our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import StmError
from .files import BiasRange, Channel, Files, PixelSize, read
from .shell import BAD_INPUT, out, tell


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: stm-impurities info grid.3ds --json")(info)
    app.command(epilog="Example: stm-impurities convert map_*.sxm -o stack.nc")(convert)


def info(
    files: Files,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a file.")] = False,
) -> int:
    """Tell what is in each file: shape, bias axis, pixel size, channels, missing pixels, dispersion."""
    told: list[dict[str, Any]] = []
    failed = False
    for path in files:
        try:
            told.append(_facts(path))
        except StmError as error:
            failed = True
            tell("error", str(error))
    if as_json:
        print(json.dumps(told, indent=2))
    else:
        for facts in told:
            _show(facts)
    return BAD_INPUT if failed else 0


def convert(
    files: Files,
    output: Annotated[Path, typer.Option("-o", "--output", help="The NetCDF file to write.")],
    channel: Channel = None,
    pixel_size_nm: PixelSize = None,
    bias_range_mv: BiasRange = None,
) -> None:
    """Read a file, or a series with one bias a file, and write it as one NetCDF file."""
    from ..writers import save_stack

    stack = read(files, channel, pixel_size_nm, bias_range_mv)
    save_stack(stack, output)
    out().print(f"{output}: {_size(stack.shape)}, channel {stack.name}")


def _facts(path: Path) -> dict[str, Any]:
    from ..physics.ring import fit_dispersion
    from ..readers import open_recording
    from ..stacks import missing_share

    recording = open_recording(path)
    stack = recording.stack()
    try:
        band = fit_dispersion(stack)
        dispersion: dict[str, Any] = {
            "band_bottom_mv": band.band_bottom_mv,
            "effective_mass": band.effective_mass,
            "k_uncertainty_share": band.k_uncertainty_share,
        }
    except StmError as error:
        dispersion = {"none": str(error)}
    return {
        "file": str(path),
        "format": recording.format,
        "shape": list(stack.shape),
        "bias_mv": list(recording.bias_mv),
        "pixel_size_nm": list(recording.frame.pixel_size_nm),
        "frame_angle_deg": recording.frame.angle_deg,
        "channels": [
            {"name": channel.name, "unit": channel.unit, "what": channel.what} for channel in recording.channels
        ],
        "default_channel": recording.default,
        "why": recording.why,
        "missing_share": missing_share(stack),
        "dispersion": dispersion,
        "warnings": list(recording.warnings),
    }


def _show(facts: dict[str, Any]) -> None:
    bias, band = facts["bias_mv"], facts["dispersion"]
    pixel_y, pixel_x = facts["pixel_size_nm"]
    _, height, width = facts["shape"]
    axis = f"{bias[0]:g} mV" if len(bias) == 1 else f"{len(bias)} from {bias[0]:g} to {bias[-1]:g} mV"
    lines = [
        ("format", facts["format"]),
        ("shape", f"{_size(facts['shape'])}, {height * pixel_y:.4g} x {width * pixel_x:.4g} nm"),
        ("bias", axis),
        ("pixel size", f"{pixel_y:.4g} x {pixel_x:.4g} nm"),
        ("channels", ", ".join(f"{c['name']} ({c['unit']})" if c["unit"] else c["name"] for c in facts["channels"])),
        ("taken", f"{facts['default_channel']}: {facts['why']}"),
        ("missing", f"{facts['missing_share']:.1%}"),
        ("dispersion", band["none"] if "none" in band else _band(band)),
        *(("warning", text) for text in facts["warnings"]),
    ]
    console = out()
    console.print(facts["file"], style="bold", markup=False)
    for name, text in lines:
        console.print(f"  {name:<11} {text}", markup=False)


def _band(band: dict[str, Any]) -> str:
    return (
        f"band bottom {band['band_bottom_mv']:.0f} mV, effective mass {band['effective_mass']:.2f},"
        f" k known to {band['k_uncertainty_share']:.1%}"
    )


def _size(shape: tuple[int, ...] | list[int]) -> str:
    n_maps, height, width = shape
    return f"{n_maps} map{'s' if n_maps > 1 else ''} of {height} x {width} pixels"
