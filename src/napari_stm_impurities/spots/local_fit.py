"""Batched least-squares fits of one or two spots in many small windows of the map."""

from __future__ import annotations

import numpy as np

from .em import WIDTH_SPREAD
from .evidence import PROFILE_ERROR
from .mixture import Mixture, PaddedFrame
from .profile import Profile


class LocalFit:
    """Windows around positions in the map, with the residual and the weight of each pixel.

    Spots are arrays of shape (windows, spots, 4): y, x, mass, width.
    """

    def __init__(
        self, yx: np.ndarray, mixture: Mixture, residual: np.ndarray, observed: np.ndarray, noise_std: float
    ) -> None:
        self.profile: Profile = mixture.profile
        self.aspect = mixture.aspect
        self.noise_std = noise_std
        frame = PaddedFrame(observed.shape, int(np.ceil(1.5 * mixture.profile.fwhm_px)) + 1)
        windows = frame.windows(yx, mixture.aspect)
        n = len(yx)
        self.yx = yx
        shape = windows.flat.shape
        self.dy = np.broadcast_to(windows.dy[:, :, None], shape).reshape(n, 1, -1)
        self.dx = np.broadcast_to(windows.dx[:, None, :], shape).reshape(n, 1, -1)
        self.residual = frame.pad(residual, 0.0)[windows.flat].reshape(n, -1)
        self.weight = frame.pad(observed, False)[windows.flat].reshape(n, -1) / noise_std**2

    def only(self, chosen: np.ndarray) -> LocalFit:
        """The selected windows."""
        out = object.__new__(LocalFit)
        out.profile, out.aspect, out.noise_std = self.profile, self.aspect, self.noise_std
        for name in ("yx", "dy", "dx", "residual", "weight"):
            setattr(out, name, getattr(self, name)[chosen])
        return out

    def offsets(self, spots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The offset of each pixel from each spot, along y and x; (windows, spots, pixels)."""
        shift = (self.yx[:, None, :] - spots[:, :, :2]) * self.aspect
        return self.dy + shift[:, :, :1], self.dx + shift[:, :, 1:]

    def model(self, spots: np.ndarray) -> np.ndarray:
        """The sum of the spots at the pixels of each window; (windows, pixels)."""
        dy, dx = self.offsets(spots)
        squared_width = spots[:, :, 3:] ** 2
        return (self.profile.at((dy**2 + dx**2) / squared_width) * spots[:, :, 2:3] / squared_width).sum(axis=1)

    def second_derivatives(self, spots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gain and coefficients (n, 2, 2) of a fit of the profile's second derivatives and mass to the residual."""
        dy, dx = (offset[:, 0] / spots[:, 0, 3:] for offset in self.offsets(spots))
        value, first, second = self.profile.with_slopes(dy**2 + dx**2)
        templates = np.stack([first + second * dy**2, 2 * second * dy * dx, first + second * dx**2, value], axis=1)
        weighted = templates * self.weight[:, None, :]
        information = weighted @ templates.transpose(0, 2, 1)
        information += 1e-9 * np.trace(information, axis1=1, axis2=2)[:, None, None] * np.eye(4)
        right_side = (weighted @ self.residual[:, :, None])[:, :, 0]
        solved = np.linalg.solve(information, right_side[:, :, None])[:, :, 0]
        gain = 0.5 * (solved * right_side).sum(axis=1)
        return gain, solved[:, [0, 1, 1, 2]].reshape(-1, 2, 2)

    def fit(self, data: np.ndarray, spots: np.ndarray, iterations: int = 12) -> tuple[np.ndarray, np.ndarray]:
        """The least-squares fit (Levenberg and Marquardt) of positions, masses and widths, in all windows at once.

        Returns
        -------
        tuple of numpy.ndarray
            The spots, and minus twice the log-likelihood, the prior of the widths included.
        """
        n, m = spots.shape[:2]
        # high spots are limited by the error of the profile; models that are compared use the same weights
        weight = self.weight / (1 + (PROFILE_ERROR * data / self.noise_std) ** 2)
        damping = np.full(n, 1e-2)
        misfit = self._misfit(data, weight, spots)
        for _ in range(iterations):
            gradient, value = self._gradient(spots)
            weighted = gradient * weight[:, None, :]
            curvature = weighted @ gradient.transpose(0, 2, 1)
            right_side = (weighted @ (data - value)[:, :, None])[:, :, 0]
            # the prior of the logarithm of each width
            prior = np.tile([0.0, 0.0, 0.0, WIDTH_SPREAD**-2], m)
            curvature += np.diag(prior)
            right_side -= prior * np.tile(np.log(spots[:, :, 3:]), (1, 1, 4)).reshape(n, -1)
            diagonal = np.einsum("naa->na", curvature)
            curvature = curvature + (damping[:, None] * diagonal + 1e-12 * diagonal.max())[:, :, None] * np.eye(4 * m)
            step = np.linalg.solve(curvature, right_side[:, :, None])[:, :, 0].reshape(n, m, 4)
            moved = spots + np.where([True, True, True, False], step, 0.0)
            moved[:, :, :2] = spots[:, :, :2] + np.clip(step[:, :, :2], -1.0, 1.0)
            stretch = np.exp(np.clip(step[:, :, 3], -0.3, 0.3))
            moved[:, :, 3] = np.clip(spots[:, :, 3] * stretch, *self.profile.width_bounds)
            moved_misfit = self._misfit(data, weight, moved)
            improved = moved_misfit < misfit
            spots = np.where(improved[:, None, None], moved, spots)
            misfit = np.where(improved, moved_misfit, misfit)
            damping = np.where(improved, damping / 5, damping * 10)
        return spots, misfit

    def _misfit(self, data: np.ndarray, weight: np.ndarray, spots: np.ndarray) -> np.ndarray:
        prior = ((np.log(spots[:, :, 3]) / WIDTH_SPREAD) ** 2).sum(axis=1)
        return np.asarray((weight * (data - self.model(spots)) ** 2).sum(axis=1) + prior)

    def _gradient(self, spots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives by y, x, mass and the logarithm of the width (windows, parameters, pixels), and the model."""
        dy, dx = self.offsets(spots)
        squared_width, mass = spots[:, :, 3:] ** 2, spots[:, :, 2:3]
        squared = (dy**2 + dx**2) / squared_width
        value, first, _ = self.profile.with_slopes(squared)
        value /= squared_width
        slope = -first / squared_width**2 * mass
        by_width = mass * (-2 * value - first / squared_width * squared)
        gradient = np.stack([slope * dy * self.aspect[0], slope * dx * self.aspect[1], value, by_width], axis=2)
        return gradient.reshape(len(spots), -1, gradient.shape[-1]), (value * mass).sum(axis=1)
