"""The band that sets the scale where no ring stands out by itself."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.impurities import surface_band
from napari_stm_impurities.qpi.dispersion_fit import NoRing
from napari_stm_impurities.simulation.surface import SurfaceConfig, simulate_surface


def test_the_ring_of_a_known_material_is_taken_where_no_ring_stands_out_by_itself(monkeypatch):
    def none(_stack):
        raise NoRing("no ring")

    monkeypatch.setattr(surface_band, "fit_dispersion", none)
    config = SurfaceConfig(frame_nm=30.0, bias_start_mv=-50.0, bias_stop_mv=0.0, n_biases=2)
    stack = simulate_surface("Cu(111)", seed=5, config=config).stack.isel(bias=[1])
    band, notes = surface_band.band_of(stack, None)
    assert band is not None
    assert band.source.startswith("Cu(111)")
    assert "give the material if it is another one" in notes[0]
    noise = stack.copy(data=np.random.default_rng(0).normal(size=stack.shape))
    with pytest.raises(StmError, match="no ring; with one bias only"):
        surface_band.band_of(noise, None)
