"""What `real_files.py` calls on one file: every public function and every command that reads a file or its stack.

Each call returns a few words on its result, and raises whatever the package raises. What can be known without another
program is checked: a saved stack is read again as it was, points lie inside the frame, what is done twice is the same.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from real_file import RealFile

import napari_stm_impurities as stm
from napari_stm_impurities import prepare
from napari_stm_impurities.data.images import pixel_size_nm
from napari_stm_impurities.impurities.network_config import NetworkConfig
from napari_stm_impurities.io.replay import replay
from napari_stm_impurities.io.writers import write_nanonis_grid
from napari_stm_impurities.prepare.recipe import OTHER_CHANNEL

MATERIAL = "Cu(111)"
#: The smallest training and adaptation: one step, so that the way is gone and no minute is spent.
TINY_NETWORK = NetworkConfig(channels=(4,), convolutions=(1,), key_channels=2)
TINY_ADAPTATION = {
    "epochs": 1,
    "steps_per_epoch": 1,
    "simulated_per_step": 1,
    "labelled_per_step": 1,
    "unlabelled_per_step": 1,
    "window_px": 16,
}


Call = Callable[[RealFile], str]


def sized(stack: xr.DataArray) -> str:
    """The shape of a stack, in words."""
    assert stack.dims == ("bias", "y", "x")
    assert stack.size > 0
    return f"{stack.sizes['bias']} maps of {stack.sizes['y']} x {stack.sizes['x']} pixels"


def counted(points: pd.DataFrame, stack: xr.DataArray) -> str:
    """How many points there are; they lie inside the frame, which reaches half a pixel beyond the outer centres."""
    for axis, step in zip("yx", pixel_size_nm(stack), strict=True):
        where, edge = points[f"{axis}_nm"], stack[axis].values
        assert where.between(edge.min() - 0.51 * step, edge.max() + 0.51 * step).all(), f"a point outside in {axis}"
    return f"{len(points)} points"


def describe(file: RealFile) -> str:
    """The facts are plain values."""
    facts = stm.describe(file.path, **file.given)
    return f"{facts['format']}, {facts['channel']}, {len(facts['assumptions'])} assumptions"


def every_channel(file: RealFile) -> str:
    """Each channel of the file is read."""
    recording = stm.open_recording(file.path, **file.given)
    for channel in recording.channels:
        sized(recording.stack(channel.name))
    return f"{len(recording.channels)} channels"


def saved_and_read(suffix: str, file: RealFile) -> str:
    """What was saved is read as it was."""
    path = stm.save_stack(file.stack, file.folder / f"saved{suffix}")
    assert stm.read_stack(path).identical(file.stack.load())
    return f"{path.suffix} read again as it was"


def nanonis_grid(file: RealFile) -> str:
    """A grid that was written holds the same numbers."""
    path = write_nanonis_grid(file.stack, file.folder / "written.3ds")
    np.testing.assert_allclose(stm.read_stack(path).values, file.stack.values, rtol=1e-6)
    return "read again as it was"


def make_stack(file: RealFile) -> str:
    """A stack is made of the bare numbers."""
    stack = file.stack
    return sized(stm.make_stack(stack.values, stack.bias.values, pixel_size_nm(stack)))


def found(material: str | None, file: RealFile) -> str:
    """Points are found, and kept for the calls that follow."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stm.FindingWarning)
        points = stm.find_impurities(file.searched, file.model, material)
    if len(points):
        stm.save_points(points, file.table)
    return counted(points, file.searched)


def finding(file: RealFile) -> str:
    """A run, with all that it rests on."""
    result = stm.find(file.searched, file.model, MATERIAL)
    assert np.isfinite(result.score.values).any()
    return f"{counted(result.points, file.searched)}, {len(result.notes)} notes"


def scored(file: RealFile) -> str:
    """A score for every pixel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stm.FindingWarning)
        score = stm.score_map(file.searched, file.model, MATERIAL)
    assert np.isfinite(score.values).any()
    return f"{score.shape[0]} x {score.shape[1]} scores"


def explained(file: RealFile) -> str:
    """The weights of the maps sum to 1."""
    first = file.points.iloc[0]
    why = stm.explain(file.searched, file.model, first.y_nm, first.x_nm, MATERIAL)
    np.testing.assert_allclose(float(why.weight.sum()), 1.0, rtol=1e-4)
    return f"confidence {why.confidence:.2f}"


def kernels(file: RealFile) -> str:
    """The pattern of one impurity."""
    result = stm.fit_kernels(file.searched, file.points, dispersion=MATERIAL)
    assert len(result.points) == len(file.points)
    return f"{result.kernels.sizes['kind']} kinds, {len(result.proposed)} proposed points"


def image_saved_and_read(file: RealFile) -> str:
    """The lowest map, saved as an image, is read as it was."""
    image = file.lowest_map.squeeze(drop=True)
    path = stm.save_image(image, file.folder / "image.nc")
    assert stm.read_image(path).identical(image)
    return f"{image.sizes['y']} x {image.sizes['x']} pixels"


def dispersed(file: RealFile) -> str:
    """The band that the ripples show."""
    band = stm.fit_dispersion(file.stack)
    assert isinstance(band, stm.Dispersion)
    return band.source


def report(file: RealFile) -> str:
    """A folder with everything, drawn on the lowest map, too."""
    result = stm.find(file.searched, file.model, MATERIAL)
    where = file.folder / "report"
    plain = not file.given and file.path.is_file() and file.searched_path == file.path
    written = stm.write_report(
        where,
        file.searched,
        result.points,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        finding=result,
        bound_map=file.lowest_map,
        inputs=_inputs(file) if plain else None,
    )
    return f"{len(written.files)} files, {len(written.points)} points"


def _inputs(file: RealFile) -> Any:
    from napari_stm_impurities.workflow.provenance import Inputs

    return Inputs.of_files([file.path], channel=str(file.stack.attrs.get("channel") or "") or None)


def again(file: RealFile) -> str:
    """The points of the report are found again."""
    result = stm.rerun(file.folder / "report" / "provenance.json")
    assert result.same, result.said
    return result.said[:80]


def compared(file: RealFile) -> str:
    """Points compared with themselves agree."""
    figures = stm.compare(file.points, file.points, frame=file.stack, pixel_size_nm=pixel_size_nm(file.stack))
    assert isinstance(figures, stm.Comparison)
    assert figures.f1 == 1.0
    return "F1 1 with itself"


def merged(file: RealFile) -> str:
    """Merged with themselves points stay as many."""
    points = file.points
    out = stm.merge_points(points, points.assign(checked="accepted"), 1e-3)
    assert len(out) == len(points)
    assert not stm.edits_between(points, points)
    return f"{len(out)} points"


def tabled(file: RealFile) -> str:
    """A saved table is read as it was."""
    path = stm.save_points(file.points, file.folder / "again.csv")
    pd.testing.assert_frame_equal(
        stm.load_points(path)[["y_nm", "x_nm"]], file.points[["y_nm", "x_nm"]], check_exact=False, atol=1e-4
    )
    return f"{len(file.points)} points"


def imagej(file: RealFile) -> str:
    """Results and a selection of ImageJ."""
    for suffix in (".csv", ".roi"):
        stm.export_imagej(file.points, file.folder / f"imagej{suffix}", pixel_size_nm(file.stack))
    return f"{len(file.points)} points"


def reference(file: RealFile) -> str:
    """Bound states on the lowest map."""
    return counted(stm.find_reference(file.lowest_map), file.searched)


def statistics(file: RealFile) -> str:
    """Density and pair correlation."""
    result = stm.surface_statistics(file.points, file.stack)
    assert isinstance(result, stm.SurfaceStatistics)
    assert result.n_points <= len(file.points)
    return f"{result.density_per_nm2:.3g} per nm^2"


def trained(file: RealFile) -> str:
    """One step, with the entropy on the stack; it is stopped then, for the calibration takes longer."""
    settings = {"epochs": 1, "steps_per_epoch": 1, "batch_size": 1, "confidence_weight": 0.01, "experiment_tile_px": 8}
    config = stm.TrainingConfig(network=TINY_NETWORK, **settings)
    band = stm.Dispersion.of_material(MATERIAL)
    model = stm.train(experiment=file.searched, dispersion=band, config=config, should_stop=lambda: True)
    return f"{sum(one.numel() for one in model.network.parameters())} weights"


def adapted(file: RealFile) -> str:
    """One step, with points."""
    config = stm.AdaptConfig(**TINY_ADAPTATION)
    model = stm.adapt(file.model, file.searched, file.points, dispersion=MATERIAL, config=config)
    assert model.config.calibration == file.model.config.calibration
    return "one step, the calibration is the parent's"


def prepared(step: str, file: RealFile) -> str:
    """One step of a preparation, on the stack and again on the file."""
    parameters: dict[str, Any] = {}
    size_y, size_x = pixel_size_nm(file.stack)
    if step == "resample":
        parameters = {"pixel_size_nm": 2 * max(size_y, size_x)}
    elif step == "average_biases":
        parameters = {"n_maps": max(1, file.stack.sizes["bias"] // 2)}
    elif step == "crop":
        y, x = file.stack.y.values, file.stack.x.values
        parameters = {"y_nm": (float(y[0]), float(y[len(y) // 2])), "x_nm": (float(x[0]), float(x[len(x) // 2]))}
    elif step in OTHER_CHANNEL:
        parameters = {OTHER_CHANNEL[step]: _other_channel(step, file)}
    recipe = [{"step": step, **parameters}]
    return sized(replay(file.path, recipe, **file.given))


def _other_channel(step: str, file: RealFile) -> str:
    channels = stm.open_recording(file.path, **file.given).channels
    if step == "join_directions":
        default = str(file.stack.attrs.get("channel", ""))
        return next((one.name for one in channels if one.name == f"{default} [bwd]"), default)
    return next((one.name for one in channels if one.what == "current"), channels[0].name)


def drift(file: RealFile) -> str:
    """The drift between the maps."""
    return f"up to {float(np.abs(prepare.measure_drift(file.stack)).max()):.3g} nm"


def commands() -> dict[str, Call]:
    """Every command that reads a file, by its words."""

    def of_points(*words: str, given: bool = True) -> Call:
        def call(file: RealFile) -> str:
            stm.save_points(file.points, file.folder / "for_commands.csv")
            places = {"POINTS": file.folder / "for_commands.csv", "FILE": file.path}
            outputs = {f"OUT{suffix}": file.folder / f"command{suffix}" for suffix in (".csv", ".roi", ".json")}
            places["OUT_FOLDER"] = file.folder / "kernels"
            return file.command(*({**places, **outputs}.get(word, word) for word in words), given=given)

        return call

    def find(file: RealFile) -> str:
        # of a folder each file is searched for itself
        extra = (
            () if file.path.is_dir() else ("--score-map", file.folder / "score.nc", "--figure", file.folder / "p.png")
        )
        return file.search("find", "-o", file.folder / "found.csv", "--material", MATERIAL, *extra)

    def batch(file: RealFile) -> str:
        return file.search("find", "-o", _made(file.folder / "tables"))

    tiny = [f"--{name.replace('_', '-')}={value}" for name, value in TINY_ADAPTATION.items()]
    report_options = ("--material", MATERIAL)
    return {
        "command convert": lambda file: file.command("convert", file.path, "-o", file.folder / "converted.nc"),
        "command find": find,
        "command find, batch": batch,
        "command reference": lambda file: file.search("reference", "-o", file.folder / "reference.csv"),
        "command compare": of_points("compare", "POINTS", "POINTS", "--json", "OUT.json", given=False),
        "command statistics": of_points("statistics", "POINTS", "--stack", "FILE", "--json", "OUT.json"),
        "command kernels": of_points(
            "kernels", "FILE", "--points", "POINTS", "--material", MATERIAL, "-o", "OUT_FOLDER"
        ),
        "command report": lambda file: file.search("report", "-o", file.folder / "page", *report_options),
        "command rerun": lambda file: file.command("rerun", file.folder / "page" / "provenance.json", given=False),
        "command adapt": lambda file: file.search(
            "adapt", "-o", file.folder / "own.safetensors", "--material", MATERIAL, *tiny
        ),
        "command convert, ImageJ": of_points("convert", "POINTS", "-o", "OUT.roi", given=False),
        "command info, points": of_points("info", "POINTS", given=False),
    }


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


#: Calls on a file as it is: they end in a result or one line, whatever the file is.
ON_FILES: dict[str, Call] = {
    "read_stack": lambda file: sized(file.stack),
    "describe": describe,
    "open_recording": every_channel,
    "read_stack, strict": lambda file: sized(stm.read_stack(file.path, strict=True, **file.given)),
    "load_points": lambda file: f"{len(stm.load_points(file.path))} points",
    "command info": lambda file: file.command("info", file.path),
    "command info, JSON": lambda file: file.command("info", file.path, "--json"),
}
#: Calls on the stack of a file that can be read.
ON_STACKS: dict[str, Call] = {
    "make_stack": make_stack,
    "save_stack": partial(saved_and_read, ".nc"),
    "save_stack, Zarr": partial(saved_and_read, ".zarr"),
    "write_nanonis_grid": nanonis_grid,
    "fit_dispersion": dispersed,
    "find_impurities": partial(found, None),
    "find_impurities, material": partial(found, MATERIAL),
    "find": finding,
    "score_map": scored,
    "explain": explained,
    "fit_kernels": kernels,
    "save_image": image_saved_and_read,
    "read_image": lambda file: sized(stm.read_image(file.path, **file.given)),
    "find_reference": reference,
    "make_points": lambda file: counted(file.points, file.stack),
    "save_points": tabled,
    "merge_points": merged,
    "compare": compared,
    "surface_statistics": statistics,
    "export_imagej": imagej,
    "write_report": report,
    "rerun": again,
    "train": trained,
    "adapt": adapted,
    "measure_drift": drift,
    **{f"replay, {step}": partial(prepared, step) for step in prepare.STEPS},
    **commands(),
}
#: Public functions without a call of their own: part of other calls, or read no measurement.
WITHIN_OTHERS = {
    "edits_between": "merge_points",
    "load_model": "find_impurities",
    "simulate_surface": "makes a surface from numbers alone",
}
