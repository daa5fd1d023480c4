"""Settings of the search for reference points."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..core.configuration import Configuration


class ReferenceConfig(Configuration):
    """Settings of the search for reference points in a bound-state map."""

    sign: Literal["auto", "bright", "dark"] = "auto"
    """Whether an impurity appears as a bright or as a dark spot; "auto" takes the tail of the map that is longer."""

    largest_fwhm_px: float = Field(default=8.0, ge=2.0, le=40.0)
    """The largest full width at half maximum of a spot, in pixels; wider structure is background."""

    min_confidence: float = Field(default=0.5, ge=0.0, lt=1.0)
    """The smallest posterior probability with which a spot is kept (Laplace's evidence; Bishop 2006, section 4.4.1)."""
