"""The ten kinds of surface that everything here is measured on, and what counts as found."""

from __future__ import annotations

from napari_stm_impurities.simulation.surface import Surface, SurfaceConfig, simulate_surface

#: One pixel of the paper's grid.
TOLERANCE_NM = 0.47
#: No training uses these seeds.
FIRST_SEED = 90_000

#: A material and what differs from the default surface.
KINDS: dict[str, tuple[str, dict[str, object]]] = {
    "clean": ("Au(111)", {"noise_share": 0.02, "line_noise_share": 0.0, "near_field_nm": 0.0}),
    "near field erased": ("Au(111)", {"near_field_nm": 0.9, "near_field_value": 0.0}),
    "random near field": ("Au(111)", {"near_field_nm": 0.7, "near_field_value": 0.0, "near_field_spread": 0.5}),
    "noise 2.5 x signal": (
        "Au(111)",
        {"noise_share": 2.5, "line_noise_share": 0.7, "correlated_noise_share": 0.7},
    ),
    "dense (3 in 100 px)": ("Au(111)", {"density_per_nm2": 0.1365, "least_distance_nm": 0.9}),
    "step and herringbone": ("Au(111)", {"step_share": 5.0, "herringbone_share": 1.0}),
    "drift 1.5 px": ("Au(111)", {"drift_px": 1.5}),
    "three biases": ("Au(111)", {"n_biases": 3}),
    "240 x 240": ("Au(111)", {"side_px": 240, "n_biases": 24}),
    "Ag(111), 75 nm": (
        "Ag(111)",
        {"frame_nm": 75.0, "bias_start_mv": -30.0, "bias_stop_mv": 100.0, "density_per_nm2": 0.008}
        | {"near_field_nm": 0.8, "least_distance_nm": 1.5, "margin_nm": 15.0, "mean_free_path_nm": 80.0},
    ),
}


def surface_of(kind: str, seed: int) -> Surface:
    """One surface of a kind."""
    material, values = KINDS[kind]
    return simulate_surface(material, seed, config=SurfaceConfig(**values))
