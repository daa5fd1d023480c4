"""How well five measured maps are searched whose molecules are known: CO on Cu(111), one constant-current map each.

    python benchmarks/measured.py [--data FOLDER] [--model NAME|FILE] [--json FILE]

The maps are those of jjacobe2/PyAutoSTM; `NAME_dots.csv` has the places of single molecules, and where
`NAME_ignore.png` is white (walls, bright objects, doubtful dots, the edge) neither found nor missed counts. They are no
part of this project, and nothing was fitted to them: the best threshold is reported and never used. Each map is
searched with defaults, and once more with the material given. A map that is refused counts as one without points.
"""

from __future__ import annotations

import argparse
import json
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage
from skimage.io import imread

import napari_stm_impurities as stm

ROOT = Path(__file__).resolve().parents[1]
FOLDER = "jjacobe2__PyAutoSTM"
MAPS = ("Topo014", "Topo034", "Topo096", "Topo101", "Topo304")
MATERIAL = "Cu(111)"
#: A molecule is some 0.5 nm wide; half of it.
TOLERANCE_NM = 0.25
#: The ignored area holds a strip of so many pixels along the frame's edge.
EDGE_STRIP_PX = 2
#: A molecule's width: a false point within it of a molecule is a second point on it.
MOLECULE_NM = 0.5
#: Nearer than this to the ignored area or the edge a false point is laid to it: a molecule and the first dip around it.
NEAR_NM = 1.0
#: Of Cu(111) at 10 mV: the distance of two crests. What lies within two of a scatterer may be its own ripples.
CREST_NM = 1.45
#: A line is scarred if it differs from the lines around it by more than so many robust standard deviations of that
#: (the usual cut for outliers, Iglewicz and Hoaglin 1993).
SCAR_SIGMA = 3.5
_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True)
class Truth:
    """A map, the places of its molecules, and the ignored area (y, x)."""

    stack: Any
    dots: pd.DataFrame
    ignored: NDArray[np.bool_]

    @classmethod
    def read(cls, folder: Path, name: str) -> Truth:
        """The map of this name and what is known about it."""
        stack = stm.read_stack(folder / f"{name}.sxm")
        ignored = imread(folder / f"{name}_ignore.png", as_gray=True) > 0
        return cls(stack, pd.read_csv(folder / f"{name}_dots.csv"), ignored)

    @property
    def pixel_nm(self) -> float:
        """The side of a pixel in nm."""
        return float(self.stack.x[1] - self.stack.x[0])

    @property
    def inner_ignored(self) -> NDArray[np.bool_]:
        """The ignored area without the strip along the frame's edge."""
        inner = self.ignored.copy()
        for line in range(EDGE_STRIP_PX):
            inner[[line, -1 - line]] = inner[:, [line, -1 - line]] = False
        return inner

    def pixels(self, points: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The pixel (y, x) of each point."""
        return tuple(
            np.rint(points[f"{axis}_nm"].to_numpy() / self.pixel_nm).astype(int).clip(0, n - 1)
            for axis, n in zip("yx", self.ignored.shape, strict=True)
        )

    def in_ignored(self, points: pd.DataFrame) -> NDArray[np.bool_]:
        """Whether each point lies in the ignored area."""
        return self.ignored[self.pixels(points)]

    def score(self, points: pd.DataFrame) -> tuple[dict[str, float], pd.DataFrame]:
        """The figures of a table of points, and the false ones among them.

        A point that has found a molecule counts wherever it lies; one in the ignored area that has not, or that found a
        molecule there, does not.
        """
        counted = self.dots[~self.in_ignored(self.dots)]
        pairs = stm.compare(points, counted, TOLERANCE_NM).pairs
        free = points.drop(index=points.index[pairs["point"]])
        free = free[~self.in_ignored(free)]
        beside = stm.compare(free, self.dots[self.in_ignored(self.dots)], TOLERANCE_NM).extra["point"]
        false = free.iloc[beside]
        n, hits = len(counted), len(pairs)
        figures = {
            "f1": 2 * hits / max(n + hits + len(false), 1),
            "recall": hits / n,
            "precision": hits / (hits + len(false)) if hits + len(false) else 0.0,
        }
        return figures, false

    def cause(self, point: pd.Series) -> str:
        """A guess why a point is taken for an impurity, from where it lies."""
        one = pd.DataFrame({axis: [float(point[axis])] for axis in ("y_nm", "x_nm")})
        row, column = (int(index[0]) for index in self.pixels(one))
        height, width = self.ignored.shape
        to_edge = self.pixel_nm * min(row, column, height - 1 - row, width - 1 - column)
        to_ignored = self.pixel_nm * float(ndimage.distance_transform_edt(~self.inner_ignored)[row, column])
        to_molecule = float(np.hypot(self.dots["y_nm"] - point["y_nm"], self.dots["x_nm"] - point["x_nm"]).min())
        if to_molecule < MOLECULE_NM:
            return f"a second point on a molecule ({to_molecule:.2f} nm)"
        if scarred_lines(self.stack.values[0])[max(row - 1, 0) : row + 2].any():
            return "on a scarred line"
        if to_edge < NEAR_NM:
            return f"at the frame's edge ({to_edge:.2f} nm)"
        if to_ignored < NEAR_NM:
            return f"at the ignored area ({to_ignored:.2f} nm)"
        nearest, what = min((to_molecule, "a molecule"), (to_ignored, "the ignored area"))
        if nearest < 2 * CREST_NM:
            return f"on the ripples around {what} ({nearest:.2f} nm)"
        return "far from everything"


def scarred_lines(image: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each line differs, over most of its length, from the lines around it more than other lines do."""
    flat = image - np.nanmedian(image, axis=1, keepdims=True)
    odd = np.abs(flat[1:-1] - (flat[:-2] + flat[2:]) / 2)
    # the median of a line is not moved by a molecule on it
    level = np.log(np.nanmedian(odd, axis=1) + np.finfo(np.float32).tiny)
    off = level - np.median(level)
    scarred = off > SCAR_SIGMA * _MAD_TO_SIGMA * np.median(np.abs(off))
    return np.concatenate([[False], scarred, [False]])


def measure(truth: Truth, model: stm.Model, material: str | None) -> dict[str, Any]:
    """The figures of one map: at the model's own threshold, at the best one, and every false point."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", stm.FindingWarning)
            # a threshold of 0 keeps the faint points too; which of them count is decided after
            points = stm.find_impurities(truth.stack, model, material, threshold=0.0)
    except stm.StmError as error:
        nothing = {"f1": 0.0, "recall": 0.0, "precision": 0.0}
        return {"refused": str(error).split(": ", 1)[-1], **nothing, "best": nothing, "false_points": []}
    figures, false = truth.score(points[points["confidence"] >= model.threshold].reset_index(drop=True))
    most = min(len(points), 3 * len(truth.dots))
    best = max((truth.score(points.head(n))[0] for n in range(1, most + 1)), key=lambda one: one["f1"])
    listed = [
        {
            "y_nm": round(float(point["y_nm"]), 2),
            "x_nm": round(float(point["x_nm"]), 2),
            "confidence": round(float(point["confidence"]), 3),
            "guess": truth.cause(point),
        }
        for _, point in false.iterrows()
    ]
    return {"refused": None, **figures, "best": best, "false_points": listed}


def main(arguments: list[str] | None = None) -> None:
    """Search the maps, print the figures and the false points, and write them where a file is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("STM_TEST_DATA", str(ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(default), help=f"the folder that holds {FOLDER}")
    parser.add_argument("--model", default="default")
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args(arguments)
    folder = wanted.data / FOLDER
    if not folder.is_dir():
        parser.error(f"{folder} is no folder; give --data, or set STM_TEST_DATA")
    model = stm.load_model(wanted.model)
    result: dict[str, Any] = {"model": model.config.name, "threshold": model.threshold, "tolerance_nm": TOLERANCE_NM}
    truths = {name: Truth.read(folder, name) for name in MAPS}
    for title, material in (("defaults", None), (f"material {MATERIAL}", MATERIAL)):
        print(f"{title}\n{'map':10} {'n':>4} {'F1':>6} {'recall':>7} {'precis.':>7} {'best F1':>8} {'false':>6}")
        rows = {name: measure(truth, model, material) for name, truth in truths.items()}
        for name, row in rows.items():
            row["molecules"] = int((~truths[name].in_ignored(truths[name].dots)).sum())
            shown = f"{row['molecules']:4d} {row['f1']:6.3f} {row['recall']:7.3f} {row['precision']:7.3f}"
            print(f"{name:10} {shown} {row['best']['f1']:8.3f} {len(row['false_points']):6d} {row['refused'] or ''}")
            for one in row["false_points"]:
                print(f"    ({one['y_nm']:.2f}, {one['x_nm']:.2f}) nm, {one['confidence']:.2f}: {one['guess']}")
        means = {
            f"mean_{key}": float(np.mean([row[key] for row in rows.values()])) for key in ("f1", "recall", "precision")
        }
        means["mean_best_f1"] = float(np.mean([row["best"]["f1"] for row in rows.values()]))
        print(" ".join(f"{key} {value:.3f}" for key, value in means.items()), flush=True)
        result[title] = {**means, "maps": rows}
    if wanted.json:
        wanted.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
