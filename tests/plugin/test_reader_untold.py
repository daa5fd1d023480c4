"""What a file does not tell is not made up: the layer opens, and the widgets ask."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Layer

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.plugin import reader
from napari_stm_impurities.plugin.layers.images import layer_bias_mv, layer_stack, set_scale
from napari_stm_impurities.plugin.layers.transforms import layer_pixel_size_nm
from napari_stm_impurities.plugin.reader import read_maps


@pytest.fixture
def told(monkeypatch):
    """What the reader warns of."""
    lines: list[str] = []
    monkeypatch.setattr(reader, "show_warning", lines.append)
    return lines


@pytest.fixture
def cube(tmp_path):
    np.save(tmp_path / "cube.npy", np.random.default_rng(0).random((3, 12, 14)))
    return str(tmp_path / "cube.npy")


def test_a_bare_array_opens_and_is_calibrated_by_hand(cube, told):
    data, keywords, kind = read_maps(cube)[0]
    assert "give bias_mv" in told[0]
    layer = Layer.create(data, keywords, kind)
    assert layer_bias_mv(layer) is None
    assert layer_pixel_size_nm(layer) is None
    with pytest.raises(StmError, match="pixel size"):
        layer_stack(layer)
    set_scale(layer, pixel_size_nm=0.5, bias_mv=[-10, 0, 10])
    assert layer_stack(layer).attrs["pixel_size_nm"] == [0.5, 0.5]


def test_the_real_text_matrix_opens_with_its_scale(shared_data, told):
    path = shared_data / "janberges__nbs2cdw" / "Figure 2b.txt"
    data, keywords, _ = read_maps(str(path))[0]
    assert "give bias_mv" in told[0]
    assert data.shape == (512, 512)
    assert keywords["scale"] == (15 / 512, 15 / 512)
    assert "bias_mv" not in keywords["metadata"]
