"""Where the shipped model stops working: density, noise, number of biases, pixels a ripple, near neighbours.

    python studies/limits.py

One thing at a time is changed on a simulated Au(111) frame of 37.5 nm (80 x 80 pixels, 24 biases from -230 to 20 mV,
0.03 impurities a nm^2, white noise 0.5 times the ripples). Everything is at its default; the band is read off the data.
Recall and precision are pooled over the seeds, one to one within 0.47 nm.

The ripples are pi/k apart, half the wavelength lambda_F = 2 pi/k of the electrons. As the diffraction limit half of
that is taken, d = pi/(2k) = lambda_F/4, with k at the highest bias, where the ripples are shortest: 0.8 nm. Were any
two impurities nearer than d seen as one and nothing else missed, the recall would be that of the dotted line.
"""

from __future__ import annotations

import math
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import study
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from napari_stm_impurities.analysis.comparison import compare
from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.points import positions_nm
from napari_stm_impurities.impurities.detect import find
from napari_stm_impurities.impurities.model import Model, load_model
from napari_stm_impurities.physics.dispersion import Dispersion
from napari_stm_impurities.simulation.surface import Surface, SurfaceConfig, simulate_surface

#: No two impurities lie nearer than the rows of the surface's atoms.
BASE = {"n_biases": 24, "least_distance_nm": 0.29}
FRAME_NM = 37.5
#: What is changed: the field, its values, its axis.
SCANS: dict[str, tuple[str, tuple[float, ...], str]] = {
    "density": (
        "density_per_nm2",
        (0.005, 0.01, 0.02, 0.04, 0.08, 0.12, 0.18, 0.26, 0.4),
        "impurities a nm²",
    ),
    "noise": ("noise_share", (0.1, 0.5, 1, 2, 3, 4, 6, 8, 12), "white noise of one map / ripples"),
    "biases": ("n_biases", (1, 2, 3, 5, 8, 16, 32, 64, 126), "biases"),
    "pixels": ("side_px", (28, 36, 44, 52, 64, 80, 120, 180, 240), "pixels a ripple, π/k at 20 mV"),
}
#: With this much noise more biases are worth having.
NOISE_OF_BIASES = 2.0


def main() -> None:
    """Simulate, search, count, draw."""
    parser = study.options(__doc__, "limits")
    parser.add_argument("--model", default="default")
    parser.add_argument("--seeds", type=int, default=5, help="surfaces a point")
    parser.add_argument("--seed", type=int, default=60_000, help="the first surface's seed")
    parser.add_argument("--values", type=int, help="only this many values of each scan, evenly chosen")
    wanted = parser.parse_args()
    study.one_thread()
    begun = time.process_time()
    model = load_model(wanted.model)
    k_per_nm = float(Dispersion.of_material("Au(111)").k_per_nm(SurfaceConfig().bias_stop_mv))
    ripple_nm = math.pi / k_per_nm
    scans: dict[str, list[dict[str, Any]]] = {}
    neighbours: list[tuple[float, bool]] = []
    for name, (field, values, _) in SCANS.items():
        scans[name] = []
        some = values[:: max(1, -(-len(values) // wanted.values))] if wanted.values else values
        for value in some:
            told: dict[str, Any] = {**BASE, field: value}
            if name == "biases":
                told["noise_share"] = NOISE_OF_BIASES
            row = _row(model, told, range(wanted.seed, wanted.seed + wanted.seeds), ripple_nm / 2, neighbours)
            shown = ripple_nm / (FRAME_NM / value) if name == "pixels" else value
            scans[name].append({"value": round(shown, 4), **row})
            print(name, value, row, flush=True)
    seconds = time.process_time() - begun
    result = {
        **study.run_facts(seconds, surfaces=wanted.seed, surfaces_a_point=wanted.seeds),
        "model": wanted.model,
        "ripple_nm": round(ripple_nm, 3),
        "diffraction_limit_nm": round(ripple_nm / 2, 3),
        "scans": scans,
        "recall_against_nearest_neighbour": _against_distance(neighbours),
    }
    study.write_json(wanted.json, result)
    draw(result, wanted.figure)


def _row(
    model: Model, told: dict[str, Any], seeds: range, limit_nm: float, neighbours: list[tuple[float, bool]]
) -> dict[str, Any]:
    """Pooled recall and precision of one value; impurities with their nearest neighbour are added to the list."""
    hits = found = true = apart = refused = 0
    for seed in seeds:
        surface = simulate_surface("Au(111)", seed, config=SurfaceConfig(**told))
        true += len(surface.points)
        apart += _told_apart(surface, limit_nm)
        try:
            points = find(surface.stack, model).points
        except StmError:
            # one bias without a ring is refused, with a line that asks for the material
            refused += 1
            continue
        report = compare(points, surface.points, study.RADIUS_NM)
        hits += len(report.pairs)
        found += len(points)
        if "density_per_nm2" in told:
            hit = np.zeros(len(surface.points), dtype=bool)
            hit[report.pairs["reference"]] = True
            distance, _ = cKDTree(positions_nm(surface.points)).query(positions_nm(surface.points), k=2)
            neighbours += zip(distance[:, 1].tolist(), hit.tolist(), strict=True)
    return {
        "recall": round(hits / true, 4),
        "precision": round(hits / found, 4) if found else None,
        "diffraction_recall": round(apart / true, 4),
        "impurities": true,
        "refused": refused,
    }


def _told_apart(surface: Surface, limit_nm: float) -> int:
    """How many impurities are left where each chain of neighbours nearer than the limit counts as one."""
    near = cKDTree(positions_nm(surface.points)).sparse_distance_matrix(
        cKDTree(positions_nm(surface.points)), limit_nm, output_type="coo_matrix"
    )
    return int(connected_components(near, directed=False)[0])


def _against_distance(neighbours: list[tuple[float, bool]]) -> list[dict[str, float]]:
    """The share found, by the distance of the nearest neighbour, where ten or more tell it."""
    distance, hit = np.array([d for d, _ in neighbours]), np.array([h for _, h in neighbours])
    edges = np.array([0.29, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0])
    rows = []
    for low, high in pairwise(edges):
        inside = (distance >= low) & (distance < high)
        if inside.sum() >= 10:
            middle = round(float(low + high) / 2, 3)
            rows.append({"distance_nm": middle, "recall": round(float(hit[inside].mean()), 4), "n": int(inside.sum())})
    return rows


def draw(result: dict[str, Any], path: Path) -> None:
    """One panel a scan, and the recall against the distance of the nearest neighbour."""
    figure = study.new_figure(11, 6.4)
    panels = figure.subplots(2, 3, sharey=True).ravel()
    for axes, (name, (_, _, label)) in zip(panels, SCANS.items(), strict=False):
        rows = result["scans"][name]
        value = [row["value"] for row in rows]
        axes.plot(value, [row["recall"] for row in rows], "o-", label="recall")
        told = [row for row in rows if row["precision"] is not None]
        axes.plot(
            [row["value"] for row in told], [row["precision"] for row in told], "s--", mfc="none", label="precision"
        )
        if name == "density":
            limit = [row["diffraction_recall"] for row in rows]
            axes.plot(value, limit, ":", color="0.4", label="recall if pairs nearer\nthan π/(2k) were one")
        if name == "pixels":
            axes.axvline(2, color="0.6", lw=1)
            axes.annotate("sampling limit", (2, 0.5), rotation=90, ha="right", va="center", color="0.4")
        axes.set(xlabel=label, xscale="log", ylim=(0, 1.03))
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.legend(loc="lower center", fontsize="small")
    near = result["recall_against_nearest_neighbour"]
    axes = panels[4]
    axes.plot([row["distance_nm"] for row in near], [row["recall"] for row in near], "o-")
    for times, words in ((1, "π/(2k)"), (2, "π/k")):
        at = times * result["diffraction_limit_nm"]
        axes.axvline(at, color="0.6", lw=1)
        axes.annotate(words, (at, 0.1), rotation=90, ha="right", color="0.4")
    axes.set_title("recall, all densities", fontsize="medium")
    axes.set(xlabel="distance to the nearest impurity (nm)", xlim=(0, None))
    panels[5].set_axis_off()
    for axes in (panels[0], panels[3]):
        axes.set_ylabel("share")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


if __name__ == "__main__":
    main()
