"""Configurations are values with bounds, and complain in one line."""

from __future__ import annotations

import pytest
from pydantic import Field, ValidationError

from napari_stm_impurities.core.configuration import Configuration
from napari_stm_impurities.core.errors import StmError


class Ripple(Configuration):
    noise_std: float = Field(0.8, ge=0)
    """Width of the white noise, in units of the map."""
    side_px: int = Field(20, gt=0)
    """Side of a window."""


def test_defaults_hold_and_the_line_under_a_field_is_its_description():
    assert Ripple.of() == Ripple(noise_std=0.8, side_px=20)
    assert Ripple.model_fields["noise_std"].description == "Width of the white noise, in units of the map."


def test_a_configuration_does_not_change():
    with pytest.raises(ValidationError):
        Ripple.of().side_px = 3


def test_an_unknown_field_is_refused():
    with pytest.raises(StmError, match=r"side_pixels.*not permitted"):
        Ripple.of(side_pixels=3)


def test_a_bad_value_is_told_in_one_line_with_field_value_and_bound():
    with pytest.raises(StmError) as caught:
        Ripple.of(noise_std=-1, side_px=0)
    text = str(caught.value)
    assert "\n" not in text
    assert "Ripple: noise_std" in text
    assert "greater than or equal to 0" in text
    assert "got -1" in text
    assert "1 more" in text
