"""A mixture of spots, and the windows in which its components are computed.

Each component is computed in a window around its centre only, so the time grows with the number of components and
not with its product with the number of pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .profile import Profile


@dataclass(frozen=True)
class Mixture:
    """Spots of one shape, each with its own centre, volume and width."""

    yx: np.ndarray
    """Shape (k, 2), centres in pixels."""
    mass: np.ndarray
    """Shape (k,), the volume under each spot: the map's unit times square pixels."""
    width: np.ndarray
    """Shape (k,), each spot's width over the profile's."""
    profile: Profile
    """The shape that all share."""
    aspect: np.ndarray
    """Distances along (y, x) are multiplied by these, so that spots are round in nm where pixels are not square."""

    @classmethod
    def empty(cls, profile: Profile, aspect: np.ndarray) -> Mixture:
        """A mixture without a spot."""
        return cls(np.zeros((0, 2)), np.zeros(0), np.zeros(0), profile, aspect)

    def __len__(self) -> int:
        return len(self.mass)

    @property
    def height(self) -> np.ndarray:
        """Shape (k,), each spot's height in the map's unit."""
        return self.mass * self.profile.height / self.width**2

    @property
    def spots(self) -> np.ndarray:
        """Shape (k, 4): y, x, mass, width."""
        return np.column_stack([self.yx, self.mass, self.width])

    def only(self, keep: np.ndarray) -> Mixture:
        """The components that `keep` (mask or indices) selects."""
        return replace(self, yx=self.yx[keep], mass=self.mass[keep], width=self.width[keep])

    def plus(self, spots: np.ndarray) -> Mixture:
        """The mixture with further components, shape (n, 4): y, x, mass, width."""
        spots_ = np.concatenate([self.spots, spots])
        return replace(self, yx=spots_[:, :2], mass=spots_[:, 2], width=spots_[:, 3])


@dataclass(frozen=True)
class LocalPatches:
    """The windows in which the components are computed."""

    dy: np.ndarray
    """Shape (k, n), y of the window's pixels minus the centre's, times the aspect."""
    dx: np.ndarray
    """Shape (k, n), the same along x."""
    flat: np.ndarray
    """Shape (k, n, n), indices into the padded frame."""

    @property
    def squared(self) -> np.ndarray:
        """Shape (k, n, n), squared distances from the centre."""
        return self.dy[:, :, None] ** 2 + self.dx[:, None, :] ** 2


class PaddedFrame:
    """A frame with a margin as wide as the windows reach, so that no window is cut."""

    def __init__(self, shape: tuple[int, ...], margin: int) -> None:
        self.shape, self.margin = shape, margin
        self.padded_shape = (shape[0] + 2 * margin, shape[1] + 2 * margin)

    def pad(self, values: np.ndarray, fill: float) -> np.ndarray:
        """`values` (y, x) with the margin filled; flat."""
        return np.pad(values, self.margin, constant_values=fill).ravel()

    def crop(self, flat: np.ndarray) -> np.ndarray:
        """The values without the margin, (y, x)."""
        m = self.margin
        return flat.reshape(self.padded_shape)[m : m + self.shape[0], m : m + self.shape[1]]

    def windows(self, yx: np.ndarray, aspect: np.ndarray) -> LocalPatches:
        """Windows around positions (k, 2) in pixels."""
        step = np.arange(-self.margin, self.margin + 1)
        middle = np.clip(np.rint(yx).astype(int), 0, np.array(self.shape) - 1)
        rows, columns = middle[:, :1] + step, middle[:, 1:] + step
        flat = (rows + self.margin)[:, :, None] * self.padded_shape[1] + (columns + self.margin)[:, None, :]
        return LocalPatches((rows - yx[:, :1]) * aspect[0], (columns - yx[:, 1:]) * aspect[1], flat)

    def add_up(self, windows: LocalPatches, values: np.ndarray) -> np.ndarray:
        """The sum over all windows (k, n, n), on the padded frame; flat."""
        size = self.padded_shape[0] * self.padded_shape[1]
        return np.bincount(windows.flat.ravel(), weights=values.ravel(), minlength=size)


def gaussians(mixture: Mixture, windows: LocalPatches) -> np.ndarray:
    """Each concentric Gaussian of each component on its window; shape (j, k, n, n)."""
    out = np.empty((len(mixture.profile.std), *windows.flat.shape))
    for j, (std, share) in enumerate(zip(mixture.profile.std, mixture.profile.share, strict=True)):
        variance = (std * mixture.width[:, None]) ** 2
        along_y = np.exp(windows.dy**2 / (-2 * variance))
        along_x = np.exp(windows.dx**2 / (-2 * variance)) * (mixture.mass[:, None] * share / (2 * np.pi * variance))
        np.multiply(along_y[:, :, None], along_x[:, None, :], out=out[j])
    return out


def render(mixture: Mixture, shape: tuple[int, ...]) -> np.ndarray:
    """The sum of all spots, without the background; shape (y, x)."""
    if not len(mixture):
        return np.zeros(shape)
    frame = PaddedFrame(shape, mixture.profile.reach_px)
    windows = frame.windows(mixture.yx, mixture.aspect)
    return frame.crop(frame.add_up(windows, gaussians(mixture, windows).sum(axis=0)))
