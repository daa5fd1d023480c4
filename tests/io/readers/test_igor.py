"""Igor waves, against bytes packed here and against igor2 on the real files."""

from __future__ import annotations

import igor2.binarywave
import numpy as np
import pytest

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.io.readers import describe, open_recording, read_stack

DATA = np.arange(3 * 4 * 21, dtype=float).reshape(3, 4, 21)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [2, 4, 0x10])
def test_a_volume_has_its_axes_from_the_scaling(tmp_path, made, order, kind):
    stack = read_stack(made.igor(tmp_path / "a.ibw", DATA, order=order, kind=kind))
    np.testing.assert_allclose(stack.bias.values, np.linspace(-100, 100, 21))
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [0.25, 0.5])
    np.testing.assert_array_equal(stack.values, DATA.transpose(2, 1, 0))
    assert (stack.name, stack.attrs["units"]) == ("I(V)", "A")


def test_the_dimension_in_volts_is_the_bias_and_may_go_down(tmp_path, made):
    path = made.igor(
        tmp_path / "a.ibw", DATA.transpose(2, 0, 1), step=(-0.01, 1e-9, 1e-9), start=(0.1, 0, 0), units=("V", "m", "m")
    )
    stack = read_stack(path)
    assert stack.bias.values[[0, -1]].tolist() == [-100.0, 100.0]
    np.testing.assert_array_equal(stack.values, DATA.transpose(2, 1, 0)[::-1])


@pytest.mark.parametrize(("direction", "first"), [("up", 0), ("down", 6)])
def test_lines_that_the_exporter_stripped_are_missing(tmp_path, made, direction, first):
    note = f"points per line = 3, Lines per plane = 10\rStripped 6 incomplete line(s) from forward {direction} trace"
    path = made.igor(tmp_path / "a.ibw", DATA, note=note, name="Aux2(V)")
    stack = read_stack(path)
    assert stack.shape == (21, 10, 3)
    np.testing.assert_array_equal(stack.values[:, first : first + 4], DATA.transpose(2, 1, 0))
    facts = describe(path)
    assert facts["missing_share"] == pytest.approx(0.6)
    assert "60.0% of the lines were not measured" in " ".join(facts["warnings"])
    assert "taken for the lock-in" in " ".join(facts["assumptions"])


def test_a_wave_of_two_dimensions_is_one_map(tmp_path, made):
    path = made.igor(tmp_path / "a.ibw", DATA[:, :, 0], note="Gap voltage = -0.25 V", name="Z", unit="m")
    assert read_stack(path).bias.values.tolist() == [-250.0]
    path = made.igor(tmp_path / "b.ibw", DATA[:, :, 0])
    with pytest.raises(ReadError, match=r"b\.ibw: .*give bias_mv"):
        read_stack(path)
    assert read_stack(path, bias_mv=5).shape == (1, 4, 3)


@pytest.mark.parametrize(
    ("note", "mv"),
    [
        ("Bias modulation: 5 mV\rBias: -200 mV\r", -200.0),
        ("Bias: -200 mV\rLock-in amplitude: 5 mV rms\r", -200.0),
        ("Bias [V]: -0,2\rWidth: 30,5 nm", -200.0),
        ("Bias: \x96200 mV", -200.0),
        ("Bias: 230 \xb5V", 0.23),
        ("Bias: 230 \N{MICRO SIGN}V; Bias: \N{MINUS SIGN}5 mV rms".encode().decode("latin-1"), 0.23),
    ],
)
def test_the_bias_in_the_note_of_a_map(tmp_path, made, note, mv):
    path = made.igor(tmp_path / "a.ibw", DATA[:, :, 0], note=note)
    np.testing.assert_allclose(read_stack(path).bias.values, [mv])


@pytest.mark.parametrize("note", ["Bias modulation: 5 mV", "Bias: 5 mV rms", "Bias: -0.2", "Bias: 0.1 V\rBias: 0.2 V"])
def test_a_note_that_does_not_tell_one_bias_is_asked_for(tmp_path, made, note):
    with pytest.raises(ReadError, match="give bias_mv"):
        read_stack(made.igor(tmp_path / "a.ibw", DATA[:, :, 0], note=note))


@pytest.mark.parametrize(
    ("length", "factor"),
    [("nm", 1.0), ("\N{MICRO SIGN}m", 1e3), ("um", 1e3), ("A", 0.1), ("\u00c5", 0.1), ("pm", 1e-3)],
)
@pytest.mark.parametrize(("bias", "factor_mv"), [("V", 1e3), ("mV", 1.0), ("eV", 1e3), ("meV", 1.0)])
def test_the_units_of_the_dimensions(tmp_path, made, length, factor, bias, factor_mv):
    path = made.igor(
        tmp_path / "a.ibw", DATA, step=(0.5, 0.25, 0.01), start=(0.0, 0.0, -0.1), units=(length, length, bias)
    )
    for raw in (path.read_bytes(), path.read_bytes().replace("\N{MICRO SIGN}m".encode(), b"\xb5m\0")):
        path.write_bytes(raw)
        stack = read_stack(path)
        np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [0.25 * factor, 0.5 * factor])
        np.testing.assert_allclose(stack.bias.values[[0, -1]], [-0.1 * factor_mv, 0.1 * factor_mv])


def test_a_current_can_be_differentiated(tmp_path, made):
    bias_v = np.linspace(-0.1, 0.1, 21)
    path = made.igor(tmp_path / "a.ibw", np.broadcast_to(bias_v**2, (3, 4, 21)))
    assert "dI/dV (numerical)" in {channel.name for channel in open_recording(path).channels}
    np.testing.assert_allclose(read_stack(path, "dI/dV (numerical)").values[:, 1, 1], 2 * bias_v, atol=1e-6)


def test_what_is_no_map_is_refused(tmp_path, made):
    with pytest.raises(ReadError, match=r"two or three dimensions, found one of shape \(9,\)"):
        read_stack(made.igor(tmp_path / "a.ibw", np.arange(9.0)))
    with pytest.raises(ReadError, match=r"found the type 0x3 \(text or complex\)"):
        read_stack(made.igor(tmp_path / "b.ibw", DATA, kind=3))
    path = made.igor(tmp_path / "c.ibw", DATA)
    whole = path.read_bytes()
    for keep in (70, 300, 1000, len(whole) - 1):
        path.write_bytes(whole[:keep])
        with pytest.raises(ReadError, match="cut"):
            read_stack(path)


@pytest.mark.parametrize(
    ("start", "shape", "ends", "pixel", "missing", "first"),
    [
        ("pycroscopy__SciFiDatasets/2023", (256, 64, 64), (-500, 500), 0.234375, 0.875, 56),
        ("rafinhareis__ststools/default_2021", (150, 10, 10), (-2500, 2500), 6.03515625, 0.5, 5),
        ("rafinhareis__ststools/default_2024", (150, 20, 20), (-500, 500), 4.5, 0.0, 0),
    ],
)
def test_the_real_volumes_are_as_igor2_reads_them(shared_data, start, shape, ends, pixel, missing, first):
    path = next(shared_data.glob(f"{start}*.ibw"))
    theirs = igor2.binarywave.load(str(path))["wave"]["wData"]
    stack = read_stack(path)
    assert stack.shape == shape
    assert stack.bias.values[[0, -1]].tolist() == list(ends)
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [pixel, pixel], rtol=1e-6)
    assert describe(path)["missing_share"] == missing
    assert stack.values[7, first + 2, 3] == np.float32(theirs[3, 2, 7])
    np.testing.assert_array_equal(stack.values[:, first:], theirs.transpose(2, 1, 0).astype(np.float32))
