"""The usual preparation as one configuration, in the order in which its steps make sense."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ..core.configuration import Configuration


class PrepareConfig(Configuration):
    """Preparation: which steps are done to a stack, in this order.

    Examples
    --------
    >>> PrepareConfig.of(level_lines=True, pixel_size_nm=0.5).recipe()
    [{'step': 'level_planes'}, {'step': 'level_lines'}, {'step': 'resample', 'pixel_size_nm': 0.5}]
    """

    low_mv: float | None = None
    """Maps below this bias (mV) are left out; nothing keeps all."""
    high_mv: float | None = None
    """Maps above this bias (mV) are left out; nothing keeps all."""
    clip_saturated: bool = False
    """Values at an amplifier's end and single-pixel spikes become missing."""
    clip_share: float = Field(default=0.0, ge=0.0, lt=0.5)
    """The share of each map's values, at each end, that is brought back to where the others end."""
    normalise: Literal["none", "mean"] = "none"
    """Each map is divided by its mean."""
    correct_drift: bool = False
    """Maps that were taken one after the other are moved back onto each other; not for grids."""
    y_nm: tuple[float, float] | None = Field(default=None, title="Crop y (nm)")
    """Rows outside these two positions (nm) are cut off; nothing keeps all."""
    x_nm: tuple[float, float] | None = Field(default=None, title="Crop x (nm)")
    """Columns outside these two positions (nm) are cut off; nothing keeps all."""
    level_planes: bool = True
    """The plane under each map is taken away."""
    level_lines: bool = False
    """The median of each line is taken away."""
    fill_missing: bool = False
    """Missing pixels are filled from their neighbours."""
    pixel_size_nm: float | None = Field(default=None, gt=0.0)
    """The stack is brought to square pixels of this size (nm); nothing leaves them."""
    n_maps: int | None = Field(default=None, ge=1)
    """Neighbouring biases are averaged until this number of maps is left; nothing keeps all."""

    def recipe(self) -> list[dict[str, Any]]:
        """The steps that are switched on (:mod:`napari_stm_impurities.prepare.recipe`)."""
        bounds = {name: value for name in ("low_mv", "high_mv") if (value := getattr(self, name)) is not None}
        sides = {name: list(value) for name in ("y_nm", "x_nm") if (value := getattr(self, name)) is not None}
        steps: list[tuple[bool, dict[str, Any]]] = [
            (bool(bounds), {"step": "choose_biases", **bounds}),
            (self.clip_saturated, {"step": "clip_saturated"}),
            (self.clip_share > 0, {"step": "clip_extremes", "share": self.clip_share}),
            (self.normalise == "mean", {"step": "normalise_by_mean"}),
            (self.correct_drift, {"step": "correct_drift"}),
            # drift correction leaves missing values at the edges; the plane is fitted better without them
            (bool(sides), {"step": "crop", **sides}),
            (self.level_planes, {"step": "level_planes"}),
            (self.level_lines, {"step": "level_lines"}),
            (self.fill_missing, {"step": "fill_missing"}),
            (self.pixel_size_nm is not None, {"step": "resample", "pixel_size_nm": self.pixel_size_nm}),
            (self.n_maps is not None, {"step": "average_biases", "n_maps": self.n_maps}),
        ]
        return [step for enabled, step in steps if enabled]
