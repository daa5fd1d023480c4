"""Spectra of one place are named as such, and maps and tables of points are not taken for them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.io.readers import read_stack

BIAS = np.linspace(-0.2, 0.2, 40)
TABLE = "".join(f"{v:.6E}\t{v * 1e-9:.6E}\t{1e-10:.6E}\n" for v in BIAS)
NANONIS = "Experiment\tbias spectroscopy\t\nX (m)\t0E+0\t\nBias Spectroscopy>Sweep Start (V)\t-200E-3\t\n\n[DATA]\n"


@pytest.mark.parametrize("suffix", [".dat", ".txt", ".asc", ".csv", ""])
@pytest.mark.parametrize("given", [{}, {"bias_mv": 100, "pixel_size_nm": 0.1}])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            NANONIS + "Bias calc (V)\tCurrent (A)\tLI Demod 1 X (A)\n" + TABLE,
            "a point spectrum of Nanonis (Bias calc (V), Current (A), LI Demod 1 X (A))",
        ),
        (NANONIS + "Z rel (m)\tCurrent (A)\tPhase (deg)\n" + TABLE, "a point spectrum of Nanonis (Z rel (m)"),
        (NANONIS.replace("\n", "\r\n") + "Bias (V)\tCurrent (A)\tI (A)\r\n" + TABLE, "a point spectrum of Nanonis"),
        (NANONIS + "Bias calc (V)\tCurrent (A)\n", "a point spectrum of Nanonis"),
        (f"[ParVERT30]\nVpoint=1\nDATA\n{TABLE}", "a point spectrum of Createc"),
        (f"WSxM file copyright UAM\nWSxM ASCII XY curve file\nX axis text: V[#x]\n{TABLE}", "a point spectrum of WSxM"),
        ("Bias (V)\tCurrent (A)\tdI/dV (a.u.)\n" + TABLE, "a point spectrum (Bias (V), Current (A), dI/dV (a.u.))"),
        ("# V_mV, I, dIdV\n" + TABLE.replace("\t", ", "), "a point spectrum (V_mV, I, dIdV)"),
        ("Energy_meV;LDOS;error\n" + TABLE.replace("\t", ";"), "a point spectrum (Energy_meV, LDOS, error)"),
    ],
)
def test_a_spectrum_is_named(tmp_path, suffix, given, text, says):
    path = tmp_path / f"spectrum{suffix}"
    path.write_bytes(text.encode())
    with pytest.raises(ReadError) as error:
        read_stack(path, **given)
    assert says in str(error.value)
    assert "no map" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "header", ["", "# Channel: dI/dV\n# Width: 3 nm\n# Height: 4 nm\n", "# Sample bias: -0.3 V\n", "Bias: 5 mV\n"]
)
def test_a_map_is_read(tmp_path, header):
    path = tmp_path / "a.txt"
    path.write_text(header + "0.1 0.2 0.3 0.4 0.5\n" * 4)
    assert read_stack(path, bias_mv=1, pixel_size_nm=1).sizes["x"] == 5
