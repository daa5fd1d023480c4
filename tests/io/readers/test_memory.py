"""How much memory reading takes: never more than twice the data, and next to nothing for what stays on the disk."""

from __future__ import annotations

import tracemalloc

import h5py
import numpy as np
import pytest
import tifffile

from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.io.readers import read_stack, recording
from napari_stm_impurities.io.writers import save_stack, write_nanonis_grid

#: 32 MB as float32.
SHAPE = (128, 256, 256)
BIAS = list(range(SHAPE[0]))
GIVEN = {"bias_mv": BIAS, "pixel_size_nm": 1.0}


@pytest.fixture(scope="module")
def large(tmp_path_factory, made):
    """A file of each format that can hold a volume."""
    folder = tmp_path_factory.mktemp("large")
    data = np.random.default_rng(0).random(SHAPE, dtype=np.float32) + 1
    stack = make_stack(data, BIAS, 1.0)
    save_stack(stack, folder / "a.nc")
    save_stack(stack, folder / "a.zarr")
    write_nanonis_grid(stack, folder / "a.3ds")
    np.save(folder / "a.npy", data)
    np.savez(folder / "a.npz", data=data, bias=BIAS, pixel_size=1.0)
    tifffile.imwrite(folder / "a.tif", data, photometric="minisblack")
    made.igor(folder / "a.ibw", data.T, kind=2)
    made.gwyddion(folder / "a.gwy", {"/brick/0": made.gwy_brick(data, 1e-9, 0.0, 1.0)})
    with h5py.File(folder / "a.mat", "w", userblock_size=512) as file:
        file["g"] = data.transpose(0, 2, 1)
    with (folder / "a.mat").open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + bytes([0, 2]) + b"IM")
    return folder, data


def measured(path):
    given = {} if path.suffix in (".nc", ".zarr", ".npz", ".3ds", ".ibw", ".gwy") else GIVEN
    read_stack(path, **given)  # what a first reading imports and keeps does not count
    tracemalloc.start()
    stack = read_stack(path, **given)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return stack, peak / (4 * np.prod(SHAPE))


@pytest.mark.parametrize("suffix", ["nc", "zarr", "3ds", "npy", "npz", "tif", "ibw", "gwy", "mat"])
def test_reading_holds_at_most_twice_the_data(large, suffix):
    folder, data = large
    stack, share = measured(folder / f"a.{suffix}")
    assert share < 2.1
    np.testing.assert_array_equal(stack.values, data)


@pytest.mark.parametrize("suffix", ["nc", "zarr", "3ds", "npy", "npz", "tif", "ibw", "gwy", "mat"])
def test_a_large_stack_stays_on_the_disk(large, suffix, monkeypatch):
    monkeypatch.setattr(recording, "LAZY_BYTES", 2**20)
    folder, data = large
    stack, share = measured(folder / f"a.{suffix}")
    # a sample of the values is looked at
    assert share < 0.3
    assert stack.chunks is not None
    np.testing.assert_array_equal(stack.isel(bias=5).values, data[5])
