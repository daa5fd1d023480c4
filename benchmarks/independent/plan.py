"""What a surface is made of and how it is measured, and the ten kinds by the names of benchmarks/kinds.py."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .wave import Band

#: Bottom in mV and mass of the surface bands: Au(111) by the spectra of Wang et al. 2020; Ag(111) and Cu(111) by
#: Reinert et al., Phys. Rev. B 63, 115415 (2001).
BANDS = {"Au(111)": Band(-520.0, 0.26), "Ag(111)": Band(-63.0, 0.397), "Cu(111)": Band(-435.0, 0.412)}


@dataclass(frozen=True)
class Plan:
    """A plan of a surface. Shares of noise and structure are in standard deviations of the recorded ripples."""

    band: Band = BANDS["Au(111)"]
    side_px: int = 80
    frame_nm: float = 37.5
    bias_mv: tuple[float, float] = (-230.0, 20.0)
    n_biases: int = 126
    n_kinds: int | None = None
    """How many kinds of impurity, 1 to 4; None draws it."""
    arrangement: str | None = None
    """One of positions.ARRANGEMENTS; None draws it."""
    density_per_nm2: float = 0.03
    least_nm: float = 0.7
    companions_share: float = 0.08
    companions_nm: tuple[float, float] = (0.7, 1.2)
    strength: tuple[float, float] = (0.3, 1.0)
    margin_nm: float = 6.0
    """So far outside the frame impurities still scatter."""
    free_path_nm: float = 40.0
    near_radius_nm: float = 0.45
    """Radius of the near fields; 0 where there are none."""
    near_height: float = 0.3
    """Their height over the bare surface; 0 where the wave is erased and nothing stands instead."""
    near_spread: float = 0.0
    """By how much that height scatters from impurity to impurity."""
    step: bool = False
    terrace_share: float = 5.0
    herringbone_share: float = 0.0
    drift_px: float = 0.0
    creep_share: float = 0.4
    tip_radius_nm: float = 0.25
    modulation_mv: float = 6.0
    delay_px: float = 0.2
    surface_share: float = 0.5
    """The surface state's part of the density of states; the rest are bulk states, which show no ripples. About a half
    on the (111) faces of noble metals; it keeps the current from vanishing where the surface state's density does."""
    set_point_mv: tuple[float, float] | None = (250.0, 1000.0)
    """Magnitude of the bias at which the feedback holds the current, of either sign: from the end of the sweep to the
    largest that is usual. None where the height is held instead."""
    white_share: float = 0.5
    line_share: float = 0.2
    flicker_share: float = 0.2
    mains_share: float = 0.15
    telegraph_share: float = 0.15
    scar_share: float = 2.0
    scars_per_map: float = 0.3
    missing_lines_per_map: float = 0.1


_QUIET = replace(
    Plan(),
    near_radius_nm=0.0,
    white_share=0.02,
    line_share=0.0,
    flicker_share=0.0,
    mains_share=0.0,
    telegraph_share=0.0,
    scars_per_map=0.0,
    missing_lines_per_map=0.0,
)

KINDS: dict[str, Plan] = {
    "clean": _QUIET,
    "near field erased": Plan(near_radius_nm=0.9, near_height=0.0),
    "random near field": Plan(near_radius_nm=0.7, near_height=0.4, near_spread=0.5),
    "noise 2.5 x signal": Plan(white_share=2.5, line_share=0.7, flicker_share=0.7),
    "dense (3 in 100 px)": Plan(density_per_nm2=0.1365, least_nm=0.9, companions_nm=(0.9, 1.2)),
    "step and herringbone": Plan(step=True, herringbone_share=1.0),
    "drift 1.5 px": Plan(drift_px=1.5),
    "three biases": Plan(n_biases=3),
    "240 x 240": Plan(side_px=240, n_biases=24),
    "Ag(111), 75 nm": Plan(
        band=BANDS["Ag(111)"],
        frame_nm=75.0,
        bias_mv=(-30.0, 100.0),
        density_per_nm2=0.008,
        least_nm=1.5,
        companions_nm=(1.5, 2.5),
        margin_nm=12.0,
        free_path_nm=80.0,
        near_radius_nm=0.8,
    ),
}
