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


def test_the_name_of_the_file_may_tell_the_bias(tmp_path, made):
    parts = {"/0/data": made.gwy_field(DATA[0], 1e-9), "/0/data/title": "Z"}
    path = made.gwyddion(tmp_path / "map_m20mV.gwy", parts)
    assert read_stack(path).bias.values.tolist() == [-20.0]
    assert "bias: taken from the name of the file" in describe(path)["assumptions"]
    with pytest.raises(ReadError, match=r"taken from the name of the file\); give bias_mv"):
        read_stack(path, "Z", strict=True)
    with pytest.raises(ReadError, match="give bias_mv"):
        read_stack(made.gwyddion(tmp_path / "map.gwy", parts))


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
