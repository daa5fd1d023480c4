"""Whose fault an error is: libraries that do not fit together, or what was read."""

from __future__ import annotations

import types
from collections.abc import Callable
from importlib import metadata

import numpy as np
import pytest

from napari_stm_impurities.core.installed import is_library_fault, unfit_versions


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Pretend that this package needs something, and that these versions are installed."""

    def pretend(needs: list[str], **versions: str) -> None:
        def version(name: str) -> str:
            if name not in versions:
                raise metadata.PackageNotFoundError(name)
            return versions[name]

        monkeypatch.setattr(metadata, "requires", lambda name: needs)
        monkeypatch.setattr(metadata, "version", version)

    return pretend


def test_a_version_that_is_not_allowed_is_named(installed):
    needs = ["h5netcdf>=1.8.0", "xarray>=2025.3.1", "napari<0.10,>=0.9.0", 'pytest>=99; extra == "test"', "qtpy>=2"]
    installed(needs, h5netcdf="1.7.0", xarray="2026.9.0", napari="0.10.0a1", pytest="8.0")
    assert unfit_versions() == [
        "h5netcdf 1.7.0 is installed; run pip install 'h5netcdf>=1.8.0'",
        "napari 0.10.0a1 is installed; run pip install 'napari<0.10,>=0.9.0'",
    ]


def test_a_build_of_an_allowed_version_fits(installed):
    installed(["torch>=2.6.0"], torch="2.6.0+cpu")
    assert unfit_versions() == []


def test_where_the_package_was_not_installed_nothing_is_known(monkeypatch):
    def unknown(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", unknown)
    assert unfit_versions() == []


def raised_in(library: str, code: str, **names: object) -> Exception:
    """What this code raises within a module of that library."""
    module = types.ModuleType(f"{library}.part")
    vars(module).update(names)
    try:
        exec(code, vars(module))
    except Exception as error:
        return error
    raise AssertionError("the code raised nothing")


def of_library(library: str) -> object:
    """An object of a class of that library."""
    return type("Variable", (), {"__module__": f"{library}.core"})()


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("import nowhere_to_be_found", {}),
        ("from json import nothing_of_the_kind", {}),
        ("variable.filters", {"variable": of_library("h5netcdf")}),
        ("type(variable).filters", {"variable": of_library("h5netcdf")}),
        ("module.TyperException", {"module": types.ModuleType("typer")}),
        ("(lambda a: a)(zarr_format=2)", {}),
        ("(lambda a: a)()", {}),
        ("(lambda a: a)(1, 2)", {}),
        ("sorted([], quickly=True)", {}),
    ],
)
def test_libraries_that_do_not_fit_together(code, names):
    assert is_library_fault(raised_in("xarray", code, **names))


@pytest.mark.parametrize(
    ("library", "code", "names"),
    [
        ("access2thematrix", "self.scan", {"self": of_library("access2thematrix")}),
        ("xarray", "found.group(1)", {"found": None}),
        ("xarray", "attribute.split()", {"attribute": np.int32(3)}),
        ("xarray", "float(None)", {}),
        ("xarray", "b'' + ''", {}),
        ("xarray", "{}['unit']", {}),
        ("xarray", "raise TypeError('No NumPy equivalent for TypeBitfieldID exists')", {}),
        ("napari_stm_impurities", "group.shape", {"group": of_library("h5py")}),
    ],
)
def test_what_a_damaged_file_causes(library, code, names):
    assert not is_library_fault(raised_in(library, code, **names))
