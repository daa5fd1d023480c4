"""The reader, the writers and the manifest, by what the viewer calls."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import roifile
import xarray as xr
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points
from npe2 import PluginManifest

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.images import pixel_size_nm
from napari_stm_impurities.data.schemas import make_movie
from napari_stm_impurities.io.imagej import export_imagej
from napari_stm_impurities.io.readers import read_image, read_stack, suffixes
from napari_stm_impurities.io.tables import load_points, save_points
from napari_stm_impurities.io.writers import save_image, write_nanonis_grid
from napari_stm_impurities.plugin import reader
from napari_stm_impurities.plugin.layers.images import (
    BIAS_KEY,
    image_layer,
    layer_bias_mv,
    layer_image,
    layer_stack,
    layer_time_s,
)
from napari_stm_impurities.plugin.layers.points import layer_points, points_layer
from napari_stm_impurities.plugin.reader import get_reader
from napari_stm_impurities.plugin.writer import write_image, write_points

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.usefixtures("plugin")


def opened(viewer: ViewerModel, path: Path | list[Path], **how: object) -> list[Layer]:
    names = [str(one) for one in path] if isinstance(path, list) else str(path)
    return list(viewer.open(names, plugin="napari-stm-impurities", **how))


def test_a_grid_becomes_a_layer_for_each_channel_with_the_default_on_top(
    viewer: ViewerModel, stack: xr.DataArray, tmp_path: Path
) -> None:
    path = write_nanonis_grid(stack, tmp_path / "grid.3ds")
    layers = opened(viewer, path)
    assert [layer.visible for layer in layers] == [False] * (len(layers) - 1) + [True]
    top = layers[-1]
    assert top.name == f"grid {read_stack(path).attrs['channel']}"
    np.testing.assert_allclose(layer_stack(top), stack, rtol=1e-6)
    np.testing.assert_allclose(top.metadata[BIAS_KEY], stack.bias)
    assert str(viewer.canvas.overlays.text.text) in ("", "Bias +20 mV", "Bias -20 mV")


def test_several_files_are_one_series(viewer: ViewerModel, stack: xr.DataArray, tmp_path: Path) -> None:
    paths = []
    for number, bias in enumerate((10.0, -20.0, 0.0)):
        path = tmp_path / f"map{number}.npz"
        np.savez(path, data=stack.sel(bias=[bias]).values, bias=[bias], pixel_size=[0.5, 0.25])
        paths.append(path)
    (layer,) = opened(viewer, paths, stack=True)
    assert layer_stack(layer).bias.values.tolist() == [-20, 0, 10]
    np.testing.assert_allclose(layer_stack(layer), stack.sel(bias=[-20, 0, 10]))


@pytest.fixture
def errors(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the reader shows on the screen."""
    shown: list[str] = []
    monkeypatch.setattr(reader, "show_error", shown.append)
    return shown


def test_a_bad_file_is_one_clear_line(viewer: ViewerModel, tmp_path: Path, errors: list[str]) -> None:
    path = tmp_path / "cut.3ds"
    path.write_bytes(b'Grid dim="4 x 4"\r\n')
    assert opened(viewer, path) == []
    (line,) = errors
    assert line.startswith(str(path))
    assert "\n" not in line
    assert len(viewer.layers) == 0


def test_points_csv_round_trip_in_nm(image: Image, points: pd.DataFrame, tmp_path: Path, viewer: ViewerModel) -> None:
    layer = Layer.create(*points_layer(points, image))
    (path,) = write_points(str(tmp_path / "points.csv"), *layer.as_layer_data_tuple()[:2])
    pd.testing.assert_frame_equal(load_points(path), points)
    (again,) = opened(viewer, Path(path))
    assert isinstance(again, Points)
    world = [[shown.data_to_world(at) for at in shown.data] for shown in (again, layer)]
    np.testing.assert_allclose(world[0], world[1], rtol=1e-12)
    pd.testing.assert_frame_equal(layer_points(again), points)


def test_points_are_saved_as_a_selection_of_imagej_on_their_image(
    stack: xr.DataArray, points: pd.DataFrame, tmp_path: Path, viewer: ViewerModel
) -> None:
    image = Layer.create(*image_layer(stack, translate=(0, 40.0, 70.0)))
    layer = viewer.add_layer(Layer.create(*points_layer(points, image)))
    (path,) = viewer.layers.save(str(tmp_path / "points.roi"), plugin="napari-stm-impurities")
    np.testing.assert_allclose(roifile.ImagejRoi.fromfile(path).coordinates()[:, ::-1], layer.data, rtol=1e-6)


def test_a_selection_of_imagej_is_opened_on_the_image_it_was_marked_on(
    stack: xr.DataArray, points: pd.DataFrame, tmp_path: Path, viewer: ViewerModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(reader, "show_warning", said.append)
    monkeypatch.setattr(reader, "current_viewer", lambda: viewer)
    path = export_imagej(points, tmp_path / "points.roi", pixel_size_nm(stack))
    monkeypatch.setattr(reader, "show_error", said.append)
    assert opened(viewer, path) == []
    assert "in pixels; give pixel_size_nm" in said.pop()
    viewer.add_layer(Layer.create(*image_layer(stack)))
    (layer,) = opened(viewer, path)
    assert said == ["points.roi: assumed pixel size: 0.5 x 0.25 nm, that of the images on the screen"]
    found = layer_points(layer)
    np.testing.assert_allclose(found[["y_nm", "x_nm"]], points[["y_nm", "x_nm"]], rtol=1e-6)
    assert set(found["source"]) == {"reference"}


def test_an_archive_without_selections_is_left_to_napari(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("map.png", b"")
    assert get_reader(str(tmp_path / "a.zip")) is None


def test_a_table_of_another_kind_is_left_to_napari(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("index,axis-0,axis-1\n0,1.0,2.0\n")
    assert get_reader(str(path)) is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";"])
def test_a_table_that_excel_has_saved_again_opens(
    viewer: ViewerModel, points: pd.DataFrame, tmp_path: Path, encoding: str, separator: str
) -> None:
    path = save_points(points, tmp_path / "points.csv")
    path.write_text(path.read_text(encoding="utf-8").replace(",", separator), encoding=encoding)
    (layer,) = opened(viewer, path)
    pd.testing.assert_frame_equal(layer_points(layer), points)


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the reader warns of."""
    said: list[str] = []
    monkeypatch.setattr(reader, "show_warning", said.append)
    return said


def test_what_a_table_does_not_state_is_a_warning(viewer: ViewerModel, tmp_path: Path, warned: list[str]) -> None:
    (tmp_path / "a.csv").write_text("x,y\n3,4.5\n")
    (layer,) = opened(viewer, tmp_path / "a.csv")
    assert layer_points(layer)[["y_nm", "x_nm"]].to_numpy().tolist() == [[4.5, 3.0]]
    (line,) = warned
    assert line.startswith("a.csv: assumed unit: ")


def test_a_table_in_pixels_takes_the_pixel_size_of_the_images_on_the_screen(
    viewer: ViewerModel,
    image: Image,
    tmp_path: Path,
    errors: list[str],
    warned: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "trackpy.csv"
    path.write_text("y,x,mass,size,frame\n4,2,1,1,0\n")
    assert opened(viewer, path) == []
    assert "are in pixels; give pixel_size_nm" in errors[0]
    viewer.add_layer(image)
    monkeypatch.setattr(reader, "current_viewer", lambda: viewer)
    (layer,) = opened(viewer, path)
    assert layer_points(layer)[["y_nm", "x_nm"]].to_numpy().tolist() == [[2.0, 0.5]]
    assert "0.5 x 0.25 nm, that of the images on the screen" in warned[-1]


def test_a_csv_with_a_header_and_a_map_opens_as_one(viewer: ViewerModel, tmp_path: Path) -> None:
    rows = "\n".join(",".join(f"{x * y}" for x in range(6)) for y in range(5))
    (tmp_path / "map_5mV.csv").write_text(f"\ufeff# Width: 6 nm\n# Height: 5 nm\n{rows}\n", encoding="utf-8")
    (layer,) = opened(viewer, tmp_path / "map_5mV.csv")
    assert isinstance(layer, Image)
    assert layer_bias_mv(layer).tolist() == [5.0]


def test_a_folder_with_nothing_to_read_is_left_to_napari(tmp_path: Path) -> None:
    assert get_reader(str(tmp_path)) is None
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    assert get_reader(str(tmp_path)) is None
    (tmp_path / "zarr.json").write_text("{}")
    assert get_reader(str(tmp_path)) is not None


def write_series(folder: Path, stack: xr.DataArray, names: dict[float, str]) -> Path:
    """A folder with one map a file, which tells its pixel size but not its bias."""
    folder.mkdir()
    for bias, name in names.items():
        np.savez(folder / name, data=stack.sel(bias=[bias]).values, pixel_size=[0.5, 0.25])
    (folder / "notes.txt").write_text("which tip it was")
    return folder


def test_a_folder_of_maps_is_one_stack_with_the_biases_of_the_names(
    viewer: ViewerModel, stack: xr.DataArray, tmp_path: Path
) -> None:
    folder = write_series(tmp_path / "monday", stack, {10: "a_p10mV.npz", -20: "b_-20mV.npz", 0: "c_0mV.npz"})
    (layer,) = opened(viewer, folder)
    assert layer.name == "monday dI/dV"
    assert layer_stack(layer).bias.values.tolist() == [-20, 0, 10]
    np.testing.assert_allclose(layer_stack(layer), stack.sel(bias=[-20, 0, 10]))


def test_a_folder_without_biases_opens_and_they_are_asked_for(
    viewer: ViewerModel, stack: xr.DataArray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("napari_stm_impurities.plugin.reader.show_warning", said.append)
    folder = write_series(tmp_path / "monday", stack, {-20: "a.npz", -10: "b.npz", 0: "c.npz"})
    (layer,) = opened(viewer, folder)
    assert "give bias_mv (in mV, for its 3 maps)" in said[0]
    np.testing.assert_allclose(layer.data, stack.values[:3])
    assert layer_bias_mv(layer) is None


def test_a_folder_that_is_no_series_is_one_clear_line(
    viewer: ViewerModel, stack: xr.DataArray, tmp_path: Path, errors: list[str]
) -> None:
    write_nanonis_grid(stack, tmp_path / "a.3ds")
    write_nanonis_grid(stack, tmp_path / "b.3ds")
    opened(viewer, tmp_path)
    np.save(tmp_path / "c.npy", stack.values)
    opened(viewer, tmp_path)
    many_maps, several_kinds = errors
    assert "a.3ds: holds 5 maps; a series is of files with one map each" in many_maps
    assert "holds files of several kinds" in several_kinds
    assert "\n" not in many_maps
    assert len(viewer.layers) == 0


def test_a_matrix_of_numbers_as_csv_is_a_map(tmp_path: Path) -> None:
    path = tmp_path / "map.csv"
    np.savetxt(path, np.zeros((9, 9)), delimiter=",")
    assert get_reader(str(path)) is not None


def test_an_empty_table_of_points_opens(viewer: ViewerModel, points: pd.DataFrame, tmp_path: Path) -> None:
    path = save_points(points.iloc[:0], tmp_path / "none.csv")
    (layer,) = opened(viewer, path)
    assert len(layer.data) == 0


def test_stack_round_trip_by_netcdf(stack: xr.DataArray, tmp_path: Path, viewer: ViewerModel) -> None:
    layer = Layer.create(*image_layer(stack.assign_attrs(frame_angle_deg=45.0)))
    (path,) = write_image(str(tmp_path / "stack.nc"), *layer.as_layer_data_tuple()[:2])
    (again,) = opened(viewer, Path(path))
    xr.testing.assert_allclose(layer_stack(again), stack)
    assert layer_stack(again).attrs["frame_angle_deg"] == 45.0


@pytest.mark.parametrize("times_s", [[0.0, 0.5, 1.0], [0.0, 0.5, 9.0], [4.0]], ids=["even", "uneven", "one"])
def test_a_movie_is_opened_saved_and_opened_again(times_s: list[float], tmp_path: Path, viewer: ViewerModel) -> None:
    values = np.random.default_rng(0).normal(size=(len(times_s), 12, 15))
    movie = make_movie(values, times_s, (0.5, 0.25), channel="Z", units="m", attrs={"source": "a.nc"})
    (layer,) = opened(viewer, save_image(movie, tmp_path / "movie.nc"))
    if len(times_s) > 1:
        assert layer.axis_labels == ("time", "y", "x")
        assert (str(layer.units[0]) == "second") == (times_s[-1] == 1.0)
    assert layer_time_s(layer).tolist() == times_s
    assert layer_bias_mv(layer) is None
    (path,) = viewer.layers.save(str(tmp_path / "again.nc"), plugin="napari-stm-impurities")
    xr.testing.assert_identical(read_image(path).drop_attrs(), movie.drop_attrs())
    with pytest.raises(StmError, match="does not tell its bias"):
        layer_stack(layer)


def test_a_map_without_a_bias_is_saved_as_an_image(tmp_path: Path, viewer: ViewerModel) -> None:
    # as another plugin has it
    viewer.add_image(np.arange(12.0).reshape(3, 4), scale=(5.0, 2.5), units=("angstrom", "angstrom"), name="height")
    (path,) = viewer.layers.save(str(tmp_path / "a.nc"), plugin="napari-stm-impurities")
    image = read_image(path)
    assert image.dims == ("y", "x")
    assert image.attrs["pixel_size_nm"] == pytest.approx([0.5, 0.25])
    (again,) = opened(viewer, Path(path))
    xr.testing.assert_allclose(layer_image(again), image)


def test_maps_without_biases_and_times_are_not_saved(tmp_path: Path) -> None:
    layer = Image(np.zeros((2, 9, 9)), units=("pixel", "nanometer", "nanometer"))
    with pytest.raises(StmError, match="does not tell its bias"):
        write_image(str(tmp_path / "a.nc"), *layer.as_layer_data_tuple()[:2])
    assert list(tmp_path.iterdir()) == []


def test_the_manifest_offers_every_format_that_can_be_read() -> None:
    manifest = PluginManifest.from_file(ROOT / "napari.yaml")
    (reader,) = manifest.contributions.readers
    assert {f"*{suffix}" for suffix in suffixes()} <= set(reader.filename_patterns)


@pytest.mark.parametrize("name", ["Topo014.sxm", "Topo038.sxm"])
def test_a_measured_topograph_opens(shared_data: Path, viewer: ViewerModel, name: str) -> None:
    layers = opened(viewer, shared_data / "jjacobe2__PyAutoSTM" / name)
    assert layers[-1].ndim == 2
    assert layers[-1].visible
    assert str(layers[-1].units[0]) == "nanometer"
    low, high = layers[-1].contrast_limits
    finite = layers[-1].data[np.isfinite(layers[-1].data)]
    assert finite.min() <= low < high <= finite.max()
