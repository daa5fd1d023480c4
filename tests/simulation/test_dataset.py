"""Training data on disk, read back with xarray alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import xarray as xr

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.core.progress import Stopped
from napari_stm_impurities.simulation.artefacts.white_noise import WhiteNoise
from napari_stm_impurities.simulation.config import FriedelConfig, ScatteringConfig
from napari_stm_impurities.simulation.dataset import dataset_bytes, dataset_seconds, simulate_dataset
from napari_stm_impurities.simulation.stream import simulate_windows

FRIEDEL = FriedelConfig.of(n_maps=3, side_px=16)
SCATTERING = ScatteringConfig.of(side_px=16, n_maps=(1, 3), artefacts=[WhiteNoise()])


def read(path) -> xr.Dataset:
    with xr.open_dataset(path, engine="h5netcdf") as file:
        return file.load()


def test_the_file_holds_what_the_simulation_gave(tmp_path):
    path = simulate_dataset(tmp_path / "windows.nc", FRIEDEL, 11, seed=5)
    data = read(path)
    draw = torch.Generator().manual_seed(5)
    expected = torch.cat([simulate_windows(FRIEDEL, n, draw).maps for n in (8, 3)]).numpy()
    np.testing.assert_array_equal(data.maps.values, expected)
    assert data.maps.dims == ("window", "map", "y", "x")
    assert json.loads(data.attrs["configuration"]) == FRIEDEL.model_dump(mode="json")
    assert data.attrs["seed"] == 5


def test_the_label_is_one_over_n_where_the_impurities_stand(tmp_path):
    data = read(simulate_dataset(tmp_path / "windows.nc", FRIEDEL, 10))
    for window in range(10):
        y, x = (data[name].values[window] for name in ("impurity_y_px", "impurity_x_px"))
        there = np.isfinite(y)
        expected = np.zeros((16, 16))
        expected[y[there].astype(int), x[there].astype(int)] = 1 / there.sum()
        np.testing.assert_allclose(data.label.values[window], expected, rtol=1e-6)


def test_windows_of_few_biases_are_filled_up_with_nan(tmp_path):
    data = read(simulate_dataset(tmp_path / "windows.nc", SCATTERING, 40))
    count = np.isfinite(data.maps.values).all((2, 3)).sum(1)
    assert len(set(count)) > 1
    assert data.maps.shape[1] == count.max()
    # no map is half filled
    assert (np.isfinite(data.maps.values).any((2, 3)).sum(1) == count).all()


def test_structure_is_a_label_of_its_own_where_windows_have_it(tmp_path):
    config = ScatteringConfig.of(side_px=32, n_maps=(1, 2))
    data = read(simulate_dataset(tmp_path / "windows.nc", config, 11, seed=2))
    draw = torch.Generator().manual_seed(2)
    expected = torch.cat([simulate_windows(config, n, draw).structure for n in (8, 3)]).numpy()
    np.testing.assert_array_equal(data.structure.values, expected)
    assert data.structure.dims == ("window", "y", "x")
    assert "structure" not in read(simulate_dataset(tmp_path / "paper.nc", FRIEDEL, 2))


def test_the_same_seed_gives_the_same_windows(tmp_path):
    first, again, other = (
        read(simulate_dataset(tmp_path / f"{name}.nc", SCATTERING, 3, seed=seed))
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first.identical(again)
    assert not first.identical(other)


@pytest.mark.parametrize("config", [FriedelConfig.of(), ScatteringConfig.of(side_px=32, n_maps=(4, 4))])
def test_the_size_is_said_before(tmp_path, config):
    said = dataset_bytes(config, 60)
    path = simulate_dataset(tmp_path / "windows.nc", config, 60)
    # the places of the impurities are not counted, a few per cent in small windows
    assert path.stat().st_size == pytest.approx(said, rel=0.1)


def test_the_time_is_said_before():
    assert 0 < dataset_seconds(FRIEDEL, 100) < 60
    assert dataset_seconds(FRIEDEL, 10_000_000) > 60


def test_a_stop_leaves_nothing_behind(tmp_path):
    told = []
    with pytest.raises(Stopped):
        simulate_dataset(
            tmp_path / "windows.nc",
            FRIEDEL,
            80,
            progress=lambda share, what: told.append((share, what)),
            should_stop=lambda: len(told) >= 2,
        )
    assert list(tmp_path.iterdir()) == []
    assert [share for share, _ in told] == [0.0, 0.1]


def test_a_stop_leaves_an_older_file_as_it_was(tmp_path):
    path = simulate_dataset(tmp_path / "windows.nc", FRIEDEL, 2)
    before = path.read_bytes()
    with pytest.raises(Stopped):
        simulate_dataset(path, FRIEDEL, 5, should_stop=lambda: True)
    assert path.read_bytes() == before


@pytest.mark.parametrize("n", [0, -3])
def test_no_windows_are_refused(tmp_path, n):
    with pytest.raises(StmError, match="at least one window"):
        simulate_dataset(tmp_path / "windows.nc", FRIEDEL, n)


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(StmError, match="does not exist"):
        simulate_dataset(tmp_path / "nowhere" / "windows.nc", FRIEDEL, 1)
