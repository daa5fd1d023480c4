"""Every error of bad input is one family with one line."""

from __future__ import annotations

import pytest

from napari_stm_impurities.core.errors import ModelError, ReadError, StmError


@pytest.mark.parametrize("error", [ReadError("a.3ds", "no such file"), ModelError("not a model")])
def test_all_are_stm_errors_and_value_errors(error):
    assert isinstance(error, StmError)
    assert isinstance(error, ValueError)


def test_a_read_error_begins_with_the_file():
    assert str(ReadError("grid.3ds", "no such file")) == "grid.3ds: no such file"
