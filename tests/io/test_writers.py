"""What is written comes back, and other programs can read it too."""

from __future__ import annotations

import struct

import h5py
import numpy as np
import pytest
import xarray as xr
import xarray_nanonis

from napari_stm_impurities.core.errors import ReadError, StmError
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.data.schemas import IMAGE, MOVIE, SCHEMAS, ImageSchema, schema_of
from napari_stm_impurities.io.readers import describe, open_recording, read_image, read_stack
from napari_stm_impurities.io.writers import save_image, save_stack, write_nanonis_grid
from napari_stm_impurities.prepare import crop, level_planes


@pytest.fixture
def stack() -> xr.DataArray:
    """An oblong stack on odd numbers, with a missing pixel and every attribute that a reader gives."""
    data = np.random.default_rng(0).normal(size=(4, 12, 15)).astype(np.float32)
    data[1, 2, 3] = np.nan
    attrs = {
        "source": "somewhere \xe9.3ds",
        "frame_center_nm": [84.51877, -632.9924],
        "frame_angle_deg": 33.3,
        "sweep_signal": "Bias (V)",
        "history": ["channel read", "levelled"],
    }
    return make_stack(data, [-0.1, 7 / 3, 20, 33], (0.1, 0.07), channel="LI/X", units="A", attrs=attrs)


def test_a_saved_stack_comes_back_identical(stack, tmp_path):
    changed = crop(level_planes(stack), x_nm=(0.1, 0.9))
    for one in (stack, changed, stack.isel(bias=[2]), stack.isel(y=[4], x=slice(3, None))):
        again = read_stack(save_stack(one, tmp_path / "a.nc"))
        assert again.identical(one)
        assert again.dtype == np.float32
        assert type(again.attrs["history"]) is list


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_a_pixel_size_is_saved_as_it_is_and_not_as_its_coordinates_are_rounded(tmp_path, suffix):
    # 1311 * 0.1 / 1311 is 0.09999999999999999
    stack = make_stack(np.zeros((1, 2, 1312)), 0.0, 0.1)
    assert read_stack(save_stack(stack, tmp_path / f"a{suffix}")).identical(stack)
    # coordinates that say something else win
    stack.attrs["pixel_size_nm"] = [0.5, 0.5]
    assert read_stack(save_stack(stack, tmp_path / f"b{suffix}")).attrs["pixel_size_nm"] == pytest.approx([0.1, 0.1])


@pytest.mark.parametrize("name", ["a.csv", "a.tif", "a.3ds", "a"])
def test_maps_are_not_written_under_a_name_of_another_format(stack, tmp_path, name):
    with pytest.raises(StmError, match=r"ending in \.nc or \.zarr"):
        save_stack(stack, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_saving_twice_loses_nothing_and_adds_nothing(stack, tmp_path):
    once = read_stack(save_stack(stack, tmp_path / "a.nc"))
    assert read_stack(save_stack(once, tmp_path / "b.nc")).identical(stack)


def test_a_stack_without_a_history_comes_back_without(tmp_path):
    plain = make_stack(np.zeros((1, 9, 9)), 0, 0.5)
    again = read_stack(save_stack(plain, tmp_path / "a.nc"))
    assert again.attrs["history"] == []
    assert again.identical(plain)


def test_attributes_of_numpy_become_plain_and_strange_ones_are_refused(stack, tmp_path):
    stack.attrs["frame_center_nm"] = np.array([1.5, 2.5])
    assert read_stack(save_stack(stack, tmp_path / "a.nc")).attrs["frame_center_nm"] == [1.5, 2.5]
    stack.attrs["frame_center_nm"] = {1, 2}
    with pytest.raises(StmError, match="set cannot be saved"):
        save_stack(stack, tmp_path / "b.nc")
    assert not list(tmp_path.glob("*b*"))


def test_a_saved_stack_opens_in_xarray_and_is_described(stack, tmp_path):
    path = save_stack(stack, tmp_path / "a.nc")
    with xr.open_dataarray(path) as opened:
        assert opened.dims == ("bias", "y", "x")
        assert opened.attrs["channel"] == "LI/X"
        assert opened.bias.attrs["units"] == "mV"
    facts = describe(path)
    assert facts["default_channel"] == "LI/X"
    assert facts["frame_center_nm"] == [84.51877, -632.9924]
    assert facts["missing_share"] == pytest.approx(1 / stack.size)


ATTRS = {
    "source": "somewhere.sxm",
    "history": ["channel read"],
    "assumptions": ["pixel size: 0.07 nm, from the name of the file", "unit: V, as nothing is stated"],
    "frame_center_nm": [84.5, -632.9],
}


def image_of(schema: ImageSchema) -> xr.DataArray:
    """An oblong image of a kind on odd numbers, with a missing pixel."""
    data = np.random.default_rng(0).normal(size=(3, 12, 15)[-len(schema.dims) :]).astype(np.float32)
    data[..., 2, 3] = np.nan
    along = {"stack": [-0.1, 7 / 3, 33], "movie": [0.0, 1.25, 86400.1], "image": None}[schema.name]
    return schema.parse(data, along, (0.1, 0.07), channel="LI/X", units="A", attrs=ATTRS)


@pytest.mark.parametrize("suffix", [".nc", ".h5", ".zarr"])
@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda one: one.name)
def test_an_image_of_each_kind_comes_back_identical(schema, suffix, tmp_path):
    image = image_of(schema)
    again = read_image(save_image(image, tmp_path / f"a{suffix}"))
    assert schema_of(again) == schema
    assert again.identical(image)  # values, coordinates, their attributes, name and attributes
    assert again.dtype == np.float32
    assert again.attrs["assumptions"] == ATTRS["assumptions"]
    recording = open_recording(tmp_path / f"a{suffix}")
    assert [str(one) for one in recording.assumed()] == ATTRS["assumptions"]
    with pytest.raises(ReadError, match="strict reading refuses an assumption"):
        recording.image(strict=True)


def test_the_times_of_a_saved_movie_are_seconds(tmp_path):
    path = save_image(image_of(MOVIE), tmp_path / "a.nc")
    again = read_image(path)
    assert again.time.values.tolist() == [0.0, 1.25, 86400.1]
    assert again.time.dtype == np.float64
    assert again.time.attrs == {"units": "s"}
    assert open_recording(path).time_s == (0.0, 1.25, 86400.1)
    # another program reads plain numbers with their unit
    with h5py.File(path, "r") as file:
        assert file["time"][:].tolist() == [0.0, 1.25, 86400.1]
        assert file["time"].attrs["units"] in ("s", b"s")


def test_a_movie_and_an_image_are_no_stack_until_biases_are_given(tmp_path):
    for schema, bias_mv in ((MOVIE, [30, 10, 20]), (IMAGE, [5])):
        image = image_of(schema)
        path = save_image(image, tmp_path / f"{schema.name}.nc")
        with pytest.raises(ReadError, match=f"expected a stack, found a saved {schema.name} .*read_image") as error:
            read_stack(path)
        assert "\n" not in str(error.value)
        stack = read_stack(path, bias_mv=bias_mv)
        assert stack.bias.values.tolist() == sorted(bias_mv)
        np.testing.assert_array_equal(stack.sel(bias=bias_mv).values.reshape(image.shape), image.values)
    with pytest.raises(ReadError, match=r"movie\.nc: holds a saved movie without a bias"):
        open_recording([tmp_path / "movie.nc", tmp_path / "image.nc"])


def test_a_given_pixel_size_wins_over_that_of_a_saved_movie(tmp_path):
    movie = image_of(MOVIE)
    again = read_image(save_image(movie, tmp_path / "a.nc"), pixel_size_nm=0.5)
    assert schema_of(again) == MOVIE
    assert again.attrs["pixel_size_nm"] == [0.5, 0.5]
    assert again.x.values[-1] == 7.0
    np.testing.assert_array_equal(again.time, movie.time)
    np.testing.assert_array_equal(again.values, movie.values)


def test_a_map_keeps_its_bias_as_a_coordinate(stack, tmp_path):
    one = stack.isel(bias=2)
    again = read_image(save_image(one, tmp_path / "a.nc"))
    assert again.identical(one)
    assert float(again.bias) == 20.0


def test_a_damaged_time_axis_is_one_line(tmp_path):
    path = save_image(image_of(MOVIE), tmp_path / "a.nc")
    with h5py.File(path, "r+") as file:
        file["time"][:] = [0.0, 2.0, 1.0]
    with pytest.raises(ReadError, match=r"a\.nc: the file is damaged \(.*the time must ascend") as error:
        read_image(path)
    assert "\n" not in str(error.value)


def test_given_values_win_over_those_of_a_saved_stack(stack, tmp_path):
    again = read_stack(save_stack(stack, tmp_path / "a.nc"), bias_mv=[4, 3, 2, 1], pixel_size_nm=0.5)
    assert again.bias.values.tolist() == [1, 2, 3, 4]
    np.testing.assert_array_equal(again.values, stack.values[::-1])
    assert again.attrs["pixel_size_nm"] == [0.5, 0.5]


def test_a_map_is_saved_as_one_bias(stack, tmp_path):
    again = read_stack(save_stack(stack.isel(bias=2), tmp_path / "a.nc"))
    assert again.bias.values.tolist() == [20.0]
    np.testing.assert_array_equal(again.values[0], stack.values[2])
    score = xr.DataArray(
        np.zeros((9, 9), np.float32), dims=("y", "x"), coords={"y": np.arange(9.0), "x": np.arange(9.0)}
    )
    assert read_stack(save_stack(score, tmp_path / "b.nc")).shape == (1, 9, 9)


@pytest.mark.parametrize("write", [save_stack, write_nanonis_grid])
def test_what_is_no_stack_is_refused_and_nothing_is_left(write, tmp_path):
    with pytest.raises(StmError, match=r"\(bias, y, x\)"):
        write(np.zeros((3, 3, 3)), tmp_path / "a")
    with pytest.raises(StmError, match=r"\(bias, y, x\)"):
        write(xr.DataArray(np.zeros((3, 3, 3)), dims=("a", "b", "c")), tmp_path / "a")
    with pytest.raises(StmError, match="does not exist"):
        write(make_stack(np.zeros((1, 9, 9)), 0, 1.0), tmp_path / "none" / "a.nc")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "bias_mv",
    [np.arange(-230, 21, 2), [-520.0], [-10, 10], [-100, -50, -20, 0, 3]],
    ids=["paper", "one", "two", "uneven"],
)
def test_a_written_grid_comes_back(bias_mv, tmp_path):
    data = np.random.default_rng(0).normal(size=(len(bias_mv), 9, 12)).astype(np.float32)
    data[0, 3, 4] = np.nan
    attrs = {"frame_center_nm": [80.0, -30.0], "frame_angle_deg": 30.0}
    stack = make_stack(data, bias_mv, (0.47, 0.3), attrs=attrs)
    recording = open_recording(write_nanonis_grid(stack, tmp_path / "a.3ds"))
    again = recording.stack()
    np.testing.assert_array_equal(again.values, data)
    np.testing.assert_allclose(again.bias, bias_mv, atol=1e-5)
    np.testing.assert_allclose(again.attrs["pixel_size_nm"], [0.47, 0.3], rtol=1e-6)
    np.testing.assert_allclose(again.attrs["frame_center_nm"], [80, -30])
    assert again.attrs["frame_angle_deg"] == 30.0
    assert recording.default == "LI Demod 1 X"
    assert recording.warnings == ()


def test_the_bias_of_a_written_grid_is_exact_where_it_is_even(tmp_path):
    bias_mv = np.arange(-230.0, 21.0, 2.0)
    stack = make_stack(np.zeros((126, 8, 8)), bias_mv, 0.46875)
    assert read_stack(write_nanonis_grid(stack, tmp_path / "a.3ds")).bias.values.tolist() == bias_mv.tolist()


def test_the_bytes_of_a_written_grid_lie_where_the_format_wants_them(tmp_path):
    data = np.random.default_rng(0).normal(size=(5, 3, 4)).astype(np.float32)
    attrs = {"frame_center_nm": [80.0, -30.0]}
    path = write_nanonis_grid(make_stack(data, [-20, -10, 0, 10, 20], (0.4, 0.3), attrs=attrs), tmp_path / "a.3ds")
    text, body = path.read_bytes().split(b":HEADER_END:\r\n")
    header = dict(line.split("=", 1) for line in text.decode().strip().split("\r\n"))
    assert header["Grid dim"] == '"4 x 3"'
    assert header["# Parameters (4 byte)"] == "5"
    assert header["Experiment size (bytes)"] == "20"
    np.testing.assert_allclose([float(v) for v in header["Grid settings"].split(";")], [8e-8, -3e-8, 1.2e-9, 1.2e-9, 0])
    assert len(body) == 4 * 12 * (5 + 5)
    pixel = struct.unpack(">10f", body[40 * 6 : 40 * 7])
    # the seventh pixel: row 1, column 2, half a pixel right of the centre
    np.testing.assert_allclose(pixel[:5], [-0.02, 0.02, 80.15e-9, -30e-9, 0], rtol=1e-5, atol=1e-15)
    assert list(pixel[5:]) == data[:, 1, 2].tolist()


@pytest.mark.parametrize("bias_mv", [[-20, -10, 0, 10, 20], [-20, -15, 0, 1, 20]], ids=["even", "uneven"])
def test_another_reader_finds_the_bias_of_a_written_grid(bias_mv, tmp_path):
    path = write_nanonis_grid(make_stack(np.zeros((5, 9, 12)), bias_mv, (0.4, 0.3)), tmp_path / "a.3ds")
    theirs = xarray_nanonis.Read_NanonisFile(path).dataset
    np.testing.assert_allclose(theirs["bias"].values * 1000, bias_mv, atol=1e-6)
    assert (theirs.sizes["y"], theirs.sizes["x"]) == (9, 12)


def test_the_same_stack_gives_the_same_bytes(stack, tmp_path):
    first = write_nanonis_grid(stack, tmp_path / "a.3ds").read_bytes()
    assert write_nanonis_grid(stack, tmp_path / "b.3ds").read_bytes() == first
