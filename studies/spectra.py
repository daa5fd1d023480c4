"""Fig. 5(a) of Wang et al. 2020: dI/dV spectra on and off an impurity, of the simulated surface.

    python studies/spectra.py

Au(111) as in the other studies, but from 20 mV above the band bottom. "On" is the pixel nearest to each impurity in the
frame, "away" every pixel farther than 2 nm from any impurity and from the edge. The same surface is simulated three
times: by the s-wave formula alone, with the default near field (within 0.35 nm the map goes to a fixed value),
and with the near field of the experiment of fig4.py (another value at each impurity, within 0.7 nm).
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import study
from scipy.spatial import cKDTree

from napari_stm_impurities.data.points import positions_nm
from napari_stm_impurities.physics.dispersion import Dispersion
from napari_stm_impurities.simulation.surface import Surface, SurfaceConfig, simulate_surface

NEAR_FIELDS: dict[str, dict[str, float]] = {
    "s-wave formula alone": {"near_field_nm": 0.0},
    "default near field": {},
    "another near field at each impurity": {
        "near_field_nm": 0.7,
        "near_field_value": 0.0,
        "near_field_spread": 0.5,
    },
}
AWAY_NM = 2.0


def main() -> None:
    """Simulate, take the means, draw."""
    parser = study.options(__doc__, "fig5a")
    study.add_experiment(parser)
    wanted = parser.parse_args()
    study.one_thread()
    begun = time.process_time()
    start_mv = round(Dispersion.of_material("Au(111)").band_bottom_mv) + 20
    spectra: dict[str, Any] = {}
    for name, near_field in NEAR_FIELDS.items():
        config = SurfaceConfig(
            side_px=wanted.side_px,
            frame_nm=37.5 / 80 * wanted.side_px,
            bias_start_mv=start_mv,
            n_biases=wanted.biases,
            **near_field,
        )
        spectra[name] = _spectra(simulate_surface("Au(111)", wanted.surface_seed, config=config))
    facts = study.run_facts(time.process_time() - begun, surface=wanted.surface_seed)
    study.write_json(wanted.json, {**facts, "away_nm": AWAY_NM, "spectra": spectra})
    draw(spectra, wanted.figure)


def _spectra(surface: Surface) -> dict[str, Any]:
    stack = surface.stack
    places = positions_nm(surface.points)
    y, x = np.meshgrid(stack.y.values, stack.x.values, indexing="ij")
    distance, _ = cKDTree(places).query(np.stack([y, x], -1))
    edge = np.minimum(np.minimum(y, y[-1, 0] - y), np.minimum(x, x[0, -1] - x))
    away = stack.values[:, (distance > AWAY_NM) & (edge > AWAY_NM)]
    on = stack.values[:, surface.points["y_px"].round().astype(int), surface.points["x_px"].round().astype(int)]
    return {
        "impurities": on.shape[1],
        "pixels_away": away.shape[1],
        "bias_mv": stack.bias.values.round(2).tolist(),
        "on": _rounded(on.mean(1)),
        "on_std": _rounded(on.std(1)),
        "away": _rounded(away.mean(1)),
        "away_std": _rounded(away.std(1)),
    }


def _rounded(values: np.ndarray) -> list[float]:
    return values.astype(float).round(4).tolist()


def draw(spectra: dict[str, Any], path: Path) -> None:
    """One panel a near field; bands are the spread from impurity to impurity and from pixel to pixel."""
    figure = study.new_figure(10, 3.8)
    panels = figure.subplots(1, len(spectra), sharey=True)
    for axes, (name, one) in zip(panels, spectra.items(), strict=True):
        for place, colour, words in (
            ("on", "tab:red", f"on {one['impurities']} impurities"),
            ("away", "black", f"away, {one['pixels_away']} pixels"),
        ):
            mean, spread = np.array(one[place]), np.array(one[f"{place}_std"])
            axes.plot(one["bias_mv"], mean, color=colour, label=words)
            axes.fill_between(one["bias_mv"], mean - spread, mean + spread, color=colour, alpha=0.15, lw=0)
        axes.set(title=name, xlabel="bias (mV)")
        axes.title.set_fontsize("medium")
        axes.legend(fontsize="small", loc="upper right")
    panels[0].set_ylabel("dI/dV over that of the bare surface")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


if __name__ == "__main__":
    main()
