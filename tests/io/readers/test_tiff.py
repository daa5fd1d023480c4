"""TIFF stacks."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.io.readers import describe, read_stack

DATA = np.arange(3 * 8 * 9, dtype=np.float32).reshape(3, 8, 9)


def test_imagej_tells_pixel_size_and_bias(tmp_path):
    labels = ["dI/dV -0.1 V", "dI/dV 20 mV", "dI/dV 5e0 mV"]
    tifffile.imwrite(
        tmp_path / "a.tif",
        DATA,
        imagej=True,
        resolution=(4, 2),
        metadata={"unit": "nm", "axes": "ZYX", "Labels": labels},
    )
    stack = read_stack(tmp_path / "a.tif")
    assert stack.bias.values.tolist() == [-100.0, 5.0, 20.0]
    np.testing.assert_array_equal(stack.values, DATA[[0, 2, 1]])
    assert stack.attrs["pixel_size_nm"] == [0.5, 0.25]


@pytest.mark.parametrize(
    "labels",
    [
        ("-0,200 V", "0,000 V", "1,500 V"),
        ("\N{MINUS SIGN}200 mV", "0 mV", "1500 mV"),
        ("\N{EN DASH}2e2 mV", "0 mV", "1.5e3mV"),
        ("rms 5 mV, bias -200 mV", "rms 5 mV, bias 0 mV", "rms 5 mV, bias 1.5 V"),
        ("5 mV_pp -200 mV]", "5 mV_pp 0 mV]", "5 mV_pp 1500 mV]"),
        ("-200000 \N{MICRO SIGN}V", "0 \N{MICRO SIGN}V", "1500000 \N{GREEK SMALL LETTER MU}V"),
    ],
)
def test_labels_tell_the_bias_of_each_page(tmp_path, labels):
    metadata = {"unit": "nm", "axes": "ZYX", "Labels": list(labels)}
    tifffile.imwrite(tmp_path / "a.tif", DATA, imagej=True, resolution=(4, 2), metadata=metadata)
    np.testing.assert_allclose(read_stack(tmp_path / "a.tif").bias.values, [-200, 0, 1500])


@pytest.mark.parametrize(
    "labels", [("1,100 V", "1,200 V", "1,300 V"), ("5 mV rms", "6 mV rms", "7 mV rms"), ("1", "2", "3")]
)
def test_labels_that_do_not_tell_the_bias_are_asked_for(tmp_path, labels):
    metadata = {"unit": "nm", "axes": "ZYX", "Labels": list(labels)}
    tifffile.imwrite(tmp_path / "a.tif", DATA, imagej=True, resolution=(4, 2), metadata=metadata)
    with pytest.raises(ReadError, match="give bias_mv"):
        read_stack(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("unit", "nm"), [("\\u00B5m", 1e3), ("micron", 1e3), ("\\u00C5", 0.1), ("nm", 1.0), ("um", 1e3)]
)
def test_the_unit_of_imagej_as_it_writes_it(tmp_path, unit, nm):
    tifffile.imwrite(tmp_path / "a.tif", DATA, imagej=True, resolution=(4, 2), metadata={"unit": unit, "axes": "ZYX"})
    stack = read_stack(tmp_path / "a.tif", bias_mv=[1, 2, 3])
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [0.5 * nm, 0.25 * nm])


def test_what_a_tiff_does_not_tell_is_given(tmp_path):
    tifffile.imwrite(tmp_path / "a.tiff", DATA.astype(np.uint16), photometric="minisblack")
    with pytest.raises(ReadError, match=r"give bias_mv \(in mV, for its 3 maps\) and pixel_size_nm"):
        read_stack(tmp_path / "a.tiff")
    np.testing.assert_array_equal(read_stack(tmp_path / "a.tiff", bias_mv=[1, 2, 3], pixel_size_nm=1).values, DATA)


def test_one_map_and_pages_of_a_single_channel(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", DATA[0])
    assert read_stack(tmp_path / "a.tif", bias_mv=5, pixel_size_nm=1).shape == (1, 8, 9)
    tifffile.imwrite(tmp_path / "b.tif", DATA[:, None], imagej=True, metadata={"axes": "ZCYX"})
    assert read_stack(tmp_path / "b.tif", bias_mv=[1, 2, 3], pixel_size_nm=1).shape == (3, 8, 9)


def test_a_colour_image_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((8, 8, 3), dtype=np.uint8), photometric="rgb")
    with pytest.raises(ReadError, match="colour"):
        read_stack(tmp_path / "a.tif", bias_mv=[1], pixel_size_nm=1)


@pytest.mark.parametrize("keep", [0.2, 0.6, 0.9])
def test_a_cut_file_is_refused(tmp_path, keep):
    tifffile.imwrite(tmp_path / "a.tif", np.tile(DATA, (1, 10, 10)), photometric="minisblack")
    whole = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(whole[: int(keep * len(whole))])
    with pytest.raises(ReadError) as error:
        read_stack(tmp_path / "a.tif", bias_mv=[1, 2, 3], pixel_size_nm=1)
    assert "\n" not in str(error.value)


def test_a_hyperstack_has_channels(tmp_path):
    data = np.stack([DATA, DATA + 1000], axis=1)
    labels = [f"{channel} {mv} mV" for mv in (-5, 0, 5) for channel in ("dI/dV", "Z")]
    tifffile.imwrite(tmp_path / "a.tif", data, imagej=True, metadata={"axes": "ZCYX", "Labels": labels})
    stack = read_stack(tmp_path / "a.tif", pixel_size_nm=1)
    assert stack.bias.values.tolist() == [-5.0, 0.0, 5.0]
    np.testing.assert_array_equal(stack.values, DATA)
    np.testing.assert_array_equal(read_stack(tmp_path / "a.tif", "Z", pixel_size_nm=1).values, DATA + 1000)


def test_two_axes_of_maps_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2, 3, 8, 9), np.float32), imagej=True, metadata={"axes": "TZYX"})
    with pytest.raises(ReadError, match="found 2 T x 3 Z; save one of them alone"):
        read_stack(tmp_path / "a.tif", bias_mv=[1, 2, 3], pixel_size_nm=1)


LABELS = ["-200 mV", "-0.1 V", "0 mV"]


@pytest.mark.parametrize("axes", ["CYX", "ZYX", "TYX", None])
def test_the_name_of_the_axis_is_no_matter(tmp_path, axes):
    metadata = {"unit": "nm", "Labels": LABELS, **({"axes": axes} if axes else {})}
    tifffile.imwrite(tmp_path / "a.tif", DATA, imagej=True, resolution=(2, 2), metadata=metadata)
    stack = read_stack(tmp_path / "a.tif", strict=True)
    assert stack.bias.values.tolist() == [-200.0, -100.0, 0.0]
    np.testing.assert_array_equal(stack.values, DATA)
    tifffile.imwrite(tmp_path / "b.tif", DATA, imagej=True, metadata={"axes": axes} if axes else {})
    np.testing.assert_array_equal(read_stack(tmp_path / "b.tif", bias_mv=[1, 2, 3], pixel_size_nm=1).values, DATA)
    with pytest.raises(ReadError, match="3 maps need 3 biases"):
        read_stack(tmp_path / "b.tif", bias_mv=1, pixel_size_nm=1)


def test_true_channels_stay_channels(tmp_path):
    metadata = {"axes": "CYX", "mode": "composite"}
    tifffile.imwrite(tmp_path / "a.tif", DATA, imagej=True, metadata=metadata)
    np.testing.assert_array_equal(read_stack(tmp_path / "a.tif", "channel 3", bias_mv=5, pixel_size_nm=1)[0], DATA[2])
    assert describe(tmp_path / "a.tif", bias_mv=5, pixel_size_nm=1)["assumptions"][0].startswith("channel")
    # all of them may be maps nevertheless
    assert read_stack(tmp_path / "a.tif", bias_mv=[1, 2, 3], pixel_size_nm=1).shape == (3, 8, 9)
    metadata = {"axes": "CYX", "Labels": ["Z", "dI/dV", "Current"]}
    tifffile.imwrite(tmp_path / "b.tif", DATA, imagej=True, metadata=metadata)
    stack = read_stack(tmp_path / "b.tif", bias_mv=5, pixel_size_nm=1, strict=True)
    assert stack.name == "dI/dV"
    np.testing.assert_array_equal(stack.values[0], DATA[1])
    metadata = {"axes": "CYX", "Labels": ["Z -5 mV", "dI/dV -5 mV", "Current -5 mV"]}
    tifffile.imwrite(tmp_path / "c.tif", DATA, imagej=True, metadata=metadata)
    stack = read_stack(tmp_path / "c.tif", pixel_size_nm=1, strict=True)
    assert (stack.name, stack.bias.values.tolist()) == ("dI/dV", [-5.0])
    np.testing.assert_array_equal(stack.values[0], DATA[1])


def test_the_bias_runs_along_the_axis_where_the_labels_change(tmp_path):
    # ImageJ's channels are the biases here, and its slices the two ways
    data = np.stack([DATA, DATA + 1000])
    labels = [f"{way} {mv}" for way in ("forward", "backward") for mv in LABELS]
    tifffile.imwrite(tmp_path / "a.tif", data, imagej=True, metadata={"axes": "ZCYX", "Labels": labels})
    assert [one["name"] for one in describe(tmp_path / "a.tif", pixel_size_nm=1)["channels"]] == ["forward", "backward"]
    np.testing.assert_array_equal(read_stack(tmp_path / "a.tif", "backward", pixel_size_nm=1).values, DATA + 1000)
    # and here every page has its own bias
    labels = [f"{mv} mV" for mv in range(6)]
    tifffile.imwrite(tmp_path / "b.tif", data, imagej=True, metadata={"axes": "TZYX", "Labels": labels})
    np.testing.assert_array_equal(read_stack(tmp_path / "b.tif", pixel_size_nm=1).values, data.reshape(6, 8, 9))


def in_a_loop(path, **options):
    with tifffile.TiffWriter(path) as writer:
        for one in DATA:
            writer.write(one, **options)


def appended(path, **options):
    for one in DATA:
        tifffile.imwrite(path, one, append=True, **options)


def some_and_the_rest(path, **options):
    tifffile.imwrite(path, DATA[0], **options)
    tifffile.imwrite(path, DATA[1:], append=True, **options)


@pytest.mark.parametrize("write", [in_a_loop, appended, some_and_the_rest])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zlib"},
        {"metadata": None},
        {"contiguous": True},
        {"photometric": "minisblack", "tile": (16, 16)},
    ],
)
def test_pages_that_were_written_one_by_one_are_all_there(tmp_path, write, options):
    if write is not in_a_loop and "contiguous" in options:
        options = {}
    path = tmp_path / "Au111_-200mV.tif"
    write(path, **options)
    np.testing.assert_array_equal(read_stack(path, bias_mv=[1, 2, 3], pixel_size_nm=1).values, DATA)
    with pytest.raises(ReadError, match="3 maps need 3 biases"):
        read_stack(path, bias_mv=-200, pixel_size_nm=1)
    # the name of the file tells one bias, of three maps
    with pytest.raises(ReadError, match="for its 3 maps"):
        read_stack(path, pixel_size_nm=1)


def test_pages_that_tell_their_own_bias(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for one, label in zip(DATA, LABELS, strict=True):
            writer.write(one, description=label, metadata=None)
    assert read_stack(tmp_path / "a.tif", pixel_size_nm=1).bias.values.tolist() == [-200.0, -100.0, 0.0]
    with tifffile.TiffWriter(tmp_path / "b.tif") as writer:
        for one, label in zip(DATA, LABELS, strict=True):
            writer.write(one, extratags=[(285, 2, 0, label, True)], metadata=None)
    assert read_stack(tmp_path / "b.tif", pixel_size_nm=1).bias.values.tolist() == [-200.0, -100.0, 0.0]
    with tifffile.TiffWriter(tmp_path / "c.tif") as writer:
        for one, bias in zip(DATA, (-0.2, -0.1, 0.0), strict=True):
            writer.write(one, metadata={"bias_V": bias, "pixel_size_nm": 0.5})
    stack = read_stack(tmp_path / "c.tif", strict=True)
    assert stack.bias.values.tolist() == [-200.0, -100.0, 0.0]
    np.testing.assert_array_equal(stack.values, DATA)
    assert stack.attrs["pixel_size_nm"] == [0.5, 0.5]


def test_numbers_that_tifffile_keeps(tmp_path):
    metadata = {"axes": "ZYX", "bias_mV": [-5, 0, 5], "pixel_size_nm": [0.25, 0.25]}
    tifffile.imwrite(tmp_path / "a.tif", DATA, metadata=metadata)
    stack = read_stack(tmp_path / "a.tif", strict=True)
    assert stack.bias.values.tolist() == [-5.0, 0.0, 5.0]
    assert stack.attrs["pixel_size_nm"] == [0.25, 0.25]


def test_three_or_four_maps_are_no_colours(tmp_path):
    for n, dtype in ((3, np.uint16), (4, np.float32), (3, np.float64)):
        maps = np.resize(DATA, (n, 8, 9)).astype(dtype)
        tifffile.imwrite(tmp_path / "a.tif", maps)
        stack = read_stack(tmp_path / "a.tif", bias_mv=range(n), pixel_size_nm=1)
        np.testing.assert_array_equal(stack.values, maps)
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((3, 8, 9), np.uint8), photometric="rgb", planarconfig="separate")
    with pytest.raises(ReadError, match="colour"):
        read_stack(tmp_path / "b.tif", bias_mv=[1, 2, 3], pixel_size_nm=1)


def test_images_of_several_sizes_are_named_and_a_smaller_picture_of_the_same_is_not_a_map(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(DATA[0])
        writer.write(DATA[0, :4, :4])
    with pytest.raises(ReadError, match=r"images of several kinds .4 x 4 pixels of float32, 8 x 9 pixels of float32"):
        read_stack(tmp_path / "a.tif", bias_mv=1, pixel_size_nm=1)
    with tifffile.TiffWriter(tmp_path / "b.tif") as writer:
        for one in DATA:
            writer.write(one, metadata=None)
            writer.write(one[::4, ::4], metadata=None, subfiletype=1)
    np.testing.assert_array_equal(read_stack(tmp_path / "b.tif", bias_mv=[1, 2, 3], pixel_size_nm=1).values, DATA)


@pytest.mark.parametrize(
    ("unit", "yunit", "expected"),
    [
        ("nm", None, [0.5, 0.25]),
        ("nm", "pm", [0.0005, 0.25]),
        ("micron", "nm", [0.5, 250.0]),
        ("\\u00B5m", None, [500.0, 250.0]),
        ("\\u00C5", "nm", [0.5, 0.025]),
    ],
)
def test_the_units_of_imagej(tmp_path, unit, yunit, expected):
    metadata = {"axes": "ZYX", "unit": unit, **({"yunit": yunit} if yunit else {})}
    tifffile.imwrite(tmp_path / "a.tif", DATA, imagej=True, resolution=(4, 2), metadata=metadata)
    stack = read_stack(tmp_path / "a.tif", bias_mv=[1, 2, 3])
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], expected)


@pytest.mark.parametrize("yunit", ["pixel", "sec", "V"])
def test_a_side_without_a_length_is_asked_for(tmp_path, yunit):
    metadata = {"axes": "ZYX", "unit": "nm", "yunit": yunit}
    tifffile.imwrite(tmp_path / "a.tif", DATA, imagej=True, resolution=(4, 2), metadata=metadata)
    with pytest.raises(ReadError, match="give pixel_size_nm"):
        read_stack(tmp_path / "a.tif", bias_mv=[1, 2, 3])


@pytest.mark.parametrize(
    "labels",
    [
        ["map_-200mV.sxm", "map_-100mV.sxm", "map_0mV.sxm"],
        ["-200 mV, 5 mV mod", "-100 mV, 5 mV mod", "0 mV, 5 mV mod"],
        ["\N{MINUS SIGN}200 mV", "\N{MINUS SIGN}100 mV", "0 mV"],
        ["bias=-0.2V", "bias=-0.1V", "bias=0V"],
        ["m0p2V", "m0p1V", "0V"],
        ["-200 meV", "-100 meV", "0 meV"],
    ],
)
def test_how_labels_tell_the_bias(tmp_path, labels):
    tifffile.imwrite(tmp_path / "a.tif", DATA, imagej=True, metadata={"axes": "ZYX", "Labels": labels})
    assert read_stack(tmp_path / "a.tif", pixel_size_nm=1).bias.values.tolist() == [-200.0, -100.0, 0.0]
