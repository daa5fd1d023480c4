"""Every real file at hand: bias, pixel size, missing share, and one pixel that this test finds in the bytes itself."""

from __future__ import annotations

import re

import numpy as np
import pytest

from napari_stm_impurities.io.readers import describe, read_stack

#: Name, bias (mV), pixel size (nm), share of missing pixels of the topographs.
SCANS = [
    ("jjacobe2__PyAutoSTM/Topo014.sxm", 10.0, 30 / 256, 0.0),
    ("jjacobe2__PyAutoSTM/Topo038.sxm", 10.0, 10 / 256, 65 / 256),
    ("jjacobe2__PyAutoSTM/Topo040.sxm", 10.0, 30 / 256, 0.0),
    ("jjacobe2__PyAutoSTM/Topo043.sxm", -500.0, 30 / 256, 0.0),
    ("jjacobe2__PyAutoSTM/Topo113.sxm", 10.0, 10 / 256, 0.0),
    ("jjacobe2__PyAutoSTM/Topo224.sxm", 130.0, 10 / 256, 0.0),
    ("jjacobe2__PyAutoSTM/Topo312.sxm", 10.0, 20 / 256, 0.0),
    ("jjacobe2__PyAutoSTM/unnamed0001.sxm", 2000.0, 101.40269 / 256, 171 / 256),
    ("New-Horizons-SPM__G80SXM/example_TOPO.sxm", -20.0, 5 / 256, 0.0),
]


@pytest.mark.parametrize(("name", "bias_mv", "pixel_nm", "missing"), SCANS)
def test_each_real_scan(shared_data, name, bias_mv, pixel_nm, missing):
    path = shared_data / name
    stack = read_stack(path)
    assert stack.shape == (1, 256, 256)
    assert stack.name == "Z"
    assert stack.bias.values.tolist() == [bias_mv]
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [pixel_nm, pixel_nm], rtol=1e-5)
    assert describe(path)["missing_share"] == pytest.approx(missing)
    raw = path.read_bytes()
    start = raw.index(b"\x1a\x04") + 2
    row, column = (200, 31) if np.isnan(stack.values[0, 40, 31]) else (40, 31)
    up = re.search(rb":SCAN_DIR:\s+(\w+)", raw)[1] == b"up"
    stored = (255 - row if up else row) * 256 + column
    assert float(stack.values[0, row, column]) == np.frombuffer(raw, ">f4", 1, start + 4 * stored)[0]


def test_the_real_grid(shared_data):
    path = shared_data / "pycroscopy__SciFiDatasets" / "NanonisReader_STS_grid_lockin.3ds"
    stack = read_stack(path)
    assert (stack.name, stack.shape) == ("LockinX", (200, 30, 30))
    np.testing.assert_allclose(stack.bias.values[[0, -1]], [-220, 220], atol=0.01)
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [5 / 30, 5 / 30], rtol=1e-6)
    assert stack.attrs["frame_angle_deg"] == 45.0
    assert not np.isnan(stack.values).any()
    raw = path.read_bytes()
    # ten parameters and four channels of 200 points a pixel; LockinX is the second channel
    pixel = raw.index(b":HEADER_END:") + len(b":HEADER_END:\r\n") + 4 * (10 + 800) * (7 * 30 + 3)
    assert float(stack.values[5, 7, 3]) == np.frombuffer(raw, ">f4", 1, pixel + 4 * (10 + 200 + 5))[0]
