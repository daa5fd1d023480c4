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
from scipy.spatial.distance import pdist, squareform
from scipy.special import hankel1

#: hbar^2 / (2 m_e) in meV nm^2 (CODATA 2018).
HBAR2_OVER_2ME = 38.0998212
#: Nearer than this to a scatterer, in nm, the wave is held: an atom's core, where no wave equation of the band holds.
CORE_NM = 0.05
#: Step of the table of Green's function, in nm; straight lines between are right to (k step)^2 / 8, 1e-4 at 3 per nm.
_STEP_NM = 0.01
#: Between its entries straight lines, so many times finer; the nearest entry is right to k step / 2, 0.1 % of a wave.
_FINER = 8
#: Pixels at once, so that their waves stay in the processor's cache.
_PIXELS_AT_ONCE = 1024


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
    # squareform leaves the diagonal 0: no path leads from a scatterer to itself at once
    hops = squareform(green(pdist(places_nm), k_per_nm, free_path_nm), checks=False)
    return np.linalg.inv(np.diag(1 / tau) - hops)


@dataclass(frozen=True)
class Paths:
    """The ways from pixels to scatterers, which stay the same from bias to bias as long as nothing moves."""

    places_nm: NDArray[np.float64]
    longest_nm: float
    entry: NDArray[np.int32]
    """Of each way (pixel, scatterer) the nearest entry of the fine table."""

    @classmethod
    def between(cls, pixels_nm: NDArray[np.float64], places_nm: NDArray[np.float64]) -> Paths:
        """The ways between pixels and scatterers, each of shape (n, 2), y and x."""
        # in single precision a distance of 100 nm is right to 1e-5 nm
        pixels, places = (some.astype(np.float32) for some in (pixels_nm, places_nm))
        length = np.hypot(pixels[:, None, 0] - places[:, 0], pixels[:, None, 1] - places[:, 1])
        longest = float(length.max(initial=0))
        length *= _FINER / _STEP_NM
        length += np.float32(0.5)
        return cls(places_nm, longest, length.astype(np.int32))

    def ldos_change(
        self, tau: NDArray[np.complex128], k_per_nm: float, free_path_nm: float = np.inf
    ) -> NDArray[np.float64]:
        """rho/rho0 - 1 at each pixel, shape (pixel,): -4 Im sum_nm G0(r, n) T_nm G0(m, r).

        Parameters
        ----------
        tau
            Transition amplitude of each scatterer, shape (n,), none of them 0.
        """
        out = np.zeros(len(self.entry))
        if not len(self.places_nm):
            return out
        whole = transition_matrix(self.places_nm, tau, k_per_nm, free_path_nm)
        real, imaginary = whole.real.astype(np.float32), whole.imag.astype(np.float32)
        coarse = green(_STEP_NM * np.arange(int(self.longest_nm / _STEP_NM) + 3), k_per_nm, free_path_nm)
        fine = np.arange(_FINER * (len(coarse) - 1)) / _FINER
        tables = [
            np.interp(fine, np.arange(len(coarse)), part).astype(np.float32) for part in (coarse.real, coarse.imag)
        ]
        for first in range(0, len(out), _PIXELS_AT_ONCE):
            a, b = (table.take(self.entry[first : first + _PIXELS_AT_ONCE]) for table in tables)
            # T = C + iD is symmetric, so Im (a + ib) T (a + ib) = (a + b) D (a - b) + 2 a C b: two real products
            sums = np.einsum("pn,pn->p", (a - b) @ imaginary, a + b) + 2 * np.einsum("pn,pn->p", b @ real, a)
            out[first : first + len(a)] = -4 * sums
        return out
