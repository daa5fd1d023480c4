"""The model of a map with its derivatives, in closed form: s-wave scatterers with multiple scattering.

With ``H`` the hops between scatterers, ``A = (1 - t H)^-1``, ``G`` the waves from the scatterers to the pixels,
``phi = G A`` and ``u = phi t``:

``rho/rho0 - 1 = Re sum_n u_n G_n``, its derivative by t_n is ``Re phi_n^2``, by the position of n
``2 Re u_n (dG_n + sum_m dH_nm u_m)``, and by k ``Re sum_n u_n (2 dG_n/dk + sum_m dH_nm/dk u_m)``.

The formula for rho is that of :mod:`napari_stm_impurities.physics.scattering`; the derivatives follow from
``dW = A dt A^T + W dH W`` for ``W = (t^-1 - H)^-1``, which is symmetric.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..physics.scattering import distances, hankel01

#: Nearer than this part of a pixel a direction is not defined.
_SMALLEST_PX = 1e-3


class Linearised(NamedTuple):
    """A map and its derivatives at given pixels.

    Attributes
    ----------
    rho
        rho/rho0 - 1, shape (pixel,).
    by_t
        By the real parts of t and by the imaginary parts, shape (pixel, 2 x scatterer).
    by_k
        By the real and by the imaginary part of k, shape (pixel, 2).
    by_position
        By all y and by all x, in 1/px, shape (pixel, 2 x scatterer); None where it was not wanted.
    """

    rho: Tensor
    by_t: Tensor
    by_k: Tensor
    by_position: Tensor | None


class Scatterers(NamedTuple):
    """Scatterers at one bias.

    Attributes
    ----------
    yx_px
        Shape (scatterer, 2).
    t
        complex64, shape (scatterer,).
    k
        In rad/px.
    damping
        The imaginary part of k, 1/(2 l) for a mean free path l, in 1/px.
    """

    yx_px: Tensor
    t: Tensor
    k: float
    damping: float = 0.0

    def modulation(self, pixels_yx: Tensor) -> Tensor:
        """rho/rho0 - 1 at the pixels, shape (pixel,)."""
        return self.modulation_at(distances(pixels_yx, self.yx_px))

    def modulation_at(self, apart: Tensor) -> Tensor:
        """rho/rho0 - 1 at pixels by their distances from each scatterer, shape (pixel, scatterer) to (pixel,)."""
        waves, _ = self._waves(apart)
        return ((waves @ self._response()[0]) * self.t * waves).sum(1).real

    def linearised(self, pixels_yx: Tensor, *, positions: bool = False) -> Linearised:
        """The map and its derivatives by t, k and, where wanted, the positions."""
        apart = distances(pixels_yx, self.yx_px)
        waves, slopes = self._waves(apart)
        response, between, hop_slopes = self._response()
        phi = waves @ response
        u = phi * self.t
        squares = phi * phi
        by_k_complex = (u * (u @ (-between * hop_slopes) - 2 * apart * slopes)).sum(1)
        moved = None
        if positions:
            unit = (pixels_yx[:, None] - self.yx_px) / apart.clamp_min(_SMALLEST_PX)[..., None]
            step = (self.yx_px[:, None] - self.yx_px) / between.clamp_min(_SMALLEST_PX)[..., None]
            moved = torch.cat(
                [
                    2 * (u * (self.k * slopes * unit[..., axis] - u @ (self.k * hop_slopes * step[..., axis]).T)).real
                    for axis in (0, 1)
                ],
                dim=1,
            )
        return Linearised(
            (u * waves).sum(1).real,
            torch.cat([squares.real, -squares.imag], dim=1),
            torch.stack([by_k_complex.real, -by_k_complex.imag], dim=1),
            moved,
        )

    def _waves(self, apart: Tensor) -> tuple[Tensor, Tensor]:
        """H0 and H1 at distances in px; the damping is that of the far field."""
        waves, slopes = hankel01(self.k * apart)
        if self.damping:
            decay = torch.exp(-self.damping * apart)
            waves, slopes = waves * decay, slopes * decay
        return waves, slopes

    def _response(self) -> tuple[Tensor, Tensor, Tensor]:
        """``(1 - t H)^-1``, the distances between the scatterers, and H1 there, 0 on the diagonal."""
        one = torch.eye(len(self.t), device=self.t.device)
        between = distances(self.yx_px, self.yx_px)
        hops, slopes = self._waves(between)
        off = 1 - one
        scattered = one.to(self.t.dtype) - self.t[:, None] * (hops * off)
        response: Tensor = torch.linalg.solve(scattered, one.to(self.t.dtype))
        return response, between, slopes * off
