"""How the phase shift of a kind of impurity depends on the energy: three models, and the kinds of one surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import j0, y0

from .wave import amplitude, t_of

Reals = NDArray[np.float64]

#: Kinds whose scattered waves differ by less than this at the middle bias, in radians, are no two kinds to an
#: experiment: some three times the spread of one impurity's phase in noise.
LEAST_ANGLE_RAD = 0.4
#: A kind whose |t| (at most 1) stays below this cannot be seen at a strength of 0.3.
LEAST_T = 0.4
#: Draws of one kind, and of all anew: four kinds fit into the half circle of arg t with room, five hardly do.
_DRAWS_OF_A_KIND, _TRIES = 30, 200


@dataclass(frozen=True)
class Resonance:
    """A level in resonance with the band (Breit and Wigner): delta = background + arccot(2 (E_r - E) / width)."""

    level_mv: float
    width_mv: float
    background_rad: float

    def phase_rad(self, bias_mv: Reals, k_per_nm: Reals) -> Reals:
        """The phase shift at each bias in radians."""
        return self.background_rad + np.arctan2(self.width_mv / 2, self.level_mv - bias_mv)


@dataclass(frozen=True)
class EffectiveRange:
    """A short potential: cot delta = (2/pi) (ln(k a / 2) + gamma) + (k r)^2, a and r in nm.

    References
    ----------
    Verhaar et al., J. Phys. A 17, 595 (1984): effective range in two dimensions.
    """

    scattering_length_nm: float
    range_nm: float

    def phase_rad(self, bias_mv: Reals, k_per_nm: Reals) -> Reals:
        """The phase shift at each bias in radians, 0 to pi."""
        near = 2 / np.pi * (np.log(k_per_nm * self.scattering_length_nm / 2) + np.euler_gamma)
        return np.arctan2(1.0, near + (k_per_nm * self.range_nm) ** 2)


@dataclass(frozen=True)
class HardDisc:
    """A disc that no electron enters: tan delta = J0(k R) / Y0(k R)."""

    radius_nm: float

    def phase_rad(self, bias_mv: Reals, k_per_nm: Reals) -> Reals:
        """The phase shift at each bias in radians, 0 to pi."""
        edge = k_per_nm * self.radius_nm
        return np.arctan2(j0(edge), y0(edge)) % np.pi


@dataclass(frozen=True)
class Kind:
    """A kind of impurity as a scatterer: its phase shift and the share of the wave that is not absorbed."""

    model: Resonance | EffectiveRange | HardDisc
    elasticity: float

    def tau(self, bias_mv: Reals, k_per_nm: Reals) -> NDArray[np.complex128]:
        """The transition amplitude at each bias, of strength 1."""
        return amplitude(self.model.phase_rad(bias_mv, k_per_nm), self.elasticity)


def draw_kinds(n: int, bias_mv: Reals, k_per_nm: Reals, rng: np.random.Generator) -> list[Kind]:
    """So many kinds that scatter visibly at every bias and differ at the middle one.

    Raises
    ------
    ValueError
        If so many do not differ.
    """
    for _ in range(_TRIES):
        kinds: list[Kind] = []
        # kinds that were drawn unluckily leave no room for another one, and then all are drawn anew
        for _ in range(_DRAWS_OF_A_KIND * n):
            kind = Kind(_draw_model(bias_mv, rng), rng.uniform(0.65, 1.0))
            if _differs(kind, kinds, bias_mv, k_per_nm):
                kinds.append(kind)
            if len(kinds) == n:
                return kinds
    raise ValueError(f"{n} kinds do not differ by {LEAST_ANGLE_RAD} rad; take at most 4")


def _differs(kind: Kind, others: list[Kind], bias_mv: Reals, k_per_nm: Reals) -> bool:
    """Whether a kind scatters visibly at every bias, and differs from the others at the middle one."""
    t = t_of(kind.tau(bias_mv, k_per_nm))
    middle = len(bias_mv) // 2
    apart = [np.abs(np.angle(t[middle] / t_of(other.tau(bias_mv, k_per_nm))[middle])) for other in others]
    return bool(np.abs(t).min() > LEAST_T) and all(angle > LEAST_ANGLE_RAD for angle in apart)


def _draw_model(bias_mv: Reals, rng: np.random.Generator) -> Resonance | EffectiveRange | HardDisc:
    """A model with numbers of adsorbed atoms: levels some 0.1 to 1 eV wide, radii of an atom or two."""
    which = rng.integers(3)
    if which == 0:
        level = rng.uniform(bias_mv[0] - 200, bias_mv[-1] + 200)
        return Resonance(level, rng.uniform(250, 900), rng.uniform(-0.4, 0.4))
    if which == 1:
        return EffectiveRange(10 ** rng.uniform(-1.0, 0.7), rng.uniform(0, 0.25))
    return HardDisc(rng.uniform(0.08, 0.5))
