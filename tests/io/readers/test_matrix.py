"""Omicron MATRIX, with mocks of the blocks that access2thematrix reads; no real file is at hand."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.io.readers import describe, open_recording, read_stack

#: Each of three lines there and back, four pixels.
STORED = np.arange(100, 100 + 3 * 2 * 4).reshape(3, 2, 4)


def meant(stored):
    return (stored - 10) / 2.0


def test_an_image_with_its_way_back(tmp_path, made):
    path = made.matrix(tmp_path, STORED, angle=30.0)
    recording = open_recording(path)
    assert [channel.name for channel in recording.channels] == ["Z", "Z [bwd]"]
    stack = read_stack(path)
    assert stack.bias.values.tolist() == [-500.0]
    assert stack.attrs["pixel_size_nm"] == [1.0, 1.0]
    assert (stack.attrs["units"], stack.attrs["frame_angle_deg"], stack.attrs["frame_center_nm"]) == (
        "m",
        -30.0,
        [10.0, 0.0],
    )
    np.testing.assert_array_equal(stack.values[0], meant(STORED[:, 0]))
    np.testing.assert_array_equal(read_stack(path, "Z [bwd]").values[0], meant(STORED[:, 1, ::-1]))


def test_lines_that_were_not_reached_are_missing(tmp_path, made):
    path = made.matrix(tmp_path, STORED[:2])
    assert describe(path)["missing_share"] == pytest.approx(1 / 3)
    np.testing.assert_array_equal(read_stack(path).values[0, :2], meant(STORED[:2, 0]))


def test_a_volume(tmp_path, made):
    stored = np.arange(3 * 4 * 8).reshape(3, 4, 8)
    path = made.matrix(tmp_path, stored, channel="I(V)", unit="Ampere", retrace=False, sweep=(0.2, -0.2, 8))
    stack = read_stack(path)
    assert (stack.name, stack.shape, stack.attrs["units"]) == ("I(V)", (8, 3, 4), "A")
    np.testing.assert_allclose(stack.bias.values, np.linspace(-200, 200, 8), atol=1e-5)
    np.testing.assert_array_equal(stack.values, meant(np.moveaxis(stored, 2, 0)[::-1]).astype(np.float32))
    assert read_stack(path, "dI/dV (numerical)").shape == (8, 3, 4)


def test_an_aborted_volume_of_an_auxiliary_input(tmp_path, made):
    stored = np.arange(2 * 4 * 8)
    path = made.matrix(tmp_path, stored, channel="Aux2(V)", unit="Volt", retrace=False, sweep=(-0.2, 0.2, 8))
    facts = describe(path)
    assert facts["missing_share"] == pytest.approx(1 / 3)
    assert "is taken for the lock-in" in " ".join(facts["assumptions"])


def test_a_series_is_a_stack(tmp_path, made):
    paths = []
    for mv in (20.0, -10.0):
        folder = tmp_path / str(mv)
        folder.mkdir()
        paths.append(made.matrix(folder, STORED, bias_v=mv / 1000))
    assert read_stack(paths).bias.values.tolist() == [-10.0, 20.0]


def test_the_result_file_in_a_folder_is_no_map_of_the_series(tmp_path, made):
    path = made.matrix(tmp_path, STORED)
    assert read_stack(tmp_path).identical(read_stack(path))


def test_what_cannot_be_read_is_told(tmp_path, made):
    path = made.matrix(tmp_path, STORED)
    result = tmp_path / "default_2024_0001.mtrx"
    with pytest.raises(ReadError, match="is the result file"):
        read_stack(result)
    renamed = tmp_path / "image.dat"
    renamed.write_bytes(path.read_bytes())
    with pytest.raises(ReadError, match="give the file its name back"):
        read_stack(renamed)
    whole = result.read_bytes()
    result.write_bytes(whole[:200])
    with pytest.raises(ReadError, match=r"is damaged, or does not fit its result file"):
        read_stack(path)
    result.unlink()
    with pytest.raises(ReadError, match=r"needs its result file default_2024_0001\.mtrx"):
        read_stack(path)


@pytest.mark.parametrize("points", [(4, 10**6), (10**6, 10**6)])
def test_a_header_that_asks_for_too_much_is_refused(tmp_path, made, points):
    path = made.matrix(
        tmp_path, np.arange(64), channel="I(V)", unit="Ampere", points=points, retrace=False, sweep=(-0.2, 0.2, 8)
    )
    with pytest.raises(ReadError):
        read_stack(path)


def test_a_sweep_longer_than_the_file_is_refused(tmp_path, made):
    path = made.matrix(tmp_path, np.arange(64), channel="I(V)", retrace=False, sweep=(-0.2, 0.2, 2**31 - 1))
    with pytest.raises(ReadError, match="damaged"):
        read_stack(path)
