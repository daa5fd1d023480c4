"""Zarr stores, ours and those that xarray writes."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from napari_stm_impurities.core.errors import ReadError, StmError
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.io.readers import describe, read_stack
from napari_stm_impurities.io.writers import save_stack

STACK = make_stack(
    np.random.default_rng(0).normal(size=(3, 8, 9)), [-10, 0, 5], (0.5, 0.25), attrs={"frame_angle_deg": 3.0}
)


def test_a_saved_stack_comes_back_as_it_was(tmp_path):
    path = save_stack(STACK, tmp_path / "a.zarr")
    assert read_stack(path).identical(STACK)
    assert describe(path)["format"] == "Zarr (.zarr)"
    save_stack(STACK + 1, path)
    np.testing.assert_array_equal(read_stack(path).values, (STACK + 1).values)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_store_of_others(tmp_path, zarr_format):
    dataset = xr.Dataset(
        {"LIX": (("bias", "y", "x"), STACK.values, {"units": "A"})},
        coords={
            "bias": ("bias", [0.1, 0.0, -0.2], {"units": "V"}),
            "y": ("y", np.arange(8) * 5e-10, {"units": "m"}),
            "x": ("x", np.arange(9) * 5e-10, {"units": "m"}),
        },
    )
    dataset.to_zarr(tmp_path / "a.zarr", zarr_format=zarr_format)
    stack = read_stack(tmp_path / "a.zarr")
    assert stack.bias.values.tolist() == [-200.0, 0.0, 100.0]
    np.testing.assert_array_equal(stack.values, STACK.values[::-1])
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [0.5, 0.5])


def test_what_is_no_store_is_told(tmp_path):
    (tmp_path / "a.zarr").mkdir()
    with pytest.raises(ReadError, match="holds no file that can be read"):
        read_stack(tmp_path / "a.zarr")
    (tmp_path / "b.zarr").write_text("x")
    with pytest.raises(ReadError):
        read_stack(tmp_path / "b.zarr")
    with pytest.raises(StmError, match="is no Zarr store; give another name"):
        save_stack(STACK, tmp_path / "a.zarr")
    save_stack(STACK, tmp_path / "c.zarr")
    for one in (tmp_path / "c.zarr").rglob(".zarray"):
        one.write_text("{}")
    with pytest.raises(ReadError):
        read_stack(tmp_path / "c.zarr")
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".")]
