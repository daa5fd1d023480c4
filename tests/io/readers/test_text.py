"""Maps as plain text."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.io.readers import read_stack

DATA = np.arange(5 * 6, dtype=float).reshape(5, 6) / 7


def write(path, header, delimiter="\t", data=DATA):
    path.write_text(header + "\n".join(delimiter.join(f"{v:.6f}" for v in row) for row in data) + "\n")
    return path


@pytest.mark.parametrize("delimiter", ["\t", " ", ",", ";", ", "])
def test_a_bare_matrix(tmp_path, delimiter):
    path = write(tmp_path / "map_-50mV.txt", "", delimiter)
    stack = read_stack(path, pixel_size_nm=0.5)
    assert stack.bias.values.tolist() == [-50.0]
    np.testing.assert_allclose(stack.values[0], DATA, atol=1e-6)
    with pytest.raises(ReadError, match="give pixel_size_nm"):
        read_stack(path)


def test_decimal_commas(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n".join("\t".join(f"{v:.6f}".replace(".", ",") for v in row) for row in DATA))
    np.testing.assert_allclose(read_stack(path, bias_mv=1, pixel_size_nm=1).values[0], DATA, atol=1e-6)


@pytest.mark.parametrize(
    "header",
    [
        "# File Format = ASCII\n# x-pixels = 6\n# y-pixels = 5\n# x-length = 12\n# y-length = 5\n# z-unit = nA\n\n",
        "# Channel: Z\n# Width: 12 nm\n# Height: 5000 pm\n# Value units: nA\n",
        "WSxM file copyright UAM\nWSxM ASCII Matrix file\nX Amplitude: 120 A\nY Amplitude: 5 nm\nZ-unit: nA\n\n",
    ],
)
def test_headers_tell_the_frame(tmp_path, header):
    stack = read_stack(write(tmp_path / "a.txt", header), bias_mv=10)
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [1.0, 2.0])
    assert stack.attrs["units"] == "nA"


def test_the_header_may_tell_the_bias(tmp_path):
    path = write(tmp_path / "a.asc", "# Sample bias: -0.3 V\n# Width: 6 nm\n# Height: 5 nm\n")
    assert read_stack(path).bias.values.tolist() == [-300.0]


def test_columns_make_a_matrix(tmp_path):
    y, x = np.mgrid[:5, :6]
    rows = np.column_stack([x.ravel() * 0.5, y.ravel() * 0.25, DATA.ravel()])
    stack = read_stack(write(tmp_path / "a.txt", "X[nm]\tY[nm]\tZ[nm]\n", data=rows), bias_mv=1)
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [0.25, 0.5])
    np.testing.assert_allclose(stack.values[0], DATA, atol=1e-6)


def test_a_folder_of_texts_is_a_stack_by_their_names(tmp_path):
    for name in ("m0p2V", "+20mV", "0.1V"):
        write(tmp_path / f"{name}.txt", "# Width: 6 nm\n# Height: 5 nm\n")
    assert read_stack(tmp_path).bias.values.tolist() == [-200.0, 20.0, 100.0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1 2 3\n4 5\n", "line 2 has 2 numbers"),
        ("1 2 3\n4 five 6\n", "expected numbers in line 2"),
        ("words and words\n", "found none"),
        ("# x-pixels = 9\n1 2 3\n4 5 6\n", "the header says 9 pixels x, found 3"),
        ("1 2 3\n", "found 1 x 3"),
    ],
)
def test_what_is_no_matrix_is_refused(tmp_path, text, says):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(ReadError, match=says):
        read_stack(tmp_path / "a.txt", bias_mv=1, pixel_size_nm=1)


def test_the_real_matrix(shared_data):
    path = shared_data / "janberges__nbs2cdw" / "Figure 2b.txt"
    with pytest.raises(ReadError, match=r"give bias_mv \(in mV, for its one map\)$"):
        read_stack(path)
    stack = read_stack(path, bias_mv=100)
    assert stack.shape == (1, 512, 512)
    assert stack.attrs["pixel_size_nm"] == [15 / 512, 15 / 512]
    assert stack.attrs["units"] == "nA"
    line = path.read_text().splitlines()[9 + 100]
    assert float(stack[0, 99, 7]) == np.float32(line.split("\t")[7])
    assert not np.isnan(stack.values).any()
