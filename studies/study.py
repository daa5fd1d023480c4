"""What the studies share: options, the simulated experiment, one way to judge a model, and what a result tells."""

from __future__ import annotations

import argparse
import json
import platform
import re
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from napari_stm_impurities.core.files import written_whole
from napari_stm_impurities.data.points import positions_nm
from napari_stm_impurities.impurities.detect import find
from napari_stm_impurities.impurities.model import Model
from napari_stm_impurities.impurities.training.calibration import RankedPeaks, matched_by_rank
from napari_stm_impurities.physics.dispersion import Dispersion
from napari_stm_impurities.simulation.surface import Surface, SurfaceConfig, simulate_surface

#: One pixel of the paper's grid (37.5 nm over 80 pixels): how near a point must lie to an impurity.
RADIUS_NM = 0.47
_ROOT = Path(__file__).resolve().parents[1]
#: Where the figures of the documentation lie.
IMAGES = _ROOT / "docs" / "images"


def options(doc: str, name: str, *, figure: bool = True) -> argparse.ArgumentParser:
    """The options that every study has; the file's docstring is its help."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, default=_ROOT / "docs" / "results" / f"{name}.json", help="the numbers")
    if figure:
        parser.add_argument("--figure", type=Path, default=IMAGES / f"{name}.png", help="the figure")
    return parser


def add_work(parser: argparse.ArgumentParser) -> None:
    """Where a study keeps its models and what it has so far."""
    parser.add_argument("--work", type=Path, default=_ROOT / "studies" / "work", help="folder for models on the way")


def add_experiment(parser: argparse.ArgumentParser) -> None:
    """Which simulated experiment; the sizes are the paper's."""
    parser.add_argument("--surface-seed", type=int, default=4000, help="seed of the simulated experiment")
    parser.add_argument("--side-px", type=int, default=80, help="pixels along each side, 0.47 nm each (paper: 80)")
    parser.add_argument("--biases", type=int, default=126, help="how many biases (paper: 126)")
    parser.add_argument("--noise", type=float, default=1.0, help="white noise of one map, in units of its ripples")


def experiment(wanted: argparse.Namespace) -> Surface:
    """The "experiment": the paper's Au(111) by exact scattering, as noisy as a measurement.

    Within 0.7 nm of an impurity the s-wave formula is blended into a value that no training knows, another one at each
    impurity. Unless told otherwise one map has as much white noise as ripples; line and correlated noise come besides.
    """
    config = SurfaceConfig(
        side_px=wanted.side_px,
        frame_nm=37.5 / 80 * wanted.side_px,
        n_biases=wanted.biases,
        near_field_nm=0.7,
        near_field_value=0.0,
        near_field_spread=0.5,
        noise_share=wanted.noise,
        line_noise_share=0.3,
        correlated_noise_share=0.3,
    )
    return simulate_surface("Au(111)", wanted.surface_seed, config=config)


def all_points(
    stack: xr.DataArray, model: Model | str = "default", dispersion: Dispersion | None = None
) -> pd.DataFrame:
    """All local maxima of S as points, the highest first."""
    with warnings.catch_warnings():
        # a model that is half trained has no calibrated confidence, and none is used here
        warnings.simplefilter("ignore")
        return find(stack, model, dispersion, threshold=0.0).points


def ranked(points: pd.DataFrame, truth: pd.DataFrame) -> RankedPeaks:
    """Which of the points are right, one to one within :data:`RADIUS_NM`."""
    right = matched_by_rank(positions_nm(points), positions_nm(truth), RADIUS_NM)
    return RankedPeaks(points["score"].to_numpy(), right, len(truth))


def best_f1(peaks: RankedPeaks) -> float:
    """The F1 at the threshold that suits these peaks best."""
    hits = np.cumsum(peaks.right)
    return float((2 * hits / (np.arange(1, len(hits) + 1) + peaks.n_truth)).max(initial=0.0))


def one_thread() -> None:
    """Times are for one thread, so that they mean the same on every machine and in every queue."""
    torch.set_num_threads(1)


def run_facts(seconds: float, **seeds: int) -> dict[str, Any]:
    """What a result must say of its run: the command, the seeds, the processor time, the machine."""
    return {
        "command": " ".join(["python", f"studies/{Path(sys.argv[0]).name}", *_told(sys.argv[1:])]),
        "seeds": seeds,
        "cpu_minutes": round(seconds / 60, 2),
        "machine": f"{_processor()}, one thread, torch {torch.__version__.split('+')[0]}",
    }


def _told(words: Sequence[str]) -> list[str]:
    """The options that decide what comes out, without those that say where it goes."""
    places = ("--work", "--json", "--figure", "--figures")
    return [word for before, word in zip(["", *words], words, strict=False) if not {before, word} & set(places)]


def _processor() -> str:
    """The processor's name where the system tells it."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def write_json(path: Path, result: Any) -> None:
    """Write a result, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1, allow_nan=False)
    # a row of numbers stands on one line
    text = re.sub(r"\[\s+([-+\d.e,\s]+?)\s+\]", lambda row: "[" + " ".join(row[1].split()) + "]", text)
    with written_whole(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a result; None where there is none yet."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def new_figure(width: float, height: float) -> Figure:
    """A figure that needs no display."""
    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """The mean of two values or more, and its standard error."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) / len(values) ** 0.5
