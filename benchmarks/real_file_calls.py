"""What `real_files.py` calls on one file: every public function and every command that reads a file or its stack.

Each call returns a few words on its result, and raises whatever the package raises. What can be known without another
program is checked: a saved stack is read again as it was, points lie inside the frame, what is done twice is the same.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

import napari_stm_impurities as stm
from napari_stm_impurities import prepare
from napari_stm_impurities.cli import run
from napari_stm_impurities.cli.console import BAD_INPUT, PARTLY_FAILED
from napari_stm_impurities.data.images import pixel_size_nm
from napari_stm_impurities.impurities.network_config import NetworkConfig
from napari_stm_impurities.io.readers.recording import MissingMetadataError
from napari_stm_impurities.io.replay import replay
from napari_stm_impurities.io.writers import write_nanonis_grid
from napari_stm_impurities.prepare.recipe import OTHER_CHANNEL

#: For a file that states no bias or no pixel size: these are given, as a person would have to. The numbers mean
#: nothing; they only lead the way past the reader.
GIVEN_FIRST_BIAS_MV, GIVEN_STEP_MV, GIVEN_PIXEL_NM = -100.0, 10.0, 0.1
#: Found points are many or none; where there are none, these shares of the frame stand in for them.
STAND_IN = ((0.3, 0.3), (0.6, 0.5), (0.5, 0.8))
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


class RealFile:
    """One file or folder, with what the calls hand on to each other in a folder of its own."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path, self.folder = path, folder

    @cached_property
    def given(self) -> dict[str, Any]:
        """What has to be given to read the file; nothing for most."""
        try:
            stm.open_recording(self.path)
        except MissingMetadataError as error:
            bias_mv = GIVEN_FIRST_BIAS_MV + GIVEN_STEP_MV * np.arange(error.n_maps)
            whole = {"bias_mv": bias_mv.tolist(), "pixel_size_nm": GIVEN_PIXEL_NM}
            return {name: whole[name] for name in error.lacks}
        except stm.StmError:
            pass
        return {}

    @cached_property
    def stack(self) -> xr.DataArray:
        """The stack of the default channel."""
        return stm.read_stack(self.path, **self.given)

    @cached_property
    def model(self) -> stm.Model:
        """The shipped model."""
        return stm.load_model("default", "cpu")

    @property
    def points(self) -> pd.DataFrame:
        """What was found, or stand-ins where nothing was."""
        if self.table.exists():
            found = stm.load_points(self.table)
            if len(found):
                return found
        sides = np.array(self.stack.shape[1:]) - 1
        return stm.make_points(np.array(STAND_IN) * sides, pixel_size_nm(self.stack), source="manual")

    @property
    def table(self) -> Path:
        """Where the call that finds points leaves them, also for a process that goes on after it."""
        return self.folder / "points.csv"

    @property
    def lowest_map(self) -> xr.DataArray:
        """The map where bound states are looked for."""
        return self.stack.isel(bias=[0])

    def command(self, *words: object, given: bool = True) -> str:
        """The first line that a command prints; its one line of an error is raised."""
        options: list[str] = []
        if given and "bias_mv" in self.given:
            options.append(f"--bias-mv={','.join(f'{one:g}' for one in self.given['bias_mv'])}")
        if given and "pixel_size_nm" in self.given:
            options.append(f"--pixel-size-nm={self.given['pixel_size_nm']}")
        said, problems = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(problems):
            status = run([*(str(word) for word in words), *options])
        errors = [line for line in problems.getvalue().splitlines() if line.startswith(("error: ", "failed: "))]
        if status in (BAD_INPUT, PARTLY_FAILED) and len(errors) == 1:
            raise stm.StmError(errors[0].partition(": ")[2])
        assert status == 0, f"exit code {status}, {errors}, {problems.getvalue()[-300:]}"
        lines = [line for line in said.getvalue().splitlines() if line.strip()]
        assert lines, "nothing was printed"
        return lines[0].replace(str(self.folder), "...")[:80]


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
        points = stm.find_impurities(file.stack, file.model, material)
    if len(points):
        stm.save_points(points, file.table)
    return counted(points, file.stack)


def finding(file: RealFile) -> str:
    """A run, with all that it rests on."""
    result = stm.find(file.stack, file.model, MATERIAL)
    assert np.isfinite(result.score.values).any()
    return f"{counted(result.points, file.stack)}, {len(result.notes)} notes"


def scored(file: RealFile) -> str:
    """A score for every pixel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stm.FindingWarning)
        score = stm.score_map(file.stack, file.model, MATERIAL)
    assert np.isfinite(score.values).any()
    return f"{score.shape[0]} x {score.shape[1]} scores"


def explained(file: RealFile) -> str:
    """The weights of the maps sum to 1."""
    first = file.points.iloc[0]
    why = stm.explain(file.stack, file.model, first.y_nm, first.x_nm, MATERIAL)
    np.testing.assert_allclose(float(why.weight.sum()), 1.0, rtol=1e-4)
    return f"confidence {why.confidence:.2f}"


def dispersed(file: RealFile) -> str:
    """The band that the ripples show."""
    band = stm.fit_dispersion(file.stack)
    assert isinstance(band, stm.Dispersion)
    return band.source


def report(file: RealFile) -> str:
    """A folder with everything, drawn on the lowest map, too."""
    result = stm.find(file.stack, file.model, MATERIAL)
    where = file.folder / "report"
    inputs = None if file.given or file.path.is_dir() else [file.path]
    written = stm.write_report(
        where,
        file.stack,
        result.points,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        finding=result,
        bound_map=file.lowest_map,
        inputs=None if inputs is None else _inputs(inputs, file.stack),
    )
    return f"{len(written.files)} files, {len(written.points)} points"


def _inputs(paths: list[Path], stack: xr.DataArray) -> Any:
    from napari_stm_impurities.workflow.provenance import Inputs

    return Inputs.of_files(paths, channel=str(stack.attrs.get("channel") or "") or None)


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
    return counted(stm.find_reference(file.lowest_map), file.stack)


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
    model = stm.train(experiment=file.stack, dispersion=band, config=config, should_stop=lambda: True)
    return f"{sum(one.numel() for one in model.network.parameters())} weights"


def adapted(file: RealFile) -> str:
    """One step, with points."""
    config = stm.AdaptConfig(**TINY_ADAPTATION)
    model = stm.adapt(file.model, file.stack, file.points, dispersion=MATERIAL, config=config)
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
            return file.command(*({**places, **outputs}.get(word, word) for word in words), given=given)

        return call

    def find(file: RealFile) -> str:
        # of a folder each file is searched for itself
        extra = (
            () if file.path.is_dir() else ("--score-map", file.folder / "score.nc", "--figure", file.folder / "p.png")
        )
        return file.command("find", file.path, "-o", file.folder / "found.csv", "--material", MATERIAL, *extra)

    def batch(file: RealFile) -> str:
        return file.command("find", file.path, "-o", _made(file.folder / "tables"))

    tiny = [f"--{name.replace('_', '-')}={value}" for name, value in TINY_ADAPTATION.items()]
    report_options = ("--material", MATERIAL)
    return {
        "command convert": lambda file: file.command("convert", file.path, "-o", file.folder / "converted.nc"),
        "command find": find,
        "command find, batch": batch,
        "command reference": lambda file: file.command("reference", file.path, "-o", file.folder / "reference.csv"),
        "command compare": of_points("compare", "POINTS", "POINTS", "--json", "OUT.json", given=False),
        "command statistics": of_points("statistics", "POINTS", "--stack", "FILE", "--json", "OUT.json"),
        "command report": lambda file: file.command("report", file.path, "-o", file.folder / "page", *report_options),
        "command rerun": lambda file: file.command("rerun", file.folder / "page" / "provenance.json", given=False),
        "command adapt": lambda file: file.command(
            "adapt", file.path, "-o", file.folder / "own.safetensors", "--material", MATERIAL, *tiny
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
