"""Fig. 3 of Wang et al. 2020: the prediction over the reference on the map of the bound states.

    python studies/fig4.py --runs 1
    python studies/fig3.py

Two networks on the simulated experiment of fig4.py: run 0 of "L0 + Lreg, noise" (the paper's recipe), and the shipped
model at its defaults. Reference: expectation-maximisation on the bound-state map. The paper does not say how many
local maxima of S it shows; of the paper's network as many of the highest are drawn as there are reference points.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import fig4
import pandas as pd
import study

from napari_stm_impurities.analysis.comparison import compare
from napari_stm_impurities.data.images import pixel_size_nm
from napari_stm_impurities.impurities.detect import find
from napari_stm_impurities.impurities.model import load_model
from napari_stm_impurities.plots.maps import draw_overlay
from napari_stm_impurities.simulation.surface import Surface
from napari_stm_impurities.spots import find_reference

#: The paper's recipe, among the trainings of Fig. 4.
PAPER = "L0 + Lreg, noise"


def main() -> None:
    """Find, compare, draw."""
    parser = study.options(__doc__, "fig3", figure=False)
    study.add_work(parser)
    study.add_experiment(parser)
    parser.add_argument("--figures", type=Path, default=study.IMAGES, help="folder for the two figures")
    wanted = parser.parse_args()
    study.one_thread()
    begun = time.process_time()
    surface = study.experiment(wanted)
    reference = find_reference(surface.bound_state_map)
    paper = study.all_points(
        surface.stack, load_model(fig4.kept_at(wanted.work / "fig4", PAPER, 0).with_suffix(".safetensors"))
    )
    ours = find(surface.stack, load_model("default")).points
    networks = {"wang2020": paper.head(len(reference)), "default": ours}
    result: dict[str, Any] = {}
    for name, points in networks.items():
        result[name] = _figures(points, reference, surface, wanted.figures / f"fig3-{name}.png")
    result["wang2020, all peaks"] = _figures(paper, reference, surface, None)
    seconds = time.process_time() - begun
    study.write_json(wanted.json, {**study.run_facts(seconds, surface=wanted.surface_seed, run=0), **result})
    print(result)


def _figures(points: pd.DataFrame, reference: pd.DataFrame, surface: Surface, path: Path | None) -> dict[str, Any]:
    report = compare(
        points,
        reference,
        study.RADIUS_NM,
        pixel_size_nm=pixel_size_nm(surface.stack),
        frame=surface.stack,
    )
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        draw_overlay(surface.bound_state_map, points, reference, path, comparison=report)
    names = ("n_points", "n_reference", "recall", "precision", "f1", "reference_ratio", "chance_ratio")
    return {name: round(getattr(report, name), 4) for name in names}


if __name__ == "__main__":
    main()
