"""Gwyddion files, packed here byte by byte, and written by the gwyfile library."""

from __future__ import annotations

import gwyfile
import gwyfile.objects
import numpy as np
import pytest

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.io.readers import describe, open_recording, read_stack

DATA = np.arange(3 * 4 * 5, dtype=float).reshape(3, 4, 5)


def test_a_brick_is_a_volume(tmp_path, made):
    brick = made.gwy_brick(DATA, 2e-9, -0.1, 0.3)
    path = made.gwyddion(tmp_path / "a.gwy", {"/brick/0": brick, "/brick/0/title": "dI/dV"})
    stack = read_stack(path)
    np.testing.assert_array_equal(stack.values, DATA)
    # the planes are 0.1 V thick
    np.testing.assert_allclose(stack.bias.values, [-100, 0, 100])
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [0.5, 0.4])
    assert (stack.name, stack.attrs["units"]) == ("dI/dV", "A")


def test_a_calibration_wins_over_equal_steps(tmp_path, made):
    line = ("GwyDataLine", {"res": 3, "real": 1.0, "si_unit_y": made.gwy_unit("V"), "data": np.array([0.3, 0.1, -0.2])})
    brick = made.gwy_brick(DATA, 2e-9, 0.0, 0.3, calibration=line)
    stack = read_stack(made.gwyddion(tmp_path / "a.gwy", {"/brick/0": brick}))
    np.testing.assert_allclose(stack.bias.values, [-200, 100, 300])
    np.testing.assert_array_equal(stack.values, DATA[::-1])


def test_images_are_the_channels_of_one_map(tmp_path, made):
    parts = {}
    for i, (title, unit) in enumerate((("Z", "m"), ("LI Demod 1 X", "A"), ("Z", "m"))):
        parts |= {f"/{i}/data": made.gwy_field(DATA[i], 1e-9, unit), f"/{i}/data/title": title}
    parts["/0/meta"] = ("GwyContainer", {"Bias": "-0.25 V", "User": "me"})
    path = made.gwyddion(tmp_path / "a.gwy", parts)
    recording = open_recording(path)
    assert [channel.name for channel in recording.channels] == ["Z", "LI Demod 1 X", "Z (/2/data)"]
    assert recording.default == "LI Demod 1 X"
    stack = read_stack(path, "Z")
    assert stack.bias.values.tolist() == [-250.0]
    assert float(stack[0, 2, 3]) == DATA[0, 2, 3]
    assert stack.attrs["frame_center_nm"] == [10.5, 0.5]


def test_images_with_a_bias_each_are_a_stack(tmp_path, made):
    parts = {}
    for i, title in enumerate(("dI/dV 20 mV", "dI/dV -230 mV", "dI/dV m0p1V")):
        parts |= {f"/{i}/data": made.gwy_field(DATA[i], 1e-9), f"/{i}/data/title": title}
    stack = read_stack(made.gwyddion(tmp_path / "a.gwy", parts))
    assert stack.bias.values.tolist() == [-230.0, -100.0, 20.0]
    np.testing.assert_array_equal(stack.values, DATA[[1, 2, 0]])


def images(made, path, listed):
    """Write images; each is (title, size in nm, unit) or (title, size in nm, unit, bias of the metadata)."""
    parts = {}
    for i, (title, size_nm, unit, *bias) in enumerate(listed):
        parts |= {f"/{i}/data": made.gwy_field(np.full((4, 5), i), size_nm * 1e-9, unit), f"/{i}/data/title": title}
        if bias:
            parts[f"/{i}/meta"] = ("GwyContainer", {"Bias": bias[0]})
    return made.gwyddion(path, parts)


@pytest.mark.parametrize(
    ("listed", "biases", "taken", "left_out"),
    [
        # an overview beside a series
        (
            [("dI/dV 1 V", 50, "A"), ("dI/dV 20 mV", 1, "A"), ("dI/dV -5 mV", 1, "A")],
            [-5.0, 20.0],
            [2, 1],
            ["'dI/dV 1 V' (its size is 50 x 50 nm instead of 1 x 1 nm)"],
        ),
        # of two groups of one size the first; of a topography and dI/dV the dI/dV, also where it is the smaller group
        ([("dI/dV 2 mV", 1, "A"), ("dI/dV 3 mV", 2, "A")], [2.0], [0], ["'dI/dV 3 mV' (its size"]),
        ([("Z -200 mV", 1, "m"), ("dIdV -100 mV", 1, "A")], [-100.0], [1], ["'Z -200 mV' (-200 mV)"]),
        (
            [("Z 1 mV", 1, "m"), ("Z 2 mV", 1, "m"), ("LI Demod 1 X 3 mV", 1, "A")],
            [3.0],
            [2],
            ["'Z 1 mV' (1 mV)", "'Z 2 mV' (2 mV)"],
        ),
        # one signal in units of two kinds, and one whose title states no bias
        ([("dIdV 1 mV", 1, "A"), ("dIdV 2 mV", 1, "V"), ("dIdV 3 mV", 1, "A")], [1.0, 3.0], [0, 2], ["'dIdV 2 mV' ("]),
        (
            [("dIdV 1 mV", 1, "A"), ("dIdV 2 mV", 1, "A"), ("Z", 1, "m")],
            [1.0, 2.0],
            [0, 1],
            ["'Z' (no bias is stated)"],
        ),
        # the biases of the metadata are biases too
        (
            [("LIX", 1, "A", "-0.25 V"), ("LIX", 1, "A", "0.1 V"), ("Z", 3, "m", "0.1 V")],
            [-250.0, 100.0],
            [0, 1],
            ["'Z' ("],
        ),
    ],
)
def test_images_that_do_not_belong_together_are_left_out_and_said(tmp_path, made, listed, biases, taken, left_out):
    path = images(made, tmp_path / "a.gwy", listed)
    stack = read_stack(path)
    assert stack.bias.values.tolist() == biases
    assert stack.values[:, 0, 0].tolist() == taken
    (line,) = [one for one in stack.attrs["assumptions"] if "left out" in one]
    assert all(text in line for text in left_out)
    with pytest.raises(ReadError, match="strict reading refuses"):
        read_stack(path, strict=True)


def test_two_quantities_at_the_same_biases_are_two_channels(tmp_path, made):
    listed = [("Z -200 mV", 1, "m"), ("dIdV -200 mV", 1, "A"), ("Z 100 mV", 1, "m"), ("dIdV 100 mV", 1, "A")]
    path = images(made, tmp_path / "a.gwy", listed)
    recording = open_recording(path)
    assert [(one.name, one.unit) for one in recording.channels] == [("Z", "m"), ("dIdV", "A")]
    assert recording.assumed() == ()
    assert read_stack(path).values[:, 0, 0].tolist() == [1.0, 3.0]
    assert read_stack(path, "Z").values[:, 0, 0].tolist() == [0.0, 2.0]


def test_a_series_of_topographies_is_not_called_didv(tmp_path, made):
    recording = open_recording(images(made, tmp_path / "a.gwy", [("Z 1 mV", 1, "m"), ("Z 2 mV", 1, "m")]))
    assert [(one.name, one.what, one.is_didv) for one in recording.channels] == [("Z", "topography", False)]
    assert [one.about for one in recording.assumed()] == ["channel"]
    # neither is what has no name but is in metres
    recording = open_recording(images(made, tmp_path / "b.gwy", [("1 mV", 1, "m"), ("2 mV", 1, "m")]))
    assert not recording.channel().is_didv


def test_a_volume_at_other_biases_is_left_out_and_said(tmp_path, made):
    parts = {}
    for i, (title, z_off) in enumerate((("Current", 0.0), ("dI/dV", -0.1), ("LI Demod 1 Y", -0.1))):
        parts |= {f"/brick/{i}": made.gwy_brick(DATA + i, 2e-9, z_off, 0.3), f"/brick/{i}/title": title}
    recording = open_recording(made.gwyddion(tmp_path / "a.gwy", parts))
    assert [one.name for one in recording.channels] == ["dI/dV", "LI Demod 1 Y"]
    assert recording.bias_mv == (-100.0, 0.0, 100.0)
    (assumption,) = recording.assumptions
    assert "'Current' (its biases are others)" in assumption.text


def test_the_name_of_the_file_may_tell_the_bias(tmp_path, made):
    parts = {"/0/data": made.gwy_field(DATA[0], 1e-9), "/0/data/title": "Z"}
    path = made.gwyddion(tmp_path / "map_m20mV.gwy", parts)
    assert read_stack(path).bias.values.tolist() == [-20.0]
    assert "bias: taken from the name of the file" in describe(path)["assumptions"]
    with pytest.raises(ReadError, match=r"taken from the name of the file\); give bias_mv"):
        read_stack(path, "Z", strict=True)
    with pytest.raises(ReadError, match="give bias_mv"):
        read_stack(made.gwyddion(tmp_path / "map.gwy", parts))


@pytest.mark.parametrize(
    ("meta", "mv"),
    [
        ({"Bias modulation": "5 mV", "Bias": "-200 mV"}, -200.0),
        ({"Bias": "-200 mV", "Lock-in>Amplitude": "5 mV", "Bias offset": "1 mV"}, -200.0),
        ({"Bias>Bias (V)": "-200E-3", "Bias>Calibration (V/V)": "1", "Bias>Range (V)": "10"}, -200.0),
        ({"Bias": "\N{MINUS SIGN}0,2 V"}, -200.0),
        ({"Bias": "230 \N{MICRO SIGN}V"}, 0.23),
        ({"Comment": "taken at a bias of -200 mV, modulation 5 mV rms"}, -200.0),
    ],
)
def test_the_bias_in_the_metadata_of_an_image(tmp_path, made, meta, mv):
    parts = {"/0/data": made.gwy_field(DATA[0], 1e-9), "/0/data/title": "Z", "/0/meta": ("GwyContainer", meta)}
    np.testing.assert_allclose(read_stack(made.gwyddion(tmp_path / "a.gwy", parts)).bias.values, [mv])


@pytest.mark.parametrize(
    "meta", [{"Bias modulation": "5 mV"}, {"Bias": "5 mV rms"}, {"Bias": "-0.2"}, {"Bias": "1,234 mV"}]
)
def test_metadata_that_do_not_tell_the_bias_are_asked_for(tmp_path, made, meta):
    parts = {"/0/data": made.gwy_field(DATA[0], 1e-9), "/0/data/title": "Z", "/0/meta": ("GwyContainer", meta)}
    with pytest.raises(ReadError, match="give bias_mv"):
        read_stack(made.gwyddion(tmp_path / "a.gwy", parts))


@pytest.mark.parametrize(
    "titles",
    [
        ("0,020 V", "-0,230 V", "-0,100 V"),
        ("1,020 mV bias 20 mV", "1,500 mV rms, -230 mV", "0,5 mV rms; bias \N{MINUS SIGN}0.1 V"),
        ("5 mV rms 20 mV", "5 mV rms \N{EN DASH}230 mV", "5 mV rms -0.1 V"),
    ],
)
def test_titles_tell_the_bias_and_not_the_modulation(tmp_path, made, titles):
    parts = {}
    for i, title in enumerate(titles):
        parts |= {f"/{i}/data": made.gwy_field(DATA[i], 1e-9), f"/{i}/data/title": title}
    stack = read_stack(made.gwyddion(tmp_path / "a.gwy", parts))
    assert stack.bias.values.tolist() == [-230.0, -100.0, 20.0]
    np.testing.assert_array_equal(stack.values, DATA[[1, 2, 0]])


def test_what_the_gwyfile_library_writes(tmp_path):
    container = gwyfile.objects.GwyContainer()
    unit = gwyfile.objects.GwySIUnit(unitstr="m")
    container["/0/data"] = gwyfile.objects.GwyDataField(DATA[0], xreal=1e-9, yreal=2e-9, si_unit_xy=unit)
    container["/0/data/title"] = "Topography 5 mV"
    container.tofile(str(tmp_path / "a.gwy"))
    stack = read_stack(tmp_path / "a.gwy")
    np.testing.assert_array_equal(stack.values[0], DATA[0])
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [0.5, 0.2])
    assert stack.bias.values.tolist() == [5.0]


def test_what_is_no_map_is_refused(tmp_path, made):
    with pytest.raises(ReadError, match=r"is of Gwyddion 1\.x \(GWYO\)"):
        read_stack(made.gwyddion(tmp_path / "a.gwy", {}, magic=b"GWYO"))
    with pytest.raises(ReadError, match="found neither"):
        read_stack(made.gwyddion(tmp_path / "b.gwy", {"/filename": "x"}))
    wrong = made.gwy_field(DATA[0], 1e-9)
    wrong[1]["xres"] = 2**30
    with pytest.raises(ReadError, match=r"asks for|needs"):
        read_stack(made.gwyddion(tmp_path / "c.gwy", {"/0/data": wrong}))
    path = made.gwyddion(tmp_path / "d.gwy", {"/0/data": made.gwy_field(DATA[0], 1e-9)})
    whole = path.read_bytes()
    for keep in (5, 20, 60, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:keep])
        with pytest.raises(ReadError, match=r"cut|needs|damaged"):
            read_stack(path, bias_mv=1)
