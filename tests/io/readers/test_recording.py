"""What is said where a library fails on a file: of the file, or of the library."""

from __future__ import annotations

import h5netcdf.core
import pytest

from napari_stm_impurities import ReadError, make_stack, read_stack, save_stack
from napari_stm_impurities.io.readers import recording
from napari_stm_impurities.io.readers.recording import library_errors


def failing(path: object, error: Exception) -> str:
    with pytest.raises(ReadError) as caught, library_errors(path, "a map"):
        raise error
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_a_damaged_file_causes_is_said_of_the_file():
    assert failing("a.nc", KeyError("y")) == "a.nc: expected a map, but it is damaged or another format: 'y'"


def test_a_library_that_cannot_be_imported_is_no_damage():
    said = failing("a.nc", ImportError("cannot import name 'open'"))
    assert said.startswith("a.nc: a library failed on it (cannot import name 'open')")
    assert "install those of constraints.txt" in said


def test_whatever_fails_where_a_version_is_not_allowed_says_nothing_of_the_file(monkeypatch):
    sentence = "h5netcdf 1.7.0 is installed; run pip install 'h5netcdf>=1.8.0'"
    monkeypatch.setattr(recording, "unfit_versions", lambda: [sentence])
    said = failing("a.nc", ValueError("no such filter"))
    assert said == f"a.nc: a library failed on it (no such filter), which says nothing of the file: {sentence}"


def test_a_library_that_lacks_what_another_one_asks_for_is_no_damage(tmp_path, monkeypatch):
    path = save_stack(make_stack([[[0.0, 1.0], [2.0, 3.0]]], bias_mv=[10.0], pixel_size_nm=0.5), tmp_path / "a.nc")
    read_stack(path)
    # xarray asks every variable of h5netcdf for them
    monkeypatch.delattr(h5netcdf.core.BaseVariable, "dimensions")
    with pytest.raises(ReadError, match="no attribute 'dimensions'") as caught:
        read_stack(path)
    assert "versions do not fit together" in str(caught.value)
