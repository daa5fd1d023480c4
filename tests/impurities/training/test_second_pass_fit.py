"""Fitting the second pass: it is the same for the same seed, and parts right points from wrong ones."""

from __future__ import annotations

from napari_stm_impurities.impurities.model import load_model
from napari_stm_impurities.impurities.second_pass import N_FEATURES
from napari_stm_impurities.impurities.training.second_pass_fit import fit_second_pass
from napari_stm_impurities.simulation.config import ScatteringConfig

PLAIN = ScatteringConfig(
    n_maps=(2, 2), density_per_k2=(0.02, 0.03), k_rad_per_px=(0.4, 0.6), artefacts=(), structures=()
)


def test_a_larger_amplitude_speaks_for_an_impurity():
    model = load_model("default", "cpu")
    fitted = fit_second_pass(model, PLAIN, 3, 4)
    assert fitted is not None
    assert len(fitted.weights) == N_FEATURES
    assert fitted.weights[0] > 0
    assert fitted == fit_second_pass(model, PLAIN, 3, 4)


def test_a_stop_leaves_none():
    assert fit_second_pass(load_model("default", "cpu"), PLAIN, 3, 4, should_stop=lambda: True) is None
