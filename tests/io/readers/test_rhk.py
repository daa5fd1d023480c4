"""RHK files, against bytes packed here and numbers read off the real files one by one."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.io.readers import describe, open_recording, read_stack

#: Two spectra in each of three columns and two rows, there and back, at 21 biases.
SPECTRA = np.arange(1, 2 * 3 * 2 * 21 + 1).reshape(12, 21)
IMAGE = {"kind": 0, "line": 0, "x_unit": "m", "unit": "m", "x_scale": 1e-10, "y_scale": -1e-10, "label": "Topography"}


def test_both_sweep_directions_and_their_places(tmp_path, made):
    page = {"data": SPECTRA, "label": "LIA Current", "grid": (3, 2), "places": made.grid_places(2, 3, 1e-9, repeats=2)}
    path = made.rhk(tmp_path / "a.sm4", [page])
    stack = read_stack(path)
    assert stack.shape == (21, 2, 3)
    np.testing.assert_allclose(stack.bias.values, np.linspace(-100, 100, 21))
    np.testing.assert_allclose(stack.values[:, 1, 2], SPECTRA[10] * 1e-12, rtol=1e-6)
    np.testing.assert_allclose(read_stack(path, "LIA Current [bwd]").values[:, 1, 2], SPECTRA[11] * 1e-12, rtol=1e-6)
    assert stack.attrs["pixel_size_nm"] == [1.0, 1.0]
    np.testing.assert_allclose(stack.attrs["frame_center_nm"], [1.0, -0.5], atol=1e-6)


def test_repetitions_are_averaged_and_kept(tmp_path, made):
    data = np.repeat([[10.0], [0.0], [30.0], [4.0]] * 4, 5, axis=1)
    page = {"data": data, "label": "LIA Current", "grid": (2, 2), "places": made.grid_places(2, 2, 1e-9, repeats=4)}
    path = made.rhk(tmp_path / "a.sm4", [page])
    recording = open_recording(path)
    names = [channel.name for channel in recording.channels]
    assert names[:4] == ["LIA Current", "LIA Current [bwd]", "LIA Current [00001]", "LIA Current [00001] [bwd]"]
    # the second spectrum holds zeros alone: it was never measured
    values = {name: float(recording.stack(name).values[0, 0, 0]) for name in names}
    assert values["LIA Current"] == pytest.approx(20e-12)
    assert values["LIA Current [bwd]"] == pytest.approx(4e-12)
    assert values["LIA Current [00002]"] == pytest.approx(30e-12)
    assert np.isnan(values["LIA Current [00001] [bwd]"])


def test_a_bias_that_goes_down_and_rows_that_go_left_in_a_turned_frame(tmp_path, made):
    places = made.grid_places(2, 3, 1e-9, left=True, angle_deg=10.0)
    page = {
        "data": SPECTRA[:6],
        "label": "LIA Current",
        "grid": (3, 2),
        "places": places,
        "x_scale": -0.01,
        "x_offset": 0.1,
    }
    stack = read_stack(made.rhk(tmp_path / "a.sm4", [page]))
    assert stack.bias.values[[0, -1]].tolist() == [-100.0, 100.0]
    # the first spectrum is the upper right one, its first point the highest bias
    np.testing.assert_allclose(stack.values[::-1, 0, 2], SPECTRA[0] * 1e-12, rtol=1e-6)
    assert stack.attrs["frame_angle_deg"] == pytest.approx(-10, abs=0.01)


def test_an_incomplete_map_is_missing_where_nothing_was_measured(tmp_path, made):
    data = SPECTRA[:6].copy()
    data[4:] = 0
    page = {"data": data, "label": "Current", "grid": (3, 2), "places": made.grid_places(2, 3, 1e-9)}
    facts = describe(made.rhk(tmp_path / "a.sm4", [page]))
    assert facts["missing_share"] == pytest.approx(1 / 3)
    assert "33.3% of the spectra were not measured" in " ".join(facts["warnings"])


def test_the_grid_is_found_from_the_places_alone(tmp_path, made):
    page = {"data": SPECTRA[:6], "label": "LIA Current", "places": made.grid_places(2, 3, 1e-9)}
    assert read_stack(made.rhk(tmp_path / "a.sm4", [page])).shape == (21, 2, 3)
    line = {"data": SPECTRA[:6], "label": "LIA Current", "places": made.grid_places(1, 6, 1e-9)}
    assert read_stack(made.rhk(tmp_path / "b.sm4", [line])).shape == (21, 1, 6)


def walked(order: str) -> np.ndarray:
    """Row (from above) and column of each of 3 x 4 places, in the order of a walk."""
    rows, columns = np.mgrid[:3, :4]
    if order == "meander":
        columns[1::2] = columns[1::2, ::-1]
    elif order == "from below":
        rows = rows[::-1]
    elif order == "meander from below":
        rows = rows[::-1]
        columns[1::2] = columns[1::2, ::-1]
    elif order == "column by column":
        rows, columns = np.mgrid[:3, :4].transpose(0, 2, 1)
    return np.column_stack([rows.ravel(), columns.ravel()])


@pytest.mark.parametrize("stated", [(4, 3), (0, 0)])
@pytest.mark.parametrize("repeats", [1, 2])
@pytest.mark.parametrize("angle_deg", [0.0, 10.0])
@pytest.mark.parametrize("order", ["raster", "meander", "from below", "meander from below", "column by column"])
def test_each_spectrum_lies_where_it_was_recorded(tmp_path, made, order, angle_deg, repeats, stated):
    row, column = walked(order).T
    cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    u, v = 2e-9 * column, -1e-9 * row
    # far from the origin, as real places are: float32 knows them to 0.06 nm there
    places = np.column_stack([7e-7 + u * cos - v * sin, -4e-7 + u * sin + v * cos])
    page = {
        "data": np.repeat((100 + 10 * row + column)[:, None], 5, axis=1).repeat(repeats, axis=0),
        "label": "LIA Current",
        "places": places.repeat(repeats, axis=0),
        "grid": stated,
        "z_scale": 1.0,
    }
    stack = read_stack(made.rhk(tmp_path / "a.sm4", [page]))
    np.testing.assert_array_equal(stack.values[0], 100 + 10 * np.arange(3)[:, None] + np.arange(4))
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [1.0, 2.0], rtol=0.02)
    # clockwise; the places themselves are only known to a degree
    assert stack.attrs["frame_angle_deg"] == pytest.approx(-angle_deg, abs=1.0)


SCATTERED = [(0.0, 0.0), (3e-9, 1e-9), (1e-9, 4e-9), (9e-9, 2e-9)]


@pytest.mark.parametrize("places", [SCATTERED[:2], SCATTERED[:3], SCATTERED], ids=len)
def test_spectra_at_single_places_of_an_image_are_no_map(tmp_path, made, places):
    spectra = {"data": np.ones((len(places), 5)), "label": "LIA Current", "places": places}
    image = {**IMAGE, "data": np.full((3, 4), 7), "z_scale": 1.0, "bias": 0.1}
    stack = read_stack(made.rhk(tmp_path / "a.sm4", [spectra, image]))
    assert (stack.name, stack.shape, stack.bias.values.tolist()) == ("Topography", (1, 3, 4), [100.0])
    assert "channel: Topography is taken" in " ".join(stack.attrs["assumptions"])


def test_places_that_make_no_rectangle_are_refused(tmp_path, made):
    page = {"data": np.ones((4, 5)), "label": "LIA Current", "places": SCATTERED}
    with pytest.raises(ReadError, match="found 4 positions that make no rectangle"):
        read_stack(made.rhk(tmp_path / "a.sm4", [page]))


def test_images_alone_are_one_map_with_the_bias_of_the_header(tmp_path, made):
    image = {"kind": 0, "line": 0, "x_unit": "m", "unit": "m", "x_scale": -1e-10, "y_scale": -2e-10, "bias": -0.25}
    pages = [
        {**image, "label": "Topography", "data": np.arange(12).reshape(3, 4), "z_scale": 1e-9},
        {**image, "label": "Topography", "data": np.zeros((3, 4)), "scan": 1},
    ]
    path = made.rhk(tmp_path / "a.sm4", pages)
    stack = read_stack(path)
    assert stack.bias.values.tolist() == [-250.0]
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [0.2, 0.1])
    np.testing.assert_allclose(stack.values[0, 0], [3e-9, 2e-9, 1e-9, 0], atol=1e-15)
    assert [channel.name for channel in open_recording(path).channels] == ["Topography", "Topography [bwd]"]


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ({"n_bytes": 7}, "its header says 7"),
        ({"places": [(0, 0)] * 12}, r"holds 12 spectra of one position \(12 of them measured\)"),
        ({"kind": 4}, "found neither"),
        ({"x_scale": 0.0}, "same bias|occurs more than once|as many biases"),
    ],
)
def test_what_is_no_map_is_refused(tmp_path, made, page, says):
    good = {"data": SPECTRA, "label": "Current", "grid": (3, 2), "places": made.grid_places(2, 3, 1e-9, repeats=2)}
    with pytest.raises(ReadError, match=says):
        read_stack(made.rhk(tmp_path / "a.sm4", [{**good, **page}]))


def test_images_of_another_frame_are_left_out_and_said(tmp_path, made):
    pages = [
        {**IMAGE, "data": np.full((3, 4), 1), "bias": 0.1, "z_scale": 1.0},
        {**IMAGE, "data": np.full((3, 4), 2), "bias": 0.1, "z_scale": 1.0, "x_scale": 5e-10},
        {**IMAGE, "data": np.full((3, 4), 3), "bias": 0.1, "z_scale": 1.0, "label": "Current", "unit": "A"},
    ]
    recording = open_recording(made.rhk(tmp_path / "a.sm4", pages))
    assert [one.name for one in recording.channels] == ["Topography", "Current"]
    (assumption,) = recording.assumptions
    assert "'Topography (2)' (its size is 0.3 x 2 nm instead of 0.3 x 0.4 nm)" in assumption.text


def test_images_of_one_frame_at_several_biases_are_a_stack(tmp_path, made):
    pages = [{**IMAGE, "data": np.full((3, 4), mv), "bias": mv / 1000, "z_scale": 1.0} for mv in (100, -50)]
    stack = read_stack(made.rhk(tmp_path / "a.sm4", pages))
    assert stack.bias.values.tolist() == [-50.0, 100.0]
    assert stack.values[:, 0, 0].tolist() == [-50.0, 100.0]
    with pytest.raises(ReadError, match="2 maps need as many, got 5, 5"):
        read_stack(made.rhk(tmp_path / "a.sm4", pages), bias_mv=[5, 5])


def test_spectra_of_another_sweep_are_left_out_and_said(tmp_path, made):
    spectra = {"data": np.arange(60).reshape(12, 5), "places": made.grid_places(3, 4, 1e-9), "grid": (4, 3)}
    pages = [{**spectra, "label": "Current", "x_offset": 0.2}, {**spectra, "label": "LIA Current"}]
    recording = open_recording(made.rhk(tmp_path / "a.sm4", pages))
    assert recording.default == "LIA Current"
    assert recording.bias_mv[0] == -100.0
    (assumption,) = recording.assumptions
    assert "'Current' (another sweep of the bias)" in assumption.text


def test_a_cut_file_is_refused(tmp_path, made):
    page = {"data": SPECTRA, "label": "Current", "grid": (3, 2), "places": made.grid_places(2, 3, 1e-9, repeats=2)}
    path = made.rhk(tmp_path / "a.sm4", [page])
    whole = path.read_bytes()
    for keep in (3, 40, 100, 300, len(whole) - 1):
        path.write_bytes(whole[:keep])
        with pytest.raises(ReadError, match=r"cut|damaged|known"):
            read_stack(path)


def real(shared_data, start):
    return next((shared_data / "zrbyte__rhkpy").glob(f"{start}*.sm4"))


def stored_int(path, spectrum: int, point: int, n_spectra: int, n_points: int, page: int) -> int:
    """One stored number, found from the end of the index entry of a page and nothing else."""
    raw = path.read_bytes()
    found = []
    # an entry of the page index: kind 1 (lines), source, 4 objects, version; then the page header and the page data
    for at in range(0, 4000, 2):
        kind, _, n, _, header, _, _, data, offset, size = struct.unpack_from("<10I", raw, at)
        if kind == 1 and n == 4 and header == 3 and data == 4 and size == 4 * n_spectra * n_points:
            found.append(offset)
    return struct.unpack_from("<i", raw, found[page] + 4 * (spectrum * n_points + point))[0]


def test_the_real_map_with_a_bias_that_goes_down_in_a_turned_frame(shared_data):
    path = real(shared_data, "dI-dV_9K")
    stack = read_stack(path)
    assert stack.name == "LIA Current"
    assert stack.shape == (81, 32, 32)
    np.testing.assert_allclose(stack.bias.values, np.linspace(-100, 300, 81), atol=1e-6)
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [0.03125, 0.03125], rtol=1e-4)
    assert abs(stack.attrs["frame_angle_deg"]) == pytest.approx(10, abs=0.01)
    assert not np.isnan(stack.values).any()
    # spectrum 37 is the sixth from the right in the second row from above; point 3 is 285 mV
    raw = stored_int(path, 37, 3, 1024, 81, page=0)
    assert float(stack.sel(bias=285.0)[1, 31 - 5]) == pytest.approx(raw * 4.656613e-18, rel=1e-6)


def test_the_real_map_of_four_by_four_with_both_directions(shared_data):
    path = real(shared_data, "hopg")
    stack = read_stack(path)
    assert stack.shape == (241, 4, 4)
    assert stack.bias.values[[0, -1]].tolist() == [-600.0, 600.0]
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [25.0, 25.0], rtol=1e-5)
    assert stack.attrs["frame_angle_deg"] == 0.0
    # spectra 8 and 9 are there and back at the rightmost place of the second row
    for channel, spectrum in (("Current", 8), ("Current [bwd]", 9)):
        raw = stored_int(path, spectrum, 0, 32, 241, page=1)
        assert float(read_stack(path, channel).values[-1, 1, 3]) == pytest.approx(raw * 4.656613e-18, rel=1e-6)


def test_the_real_incomplete_file_holds_no_map(shared_data):
    with pytest.raises(ReadError, match=r"holds 20 spectra of one position \(3 of them measured\)"):
        read_stack(real(shared_data, "dI-dV_incomplete"))
