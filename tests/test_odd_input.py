"""Whatever a person hands to a public function ends in a right result, or in one line that says what was expected.

Each case takes a call that is right, and puts one odd value in the place of one argument. Every odd value must be
refused but for those that are right in that place, which are listed with the argument.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import napari_stm_impurities as stm
from napari_stm_impurities.core.progress import Stopped
from napari_stm_impurities.impurities.model import ModelConfig
from napari_stm_impurities.impurities.network_config import NetworkConfig
from napari_stm_impurities.workflow.provenance import Inputs

MAPS = np.random.default_rng(0).normal(size=(4, 24, 24))
BIASES = [-20.0, -10.0, 0.0, 10.0]
DIMS = ("bias", "y", "x")


def stack(values: np.ndarray = MAPS, size: Any = 0.5) -> xr.DataArray:
    """A stack without anything in it."""
    return stm.make_stack(values, BIASES[: len(values)], size)


def with_coordinate(**coordinates: Any) -> xr.DataArray:
    """A stack whose coordinates are not what they should be."""
    return stack().assign_coords(coordinates)


TABLE = stm.make_points([[2.0, 3.0], [8.0, 5.0]], (0.5, 0.5), source="reference", confidence=0.9)

NUMBERS: dict[str, Any] = {
    "negative": -1,
    "zero": 0,
    "one": 1,
    "half": 1.5,
    "huge": 10**30,
    "nan": np.nan,
    "infinite": np.inf,
    "true": True,
    "complex": 1j,
}
WORDS: dict[str, Any] = {
    "word": "0.5 nm",
    "no_word": "",
    "zero_byte": "a\0b",
    "bytes": b"0.5",
    "path": Path("nowhere.3ds"),
    "folder": Path(__file__).parent,
    "long_path": "x" * 5000 + ".csv",
}
ROWS: dict[str, Any] = {
    "empty_list": [],
    "list_of_words": ["a", "b"],
    "ragged": [[1.0], [1.0, 2.0]],
    "three_numbers": [1.0, 2.0, 3.0],
    "five_with_nan": [1.0, np.nan, 2.0, 3.0, 4.0],
    "falling": [4.0, 3.0, 2.0, 1.0],
    "dict": {"a": 1},
    "object": object(),
}
ARRAYS: dict[str, Any] = {
    "array": MAPS,
    "one_map": MAPS[0],
    "empty_array": np.zeros((0, 24, 24)),
    "no_pixel": np.zeros((4, 0, 0)),
    "four_axes": MAPS[None],
    "complex_array": MAPS + 1j,
    "object_array": MAPS.astype(object),
    "words_array": np.full((4, 24, 24), "a"),
    "dates": np.zeros((4, 24, 24), "datetime64[s]"),
    "nan_array": np.full((4, 24, 24), np.nan),
    "constant_array": np.ones((4, 24, 24)),
    "bool_array": MAPS > 0,
    "small_array": MAPS[:, :4, :4],
}
LABELLED: dict[str, Any] = {
    "stack": stack(),
    "map": stack()[0],
    "other_dims": xr.DataArray(MAPS, dims=("z", "y", "x")),
    "other_order": stack().transpose("y", "x", "bias"),
    "no_coordinates": xr.DataArray(MAPS, dims=DIMS),
    "no_y": stack().drop_vars("y"),
    "volts": with_coordinate(bias=("bias", [0.1, 0.2, 0.3, 0.4], {"units": "V"})),
    "metres": with_coordinate(y=("y", np.arange(24) * 5e-10, {"units": "m"})),
    "words_as_bias": with_coordinate(bias=("bias", list("abcd"))),
    "nan_as_bias": with_coordinate(bias=("bias", [0.0, np.nan, 1.0, 2.0])),
    "falling_bias": with_coordinate(bias=("bias", [3.0, 2.0, 1.0, 0.0])),
    "falling_y": with_coordinate(y=("y", -np.arange(24.0))),
    "uneven_x": with_coordinate(x=("x", np.arange(24.0) ** 2)),
    "complex_stack": stack().astype(complex),
    "object_stack": stack().astype(object),
    "nan_stack": stack() * np.nan,
    "constant_stack": stack() * 0,
    "small_stack": stack(MAPS[:, :4, :4]),
    "one_pixel": xr.DataArray(np.zeros((1, 1, 1)), dims=DIMS, coords={"bias": [0.0], "y": [0.0], "x": [0.0]}),
    "dataset": xr.Dataset({"a": stack()}),
}
TABLES: dict[str, Any] = {
    "table": TABLE,
    "empty_table": TABLE.iloc[:0],
    "no_columns": pd.DataFrame(),
    "other_columns": pd.DataFrame({"x": [1.0], "y": [2.0]}),
    "words_table": TABLE.astype({"y_nm": object}).assign(y_nm="a"),
    "nan_table": TABLE.assign(x_nm=np.nan),
    "complex_table": TABLE.assign(x_nm=1j),
    "twice_a_column": pd.concat([TABLE, TABLE[["y_nm"]]], axis=1),
    "series": TABLE["y_nm"],
}
ODD = {**NUMBERS, **WORDS, **ROWS, **ARRAYS, **LABELLED, **TABLES}
ODD_NAMES = [*ODD, "model"]


class Argument(NamedTuple):
    """A call with one argument left open, and the names of the odd values that are right there."""

    call: Callable[..., Any]
    right: tuple[str, ...] = ()


def tiny_surface() -> stm.SurfaceConfig:
    return stm.SurfaceConfig(side_px=16, frame_nm=7.5, n_biases=2, margin_nm=1.0)


def tiny_training() -> stm.TrainingConfig:
    small = stm.TrainingConfig.preset("wang2020").model_dump() | {"epochs": 1, "steps_per_epoch": 1, "batch_size": 1}
    return stm.TrainingConfig.of(**small)


def tiny_adaptation() -> stm.AdaptConfig:
    return stm.AdaptConfig(
        epochs=1, steps_per_epoch=1, simulated_per_step=1, labelled_per_step=1, unlabelled_per_step=1, window_px=16
    )


@pytest.fixture(scope="module")
def model() -> stm.Model:
    config = ModelConfig(name="small", network=NetworkConfig(channels=(4,), convolutions=(1,), key_channels=2))
    return stm.Model(config)


def arguments(model: stm.Model, folder: Path) -> dict[str, Argument]:
    """Every argument of every public function."""
    band = stm.Dispersion.of_material("Au(111)")
    surface = {"config": tiny_surface()}
    arrays = ("array", "bool_array")

    def found(**changed: Any) -> Any:
        return stm.find_impurities(**{"stack": stack(), "model": model, "dispersion": band, **changed})

    def bare(**changed: Any) -> Any:
        return found(**{"stack": MAPS, "bias_mv": BIASES, "pixel_size_nm": 0.5, **changed})

    def compared(**changed: Any) -> Any:
        return stm.compare(**{"points": TABLE, "reference": TABLE, **changed})

    def made(**changed: Any) -> Any:
        return stm.make_stack(**{"data": MAPS, "bias_mv": BIASES, "pixel_size_nm": 0.5, **changed})

    def read(**changed: Any) -> Any:
        np.save(folder / "maps.npy", MAPS)
        return stm.read_stack(
            **{"path": folder / "maps.npy", "bias_mv": BIASES, "pixel_size_nm": 0.5, "channel": None, **changed}
        )

    def maps() -> Path:
        np.save(folder / "maps.npy", MAPS)
        return folder / "maps.npy"

    def grid() -> Path:
        return stm.save_stack(stack(), folder / "grid.nc")

    def pixels() -> Path:
        (folder / "pixels.csv").write_text("x_px,y_px\n4,2\n")
        return folder / "pixels.csv"

    def placed(**changed: Any) -> Any:
        return stm.make_points(**{"yx_px": [[1, 2]], "pixel_size_nm": (0.5, 0.5), "source": "manual", **changed})

    def explained(**changed: Any) -> Any:
        right = {"stack": stack(), "model": model, "y_nm": 2.0, "x_nm": 3.0, "dispersion": band}
        return stm.explain(**{**right, **changed})

    def record() -> stm.Provenance:
        return stm.Provenance(date="2026-01-31", inputs=Inputs(files=()), run=None, edits=(), points_nm=(), versions={})

    def reported(**changed: Any) -> None:
        right = {"folder": folder / "r", "stack": stack(), "points": TABLE, "date": "2026-01-31"}
        with suppress(Stopped):  # what is right need not be drawn
            stm.write_report(**{**right, **changed}, should_stop=lambda: True)

    # what is right need not be trained to its end
    short = {"device": "cpu", "dispersion": band, "should_stop": lambda: True}

    def trained(**changed: Any) -> Any:
        right = {"config": tiny_training(), **short}
        return stm.train(**{**right, **changed})

    def kernels_of(**changed: Any) -> Any:
        right = {"stack": stack(), "points": TABLE, "dispersion": band, "should_stop": lambda: True}
        with suppress(Stopped):
            stm.fit_kernels(**{**right, **changed})

    def adapted(**changed: Any) -> Any:
        right = {"model": model, "experiment": stack(), "points": TABLE, **short}
        return stm.adapt(**{**right, "config": tiny_adaptation(), **changed})

    empty = ("empty_table", "empty_array", "no_pixel", "empty_list")
    return {
        "compare.points": Argument(lambda v: compared(points=v), ("table", *empty)),
        "compare.reference": Argument(lambda v: compared(reference=v), ("table", *empty)),
        "compare.tolerance_nm": Argument(lambda v: compared(tolerance_nm=v), ("one", "half", "huge")),
        "compare.pixel_size_nm": Argument(lambda v: compared(pixel_size_nm=v), ("one", "half", "series")),
        "compare.frame": Argument(lambda v: compared(frame=v), ("stack", "map", "constant_stack", "small_stack")),
        "Dispersion.of_material": Argument(stm.Dispersion.of_material),
        "Dispersion.of_wavelength": Argument(stm.Dispersion.of_wavelength, ("one", "half", "huge")),
        "Dispersion.of_wavelength.bias_mv": Argument(
            lambda v: stm.Dispersion.of_wavelength(1.0, v), ("negative", "zero", "one", "half", "huge")
        ),
        "Dispersion.of_wavelength.effective_mass": Argument(
            lambda v: stm.Dispersion.of_wavelength(1.0, 0.0, v), ("one", "half")
        ),
        "Dispersion.band_bottom_mv": Argument(
            lambda v: stm.Dispersion(band_bottom_mv=v, effective_mass=0.4),
            ("negative", "zero", "one", "half", "huge", "true", "bytes"),
        ),
        "Dispersion.k_per_nm": Argument(
            band.k_per_nm,
            (
                *("negative", "zero", "one", "half", "nan", "infinite", "true", "empty_list", "three_numbers"),
                *("five_with_nan", "falling", "array", "one_map", "empty_array", "no_pixel", "four_axes", "nan_array"),
                *("constant_array", "bool_array", "small_array", "stack", "map", "other_dims", "other_order"),
                *("no_coordinates", "no_y", "volts", "metres", "words_as_bias", "nan_as_bias", "falling_bias"),
                *(
                    "falling_y",
                    "uneven_x",
                    "nan_stack",
                    "constant_stack",
                    "small_stack",
                    "one_pixel",
                    "series",
                    "no_columns",
                    "other_columns",
                ),
            ),
        ),
        "find_impurities.stack": Argument(lambda v: found(stack=v), ("stack",)),
        "find_impurities.array": Argument(lambda v: bare(stack=v), arrays),
        "find_impurities.model": Argument(lambda v: found(model=v), ("model",)),
        "find_impurities.dispersion": Argument(lambda v: found(dispersion=v)),
        "find_impurities.threshold": Argument(lambda v: found(threshold=v), ("zero", "one")),
        "find_impurities.tile_px": Argument(lambda v: found(tile_px=v), ("zero", "one", "huge")),
        "find_impurities.bias_mv": Argument(lambda v: bare(bias_mv=v), ("falling",)),
        "find_impurities.pixel_size_nm": Argument(lambda v: bare(pixel_size_nm=v), ("one", "half")),
        "score_map.stack": Argument(lambda v: stm.score_map(v, model, band), ("stack",)),
        "score_map.tile_px": Argument(
            lambda v: stm.score_map(stack(), model, band, tile_px=v), ("zero", "one", "huge")
        ),
        "find_reference.map": Argument(stm.find_reference, ("map",)),
        "find_reference.array": Argument(lambda v: stm.find_reference(v, 0.5), ("one_map", "map")),
        "find_reference.pixel_size_nm": Argument(lambda v: stm.find_reference(MAPS[0], v), ("one", "half")),
        "find_reference.config": Argument(lambda v: stm.find_reference(MAPS[0], 0.5, config=v)),
        "fit_dispersion": Argument(stm.fit_dispersion),
        "load_model": Argument(stm.load_model, ("model",)),
        "load_model.device": Argument(lambda v: stm.load_model("default", v)),
        "load_points": Argument(stm.load_points),
        "make_stack.data": Argument(
            lambda v: made(data=v),
            (
                "array",
                "nan_array",
                "constant_array",
                "bool_array",
                "small_array",
                "stack",
                "other_dims",
                "no_coordinates",
                "no_y",
                "volts",
                "metres",
                "words_as_bias",
                "nan_as_bias",
                "falling_bias",
                "falling_y",
                "uneven_x",
                "nan_stack",
                "constant_stack",
                "small_stack",
            ),
        ),
        "make_stack.bias_mv": Argument(lambda v: made(bias_mv=v), ("falling",)),
        "make_stack.pixel_size_nm": Argument(lambda v: made(pixel_size_nm=v), ("one", "half", "series")),
        "read_stack.path": Argument(stm.read_stack),
        "read_stack.channel": Argument(lambda v: read(channel=v)),
        "read_stack.bias_mv": Argument(lambda v: read(bias_mv=v), ("falling",)),
        "read_stack.pixel_size_nm": Argument(lambda v: read(pixel_size_nm=v), ("one", "half", "series")),
        "save_points.points": Argument(lambda v: stm.save_points(v, folder / "p.csv"), ("table", "empty_table")),
        "save_points.path": Argument(lambda v: stm.save_points(TABLE, v)),
        "save_stack.stack": Argument(
            lambda v: stm.save_stack(v, folder / "s.nc"), ("stack", "map", "nan_stack", "constant_stack", "small_stack")
        ),
        "save_stack.path": Argument(lambda v: stm.save_stack(stack(), v)),
        "simulate_surface.material": Argument(lambda v: stm.simulate_surface(v, **surface)),
        "simulate_surface.seed": Argument(lambda v: stm.simulate_surface(seed=v, **surface), ("zero", "one")),
        "simulate_surface.config": Argument(lambda v: stm.simulate_surface(config=v)),
        "surface_statistics.points": Argument(lambda v: stm.surface_statistics(v, stack()), ("table", "empty_table")),
        "surface_statistics.frame": Argument(
            lambda v: stm.surface_statistics(TABLE, v), ("stack", "map", "constant_stack", "small_stack")
        ),
        "surface_statistics.seed": Argument(lambda v: stm.surface_statistics(TABLE, stack(), seed=v), ("zero", "one")),
        "describe.path": Argument(stm.describe),
        "describe.channel": Argument(lambda v: stm.describe(grid(), v)),
        "open_recording.path": Argument(stm.open_recording),
        "open_recording.bias_mv": Argument(
            lambda v: stm.open_recording(maps(), bias_mv=v, pixel_size_nm=0.5), ("falling",)
        ),
        "open_recording.pixel_size_nm": Argument(
            lambda v: stm.open_recording(maps(), bias_mv=BIASES, pixel_size_nm=v), ("one", "half", "series")
        ),
        "load_points.pixel_size_nm": Argument(
            lambda v: stm.load_points(pixels(), pixel_size_nm=v), ("one", "half", "series")
        ),
        "make_points.yx_px": Argument(
            lambda v: stm.make_points(v, (0.5, 0.5), source="manual"),
            ("empty_list", "empty_array", "no_pixel", "other_columns", "no_columns"),
        ),
        "make_points.pixel_size_nm": Argument(
            lambda v: stm.make_points([[1, 2]], v, source="manual"), ("one", "half", "series")
        ),
        "make_points.source": Argument(lambda v: stm.make_points([[1, 2]], 0.5, source=v)),
        "make_points.score": Argument(
            lambda v: placed(score=v), ("negative", "zero", "one", "half", "nan", "infinite", "true")
        ),
        "make_points.confidence": Argument(lambda v: placed(confidence=v), ("zero", "one", "nan", "true")),
        "edits_between.found": Argument(lambda v: stm.edits_between(v, TABLE), ("table", "empty_table")),
        "edits_between.final": Argument(lambda v: stm.edits_between(TABLE, v), ("table", "empty_table")),
        "merge_points.new": Argument(lambda v: stm.merge_points(v, TABLE, 0.5), ("table", "empty_table")),
        "merge_points.kept": Argument(lambda v: stm.merge_points(TABLE, v, 0.5), ("table", "empty_table")),
        "merge_points.radius_nm": Argument(lambda v: stm.merge_points(TABLE, TABLE, v), ("one", "half", "huge")),
        "export_imagej.points": Argument(
            lambda v: stm.export_imagej(v, folder / "i.csv", 0.5), ("table", "empty_table")
        ),
        "export_imagej.path": Argument(lambda v: stm.export_imagej(TABLE, v, 0.5)),
        "export_imagej.pixel_size_nm": Argument(
            lambda v: stm.export_imagej(TABLE, folder / "i.roi", v), ("one", "half", "series")
        ),
        "find.stack": Argument(lambda v: stm.find(v, model, band), ("stack",)),
        "explain.stack": Argument(lambda v: explained(stack=v), ("stack",)),
        "explain.model": Argument(lambda v: explained(model=v), ("model",)),
        "explain.y_nm": Argument(lambda v: explained(y_nm=v), ("zero", "one", "half")),
        "explain.x_nm": Argument(lambda v: explained(x_nm=v), ("zero", "one", "half")),
        "explain.dispersion": Argument(lambda v: explained(dispersion=v)),
        "explain.points_nm": Argument(
            lambda v: explained(points_nm=v), ("empty_list", "empty_array", "no_pixel", "other_columns", "no_columns")
        ),
        "explain.radius_nm": Argument(lambda v: explained(radius_nm=v), ("zero", "one", "half", "huge")),
        "Provenance.load": Argument(stm.Provenance.load),
        "Provenance.save": Argument(lambda v: record().save(v), ("word", "path")),
        "rerun": Argument(stm.rerun),
        "write_report.folder": Argument(lambda v: reported(folder=v), ("word", "path")),
        "write_report.stack": Argument(
            lambda v: reported(stack=v),
            ("stack", "map", "nan_stack", "constant_stack", "small_stack", "one_pixel"),
        ),
        "write_report.points": Argument(lambda v: reported(points=v), ("table", "empty_table")),
        "train.preset": Argument(lambda v: stm.train(v, device="cpu")),
        "train.experiment": Argument(lambda v: trained(experiment=v), ("stack",)),
        "train.reference": Argument(lambda v: trained(experiment=stack(), reference=v), ("table", "empty_table")),
        "train.dispersion": Argument(lambda v: trained(experiment=stack(), dispersion=v)),
        "train.config": Argument(lambda v: stm.train(config=v, device="cpu")),
        "train.start": Argument(lambda v: trained(start=v), ("model",)),
        "train.path": Argument(lambda v: trained(path=v), ("word", "path")),
        "train.device": Argument(lambda v: trained(device=v)),
        "adapt.model": Argument(lambda v: adapted(model=v), ("model",)),
        "adapt.experiment": Argument(lambda v: adapted(experiment=v), ("stack",)),
        "adapt.points": Argument(lambda v: adapted(points=v), ("table", "empty_table")),
        "adapt.region_nm": Argument(lambda v: adapted(region_nm=v)),
        "adapt.dispersion": Argument(lambda v: adapted(dispersion=v)),
        "adapt.config": Argument(lambda v: adapted(config=v)),
        "adapt.path": Argument(lambda v: adapted(path=v), ("word", "path")),
        "fit_kernels.stack": Argument(lambda v: kernels_of(stack=v), ("stack",)),
        "fit_kernels.points": Argument(lambda v: kernels_of(points=v), ("table",)),
        "fit_kernels.config": Argument(lambda v: kernels_of(config=v)),
        "fit_kernels.dispersion": Argument(lambda v: kernels_of(dispersion=v)),
        "read_image.path": Argument(stm.read_image),
        "save_image.image": Argument(
            lambda v: stm.save_image(v, folder / "image.nc"),
            ("stack", "map", "nan_stack", "constant_stack", "small_stack"),
        ),
        "save_image.path": Argument(lambda v: stm.save_image(stack(), v)),
        "Model.load": Argument(stm.Model.load),
        "Model.save": Argument(lambda v: model.save(v), ("word", "path")),
        **{
            f"{config.__name__}.{name}": Argument(lambda v, c=config, n=name: c(**{n: v}), right)
            for config, name, right in (
                (stm.SurfaceConfig, "side_px", ()),
                (stm.SurfaceConfig, "frame_nm", ("one", "half", "huge", "true", "bytes")),
                (stm.ReferenceConfig, "sign", ()),
                (stm.KernelConfig, "method", ()),
                (stm.KernelConfig, "n_bins", ("one", "true")),
                (stm.ReferenceConfig, "min_confidence", ("zero", "bytes")),
                (stm.TrainingConfig, "seed", ("zero", "one", "true")),
                (stm.AdaptConfig, "epochs", ("one", "huge", "true")),
                (stm.AdaptConfig, "learning_rate", ("one", "half", "huge", "true", "bytes")),
            )
        },
    }


NAMES = list(arguments(None, Path()))  # type: ignore[arg-type]  # nothing is called yet


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("name", NAMES)
def test_an_odd_value_is_refused_in_one_line(name, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    argument = arguments(model, tmp_path)[name]
    faults = []
    for odd in ODD_NAMES:
        value = model if odd == "model" else ODD[odd]
        try:
            argument.call(value)
        except stm.StmError as error:
            if odd in argument.right:
                faults.append(f"{odd} is right and was refused: {error}")
            elif "\n" in str(error) or len(str(error)) > 6000:
                faults.append(f"{odd}: more than one line: {error}")
        except Exception as error:  # any other error is the fault that is looked for
            faults.append(f"{odd}: {type(error).__name__}: {error}")
        else:
            if odd not in argument.right:
                faults.append(f"{odd} was taken")
    assert not faults, "\n".join(faults)


def test_every_public_function_is_tried():
    tried = {name.split(".")[0] for name in NAMES}
    results = {"Comparison", "Finding", "Kernels", "Report", "SurfaceStatistics"}
    public = {name for name in stm.__all__ if not name.endswith(("Error", "Warning"))}
    assert public - results == tried
