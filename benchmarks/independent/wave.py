"""The electron wave: free Green's function, multiple scattering, local density of states.

Lengths in nm, biases in mV. Green's functions are in units of 2 m*/hbar^2, transition amplitudes in units of its
inverse, so that G0(r) = -(i/4) H0(k r) and an s-wave scatterer of phase shift delta has tau = -4/(cot delta - i).

References
----------
Foldy, Phys. Rev. 67, 107 (1945), Eqs. 8 to 12 (point scatterers); Economou, Green's Functions in Quantum Physics
(2006), Eq. 1.41 (free Green's function in two dimensions).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import hankel1

#: hbar^2 / (2 m_e) in meV nm^2 (CODATA 2018).
HBAR2_OVER_2ME = 38.0998212
#: Nearer than this to a scatterer, in nm, the wave is held: an atom's core, where no wave equation of the band holds.
CORE_NM = 0.05
#: Step of the table of Green's function, in nm: linear interpolation is right to (k step)^2 / 8, some 1e-4 at 3 per nm.
_STEP_NM = 0.01
#: Pixels at once, so that their waves stay in the processor's cache.
_PIXELS_AT_ONCE = 4096


@dataclass(frozen=True)
class Band:
    """A parabolic surface band: its bottom in mV and its effective mass in electron masses."""

    bottom_mv: float
    mass: float

    def k_per_nm(self, bias_mv: ArrayLike) -> NDArray[np.float64]:
        """The wavevector at each bias in 1/nm; 0 below the band."""
        energy = np.maximum(np.asarray(bias_mv, dtype=float) - self.bottom_mv, 0.0)
        return np.sqrt(energy * self.mass / HBAR2_OVER_2ME)


def green(distance_nm: NDArray[np.float64], k_per_nm: float, free_path_nm: float = np.inf) -> NDArray[np.complex128]:
    """Green's function of a free electron in two dimensions, -(i/4) H0((k + i/2l) r), any shape."""
    return -0.25j * hankel1(0, (k_per_nm + 0.5j / free_path_nm) * np.maximum(distance_nm, CORE_NM))


def amplitude(phase_rad: ArrayLike, elasticity: ArrayLike = 1.0) -> NDArray[np.complex128]:
    """The transition amplitude tau = 2i (S - 1) of a scatterer with S = elasticity * exp(2i phase).

    Without loss (elasticity 1) this is -4/(cot delta - i), and |tau|^2 = -4 Im tau (optical theorem).
    """
    return 2j * (np.asarray(elasticity) * np.exp(2j * np.asarray(phase_rad)) - 1)


def t_of(tau: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """The same amplitude in the units of (S - 1)/2, where it is i sin(delta) exp(i delta) without loss."""
    return -0.25j * tau


def transition_matrix(
    places_nm: NDArray[np.float64], tau: NDArray[np.complex128], k_per_nm: float, free_path_nm: float = np.inf
) -> NDArray[np.complex128]:
    """The transition matrix of all scatterers together, shape (n, n): every path of every order (Foldy).

    Parameters
    ----------
    places_nm
        Shape (n, 2), y and x.
    tau
        Transition amplitude of each, shape (n,), none of them 0.
    """
    apart = np.linalg.norm(places_nm[:, None] - places_nm[None], axis=-1)
    hops = green(apart, k_per_nm, free_path_nm)
    np.fill_diagonal(hops, 0)
    return np.linalg.inv(np.diag(1 / tau) - hops)


def ldos_change(
    pixels_nm: NDArray[np.float64],
    places_nm: NDArray[np.float64],
    tau: NDArray[np.complex128],
    k_per_nm: float,
    free_path_nm: float = np.inf,
) -> NDArray[np.float64]:
    """rho/rho0 - 1 at each pixel, shape (pixel,): -4 Im sum_nm G0(r, n) T_nm G0(m, r).

    Parameters
    ----------
    pixels_nm
        Shape (pixel, 2), y and x.
    places_nm, tau
        Of the scatterers, as for :func:`transition_matrix`.
    """
    if not len(places_nm):
        return np.zeros(len(pixels_nm))
    whole = transition_matrix(places_nm, tau, k_per_nm, free_path_nm)
    real, imaginary = whole.real.astype(np.float32), whole.imag.astype(np.float32)
    both = np.concatenate([pixels_nm, places_nm])
    longest = float(np.linalg.norm(np.ptp(both, axis=0)))
    table = green(_STEP_NM * np.arange(int(longest / _STEP_NM) + 3), k_per_nm, free_path_nm).astype(np.complex64)
    slope = np.diff(table, append=table[-1:])
    # in single precision a distance of 100 nm is right to 1e-5 nm
    steps, grid = places_nm.astype(np.float32) / _STEP_NM, pixels_nm.astype(np.float32) / _STEP_NM
    out = np.empty(len(grid))
    for first in range(0, len(grid), _PIXELS_AT_ONCE):
        some = grid[first : first + _PIXELS_AT_ONCE]
        cell = np.hypot(some[:, None, 0] - steps[:, 0], some[:, None, 1] - steps[:, 1])
        index = cell.astype(np.int32)
        cell -= index
        wave = table[index] + cell * slope[index]
        a, b = wave.real.copy(), wave.imag.copy()
        # T = C + iD is symmetric, so Im (a + ib) T (a + ib) = (a + b) D (a - b) + 2 a C b: two real products
        out[first : first + len(some)] = np.einsum("pn,pn->p", (a - b) @ imaginary, a + b)
        out[first : first + len(some)] += 2 * np.einsum("pn,pn->p", b @ real, a)
    return -4 * out
