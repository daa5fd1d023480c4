"""How well the scale is read off the data: k of simulated surfaces, and what is taken for a ring where there is none.

    python benchmarks/dispersion.py [--surfaces 200] [--first 50000] [--json FILE]

Each surface draws its material, k between 0.2 and 1.2 rad a pixel, pixels a side, density, phase shifts, loss, near
field, noise (signal-to-noise 1 to 10) and number of biases; some have a herringbone, a lattice or a step. The error
is that of k at the middle of the biases. Blanks are stacks without any electron wave: a ring there is a false one.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import xarray as xr
from scipy import ndimage

from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.physics.dispersion import MATERIALS, Dispersion
from napari_stm_impurities.physics.instrument import correlated_noise
from napari_stm_impurities.qpi.dispersion_fit import NoRing, fit_dispersion
from napari_stm_impurities.simulation.surface import SurfaceConfig, simulate_surface

FIRST_SEED = 50_000
#: What the scale may be off by.
TOLERANCE = 0.03
#: Lowest and highest bias above the band bottom, in mV.
_ABOVE_BAND_MV = {"Au(111)": (290.0, 540.0), "Ag(111)": (40.0, 180.0), "Cu(111)": (185.0, 485.0)}


def draw_surface(seed: int) -> tuple[xr.DataArray, Dispersion, dict[str, object]]:
    """One surface, its true band, and what was drawn for it."""
    draw = np.random.default_rng(seed)
    material = str(draw.choice(list(MATERIALS)))
    band = Dispersion.of_material(material)
    low, high = (band.band_bottom_mv + above for above in _ABOVE_BAND_MV[material])
    n_biases = int(draw.choice([1, 3, 24, 126], p=[0.3, 0.3, 0.36, 0.04]))
    if n_biases == 1:
        low = high = draw.uniform(low, high)
    k_top = float(band.k_per_nm(high))
    k_px = 0.2 * 6 ** draw.uniform()
    side = int(draw.choice([80, 120, 160, 240], p=[0.6, 0.25, 0.1, 0.05]))
    # fewer than six crests in the frame are too few
    side = max(side, int(np.ceil(6 * np.pi / k_px)))
    pixel_nm = k_px / k_top
    shift = draw.uniform(0.3, 2.8)
    spread = min(draw.uniform(0, 0.5), shift - 0.2, 2.9 - shift)
    kind = str(draw.choice(["plain", "plain", "herringbone", "lattice", "step"]))
    density = 0.006 * 8 ** draw.uniform() * k_top**2
    # more scatterers than this take long and tell nothing new
    density = min(density, 160 / (side * pixel_nm + 2 * 8 / k_top) ** 2)
    config = SurfaceConfig.of(
        side_px=side,
        frame_nm=side * pixel_nm,
        bias_start_mv=low,
        bias_stop_mv=high,
        n_biases=n_biases,
        density_per_nm2=density,
        least_distance_nm=1.0 / k_top,
        margin_nm=8 / k_top,
        phase_shift_rad=(shift - spread, shift + spread),
        phase_shift_slope_rad_per_v=draw.uniform(-1, 1),
        loss=(0.0, draw.uniform(0, 0.6)),
        mean_free_path_nm=25 * 8 ** draw.uniform() / k_top,
        near_field_nm=draw.uniform(0, 1.5) / k_top,
        near_field_value=draw.uniform(-0.5, 0.5),
        near_field_spread=draw.uniform(0, 0.3),
        noise_share=(noise_share := 0.1 * 10 ** draw.uniform()),
        line_noise_share=draw.uniform(0, 0.4),
        correlated_noise_share=draw.choice([0.0, 0.4]),
        step_share=5.0 if kind == "step" else 0.0,
        herringbone_share=1.0 if kind == "herringbone" else 0.0,
    )
    stack = simulate_surface(material, seed, config=config).stack
    if kind == "lattice":
        stack = stack + float(stack.std()) * _lattice(side, draw)
    drawn = {
        "kind": kind,
        "biases": n_biases,
        "k_px": k_px,
        "crests": side * k_px / np.pi,
        "phase_shift": shift,
        "snr": 1 / noise_share,
        "material": material,
    }
    return stack.astype(np.float32), band, drawn


def _lattice(side: int, draw: np.random.Generator) -> np.ndarray:
    """A hexagonal lattice of standard deviation 1."""
    y, x = np.mgrid[:side, :side]
    turn, period = draw.uniform(0, np.pi), draw.uniform(2.3, 5.0)
    angles = turn + np.array([0, 1, 2]) * np.pi / 3
    rows = sum(np.cos(2 * np.pi / period * (y * np.sin(a) + x * np.cos(a))) for a in angles)
    return rows / rows.std()


def _white(n: int, draw: np.random.Generator) -> np.ndarray:
    return draw.normal(size=(n, 80, 80))


def _lines(n: int, draw: np.random.Generator) -> np.ndarray:
    return draw.normal(size=(n, 80, 80)) + 2 * draw.normal(size=(n, 80, 1))


def _one_over_f(n: int, draw: np.random.Generator) -> np.ndarray:
    torch_draw = torch.Generator().manual_seed(int(draw.integers(2**31)))
    return correlated_noise((1, n, 80, 80), torch.tensor([draw.uniform(0.5, 3.0)]), torch_draw)[0].numpy()


def _smooth(n: int, draw: np.random.Generator) -> np.ndarray:
    return ndimage.gaussian_filter(draw.normal(size=(n, 80, 80)), (0, *[draw.uniform(0.6, 4.0)] * 2))


def _texture(n: int, draw: np.random.Generator) -> np.ndarray:
    texture = ndimage.gaussian_filter(draw.normal(size=(80, 80)), draw.uniform(0.6, 4.0))
    return texture / texture.std() + draw.uniform(0.02, 1.0) * draw.normal(size=(n, 80, 80))


def _spots(n: int, draw: np.random.Generator) -> np.ndarray:
    spots = np.zeros((80, 80))
    spots[tuple(draw.integers(0, 80, (2, 50)))] = 1
    spots = ndimage.gaussian_filter(spots, draw.uniform(0.6, 2.5))
    return spots / spots.std() + draw.uniform(0.05, 1.0) * draw.normal(size=(n, 80, 80))


BLANKS: dict[str, Callable[[int, np.random.Generator], np.ndarray]] = {
    "white noise": _white,
    "line noise": _lines,
    "1/f noise": _one_over_f,
    "smooth noise": _smooth,
    "static texture": _texture,
    "static spots": _spots,
}


def blanks(kind: str, n_each: int, first: int) -> Iterator[xr.DataArray]:
    """Stacks of 1, 3 and 24 biases without any ring."""
    for seed in range(first, first + n_each):
        for n in (1, 3, 24):
            data = BLANKS[kind](n, np.random.default_rng([seed, n]))
            yield make_stack(data, np.linspace(-200, 50, n) if n > 1 else 0.0, 0.47)


def measure(stack: xr.DataArray, true: Dispersion) -> dict[str, float]:
    """The error of k as a share, that of the mass, and what the fit says of them; NaN where no ring was seen."""
    bias = stack.bias.values
    begun = time.perf_counter()
    try:
        found = fit_dispersion(stack)
    except NoRing:
        nothing = dict.fromkeys(("error", "said", "mass_error", "mass_said", "quality"), np.nan)
        return {**nothing, "seconds": time.perf_counter() - begun}
    seconds = time.perf_counter() - begun
    middle = bias.mean()
    return {
        "error": float(found.k_per_nm(middle) / true.k_per_nm(middle) - 1),
        "said": found.k_uncertainty_share,
        "mass_error": found.effective_mass / true.effective_mass - 1 if len(bias) > 1 else np.nan,
        "mass_said": found.effective_mass_uncertainty / true.effective_mass,
        "quality": found.quality,
        "seconds": seconds,
    }


def summary(rows: pd.DataFrame) -> dict[str, float]:
    """The distribution of the errors of k."""
    error = rows["error"].dropna()
    size = error.abs()
    return {
        "surfaces": len(rows),
        "no_ring": float(rows["error"].isna().mean()),
        "median": float(size.median()),
        "p90": float(size.quantile(0.9)),
        "largest": float(size.max()),
        "bias": float(error.median()),
        "within_3_percent": float((size <= TOLERANCE).mean()),
        "off_by_10_percent": float((size > 0.1).mean()),
        "within_said": float((size <= rows.loc[error.index, "said"]).mean()),
    }


def groups(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The surfaces together, and by what makes them hard."""
    out = {"all": rows}
    for name, cuts in {
        "biases": None,
        "kind": None,
        "material": None,
        "phase_shift": [0.3, 0.8, 1.3, 1.8, 2.3, 2.8],
        "k_px": [0.2, 0.35, 0.6, 1.2],
        "crests": [0, 8, 14, 100],
        "snr": [1, 2, 10.1],
    }.items():
        key = rows[name] if cuts is None else pd.cut(rows[name], cuts)
        out |= {f"{name} {value}": part for value, part in rows.groupby(key, observed=True)}
    return out


def main() -> None:
    """Measure, print a table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--surfaces", type=int, default=200)
    parser.add_argument("--blanks", type=int, default=10, help="of each kind and number of biases")
    parser.add_argument("--first", type=int, default=FIRST_SEED, help="the first seed")
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    rows = []
    for seed in range(wanted.first, wanted.first + wanted.surfaces):
        stack, band, drawn = draw_surface(seed)
        rows.append({**drawn, **measure(stack, band)})
    table = pd.DataFrame({name: summary(part) for name, part in groups(pd.DataFrame(rows)).items()}).T
    print(table.round(3).to_string())
    several = pd.DataFrame(rows).query("biases > 3").dropna(subset=["error"])
    mass = {
        "median": float(several["mass_error"].abs().median()),
        "p90": float(several["mass_error"].abs().quantile(0.9)),
        "within_said": float((several["mass_error"].abs() <= several["mass_said"]).mean()),
    }
    print("effective mass, 24 biases and more:", {name: round(value, 3) for name, value in mass.items()})
    false = {}
    for kind in BLANKS:
        found = [~np.isnan(measure(blank, Dispersion.of("Au(111)"))["error"]) for blank in _each(kind, wanted)]
        false[kind] = [float(np.mean(found[i::3])) for i in range(3)]
        print(f"rings seen in {kind}: " + ", ".join(f"{share:.2f}" for share in false[kind]) + " (1, 3, 24 biases)")
    if wanted.json:
        result = {
            "first_seed": wanted.first,
            "k": table.to_dict("index"),
            "mass": mass,
            "false_rings_with_1_3_24_biases": false,
            "seconds_median": float(pd.DataFrame(rows)["seconds"].median()),
        }
        wanted.json.write_text(json.dumps(result, indent=2) + "\n")


def _each(kind: str, wanted: argparse.Namespace) -> Iterator[xr.DataArray]:
    return blanks(kind, wanted.blanks, wanted.first)


if __name__ == "__main__":
    main()
