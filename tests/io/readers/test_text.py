"""Maps as plain text."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.io.readers import describe, read_stack
from napari_stm_impurities.io.readers.text import is_map

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
    path.write_text("\n".join("\t".join(f"{v:.9g}".replace(".", ",") for v in row) for row in DATA))
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


ENCODINGS = ["utf-8", "utf-8-sig", "latin-1", "utf-16"]
MICROMETRE, ANGSTROM = "\N{MICRO SIGN}m", "\N{LATIN CAPITAL LETTER A WITH RING ABOVE}"


def encoded(path, header, encoding, data=DATA, decimal="."):
    rows = "\n".join("\t".join(f"{v:.9g}".replace(".", decimal) for v in row) for row in data)
    path.write_bytes(f"{header}{rows}\n".encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "lines",
    [
        ("Width: 0,012 {um}", "Height: 50 {A}"),
        ("Width: 0.012 {um}]", "Height: 50 {A},"),
        ("X-range [{um}]: 0,012", "Y-range [{A}]: 50"),
        ("x-length ({um}) = 12e-3", "y-length ({A}) = 5e1"),
        ("Scan width / {um}:\t0,012", "Scan height / {A}:\t50,0"),
        ("X Amplitude: 12e\N{MINUS SIGN}3 {um}", "Y Amplitude: 0.5x10^2 {A}"),
    ],
)
def test_units_of_the_header_in_every_encoding(tmp_path, encoding, lines):
    if encoding == "latin-1" and "\N{MINUS SIGN}" in "".join(lines):
        encoding = "utf-8"  # Latin-1 has no such character
    header = "# Value units: nA\n" + "".join(f"# {line}\n" for line in lines).format(um=MICROMETRE, A=ANGSTROM)
    for decimal in ".,":
        facts = describe(encoded(tmp_path / "a.txt", header, encoding, decimal=decimal), bias_mv=10)
        np.testing.assert_allclose(facts["pixel_size_nm"], [1.0, 2.0], rtol=1e-12)
        assert facts["assumptions"] == []


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("unit", "factor"), [("{um}", 1e3), ("{A}", 0.1), ("Ang", 0.1), ("nm", 1.0), ("pm", 1e-3), ("m", 1e9), ("A", 0.1)]
)
@pytest.mark.parametrize(
    "names", ["X[{u}]\tY[{u}]\tZ[V]", "# x ({u})  y ({u})  z (V)", "x/{u};y/{u};dI/dV", "x_{u} y_{u} z"]
)
def test_units_of_columns_in_every_encoding(tmp_path, encoding, unit, factor, names):
    y, x = np.mgrid[:5, :6]
    step = 1e-9 if unit == "m" else 1.0  # nobody has pixels of half a metre
    rows = np.column_stack([x.ravel() * 0.5 * step, y.ravel() * 0.25 * step, DATA.ravel()])
    header = names.format(u=unit.format(um=MICROMETRE, A=ANGSTROM)) + "\n"
    path = encoded(tmp_path / "a.xyz", header, encoding, data=rows)
    facts = describe(path, bias_mv=1)
    np.testing.assert_allclose(facts["pixel_size_nm"], [0.25 * step * factor, 0.5 * step * factor], rtol=1e-12)
    assert facts["assumptions"] == []
    np.testing.assert_allclose(read_stack(path, bias_mv=1).values[0], DATA, atol=1e-6)


def test_columns_are_taken_by_their_names(tmp_path):
    y, x = np.mgrid[:5, :6]
    rows = np.column_stack([y.ravel() * 0.25, x.ravel() * 5.0, DATA.ravel()])
    path = encoded(tmp_path / "a.xyz", "Y [nm]\tX [A]\tZ [V]\n", "utf-8", data=rows)
    stack = read_stack(path, bias_mv=1)
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [0.25, 0.5])
    np.testing.assert_allclose(stack.values[0], DATA, atol=1e-6)


@pytest.mark.parametrize(
    "header", ["Width: 6 furlong\nHeight: 5 nm\n", "Width: 1,234 nm\nHeight: 5 nm\n", "Width: 6 nm/s\nHeight: 5 nm\n"]
)
def test_a_length_that_is_not_understood_is_asked_for(tmp_path, header):
    path = write(tmp_path / "a.txt", header)
    with pytest.raises(ReadError, match="give pixel_size_nm"):
        read_stack(path, bias_mv=1)
    assert read_stack(path, bias_mv=1, pixel_size_nm=2).attrs["pixel_size_nm"] == [2, 2]


def test_a_unit_of_a_column_that_is_not_known_is_asked_for(tmp_path):
    y, x = np.mgrid[:5, :6]
    rows = np.column_stack([x.ravel(), y.ravel(), DATA.ravel()])
    with pytest.raises(ReadError, match="give pixel_size_nm"):
        read_stack(encoded(tmp_path / "a.xyz", "X[furlong]\tY[furlong]\tZ[V]\n", "utf-8", data=rows), bias_mv=1)


@pytest.mark.parametrize(("scale", "taken"), [(1.0, "in nm"), (1e-9, "in m, since in nm")])
@pytest.mark.parametrize("columns", [False, True])
def test_lengths_without_a_unit_are_an_assumption(tmp_path, scale, taken, columns):
    y, x = np.mgrid[:5, :6]
    rows = np.column_stack([x.ravel() * scale, y.ravel() * scale, DATA.ravel()])
    path = tmp_path / "a.txt"
    header = "" if columns else f"# Width: {6 * scale}\n# Height: {5 * scale}\n"
    path.write_text(header + "\n".join(" ".join(f"{v:.6e}" for v in row) for row in (rows if columns else DATA)))
    facts = describe(path, bias_mv=1)
    np.testing.assert_allclose(facts["pixel_size_nm"], [1, 1])
    (assumption,) = facts["assumptions"]
    assert assumption.startswith("unit: ")
    assert taken in assumption
    with pytest.raises(ReadError, match="give pixel_size_nm"):
        read_stack(path, bias_mv=1, strict=True)
    assert describe(path, bias_mv=1, pixel_size_nm=1)["assumptions"] == []


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("line", "mv"),
    [
        ("Bias [V]: -0,230", -230.0),
        ("Bias: -230 mV;", -230.0),
        ("Bias: 230 \N{MICRO SIGN}V", 0.23),
        ("Bias voltage (mV) = 2.3e2", 230.0),
        ("Bias modulation: 5 mV\nBias: -0.23 V", -230.0),
        ("Gap Voltage\t-230 mV", -230.0),
    ],
)
def test_the_bias_of_the_header(tmp_path, encoding, line, mv):
    path = encoded(tmp_path / "a.txt", f"{line}\nWidth: 6 nm\nHeight: 5 nm\n", encoding)
    np.testing.assert_allclose(read_stack(path).bias.values, [mv])


@pytest.mark.parametrize(
    "line", ["Bias: -0.23", "Bias: 5 mV rms", "Bias modulation: 5 mV", "Bias: 1,234 mV", "Bias: 20 pA"]
)
def test_a_bias_that_is_not_understood_is_asked_for(tmp_path, line):
    with pytest.raises(ReadError, match="give bias_mv"):
        read_stack(write(tmp_path / "a.txt", f"{line}\nWidth: 6 nm\nHeight: 5 nm\n"))


def test_the_bias_of_the_name_is_an_assumption(tmp_path):
    path = write(tmp_path / "map_\N{EN DASH}50mV.txt", "# Width: 6 nm\n# Height: 5 nm\n")
    facts = describe(path)
    assert facts["bias_mv"] == [-50.0]
    assert facts["assumptions"] == ["bias: taken from the name of the file"]
    assert describe(path, bias_mv=-50)["assumptions"] == []


@pytest.mark.parametrize("delimiter", ["\t", " ", ";", "; "])
def test_decimal_commas_between_any_separators(tmp_path, delimiter):
    rows = [
        delimiter.join(f"{v:.3f}".replace(".", ",").replace("-", "\N{MINUS SIGN}") for v in row) for row in DATA - 2
    ]
    (tmp_path / "a.txt").write_text("\n".join(rows), encoding="utf-8")
    np.testing.assert_allclose(
        read_stack(tmp_path / "a.txt", bias_mv=1, pixel_size_nm=1).values[0], DATA - 2, atol=6e-4
    )


@pytest.mark.parametrize("delimiter", ["\t", " ", ";"])
def test_commas_that_may_be_thousands_are_refused(tmp_path, delimiter):
    rows = "\n".join(delimiter.join(["1,234", "5,678", "9,012"]) for _ in range(3))
    (tmp_path / "a.txt").write_text(rows)
    with pytest.raises(ReadError, match="may be decimal marks or thousands"):
        read_stack(tmp_path / "a.txt", bias_mv=1, pixel_size_nm=1)
    (tmp_path / "a.txt").write_text(f"{rows}\n" + delimiter.join(["1,234,567", "1,234", "2,345"]))
    assert read_stack(tmp_path / "a.txt", bias_mv=1, pixel_size_nm=1).values[0, 0].tolist() == [1234, 5678, 9012]


@pytest.mark.parametrize("names", ["index,axis-0,axis-1", "x;y;score;source", "X [nm]\tY [nm]\tZ [nm]\tI [A]"])
def test_a_table_with_other_columns_is_no_map(tmp_path, names):
    text = f"{names}\n" + "\n".join(re.sub(r"[^,;\t]+", "1.5", names) for _ in range(4))
    assert not is_map(text.encode())
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ReadError, match="found a table with the columns"):
        read_stack(tmp_path / "a.csv", bias_mv=1, pixel_size_nm=1)


def test_what_is_a_map_by_its_first_bytes():
    assert is_map(b"1,2,3\n4,5,6\n")
    assert is_map("\ufeffWidth: 3 nm\n1\t2\t3\n".encode("utf-16"))
    assert is_map(b"X[nm],Y[nm],Z[nm]\n1,2,3\n")
    assert not is_map(b"words\n")
    assert not is_map(b"")


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


LINES = st.text(st.sampled_from("0123456789.,;-+eE xyXY:=[]()nmVBias\t\n#\N{MINUS SIGN}\N{MICRO SIGN}"), max_size=80)


@given(LINES, st.sampled_from(["", "Width: 6 nm\nHeight: 5 nm\n", "X[nm]\tY[nm]\tZ\n", "Bias: "]))
def test_whatever_a_text_holds_it_is_read_or_refused_in_one_line(tmp_path_factory, text, header):
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_text(header + text, encoding="utf-8")
    is_map(path.read_bytes())
    for given_values in ({}, {"bias_mv": 1, "pixel_size_nm": 1}):
        said = ""
        try:
            assert read_stack(path, **given_values).ndim == 3
        except ReadError as error:
            said = str(error)
        assert "\n" not in said
