"""A mixture of spots on a uniform background, fitted to a map by expectation-maximisation.

The map plus a pedestal is taken as a density: each pixel weighs as much as its value. A component is an impurity: a
round spot with a centre and a mass of its own and a profile that all share, itself a mixture of concentric Gaussians,
so that it can be peaked or have wings. The background is the uniform component. Bishop 2006, chapter 9, with
two additions:

* a pixel that was not measured, or lies beyond the edge, weighs what the mixture expects there (EM for missing
  data), so a spot cut by the edge or by a missing row is not drawn away from it;
* each component is computed in a window around its centre only, so the time grows with the number of
  components and not with its product with the number of pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

#: Windows reach this many standard deviations of the widest Gaussian.
REACH = 3.3


@dataclass(frozen=True)
class Profile:
    """The shape that all spots share: concentric Gaussians."""

    std: np.ndarray
    """Shape (j,), standard deviations in pixels."""
    share: np.ndarray
    """Shape (j,), share of the mass in each; they add up to 1."""

    @classmethod
    def gaussian(cls, std: float) -> Profile:
        """One Gaussian."""
        return cls(np.array([std]), np.ones(1))

    def with_wings(self) -> Profile:
        """Three Gaussians for each: a narrower and a wider one beside it, from where the fit goes on."""
        return Profile(np.outer([0.6, 1.0, 1.8], self.std).ravel(), np.outer([0.1, 0.6, 0.3], self.share).ravel())

    @property
    def reach_px(self) -> int:
        """How far a window reaches from the centre, in pixels."""
        return int(np.ceil(REACH * self.std.max())) + 1

    @property
    def fwhm_px(self) -> float:
        """Full width at half maximum, in pixels."""
        radius = np.linspace(0, 4 * self.std.max(), 2000)
        height = self.at(radius**2)
        return float(2 * radius[np.argmax(height < height[0] / 2)])

    @property
    def height(self) -> float:
        """The value at the centre for the mass 1, per square pixel."""
        return float(self.at(np.zeros(1))[0])

    def slopes(self, squared_distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """a and b of its derivatives at the distance d: the gradient is a d, the Hessian a 1 + b d d^T."""
        terms = [
            p / (2 * np.pi * s**2) * np.exp(-squared_distance / (2 * s**2))
            for s, p in zip(self.std, self.share, strict=True)
        ]
        first = -np.sum([term / s**2 for s, term in zip(self.std, terms, strict=True)], axis=0)
        return first, np.sum([term / s**4 for s, term in zip(self.std, terms, strict=True)], axis=0)

    def at(self, squared_distance: np.ndarray) -> np.ndarray:
        """The density at a squared distance from the centre, per square pixel."""
        terms = [
            p / (2 * np.pi * s**2) * np.exp(-squared_distance / (2 * s**2))
            for s, p in zip(self.std, self.share, strict=True)
        ]
        return np.sum(terms, axis=0)


@dataclass(frozen=True)
class Mixture:
    """The state of the fit."""

    yx: np.ndarray
    """Shape (k, 2), centres in pixels."""
    mass: np.ndarray
    """Shape (k,), the volume under each spot: the map's unit times square pixels."""
    profile: Profile
    aspect: tuple[float, float] = (1.0, 1.0)
    """Distances along (y, x) are multiplied by these, so that spots are round in nm where pixels are not square."""

    def __len__(self) -> int:
        return len(self.mass)

    @property
    def height(self) -> np.ndarray:
        """Shape (k,), each spot's height in the map's unit."""
        return self.mass * self.profile.height

    def only(self, keep: np.ndarray) -> Mixture:
        """The components that `keep` (mask or indices) selects."""
        return replace(self, yx=self.yx[keep], mass=self.mass[keep])

    def plus(self, yx: np.ndarray, mass: np.ndarray) -> Mixture:
        """With further components."""
        return replace(self, yx=np.concatenate([self.yx, yx]), mass=np.concatenate([self.mass, mass]))


@dataclass(frozen=True)
class Windows:
    """Where each component is computed: pixel offsets along both axes, and flat indices into a padded frame."""

    dy: np.ndarray
    """Shape (k, n), y of the window's pixels minus the centre's, scaled by the aspect."""
    dx: np.ndarray
    """Shape (k, n)."""
    flat: np.ndarray
    """Shape (k, n, n), indices into the padded frame."""


class PaddedFrame:
    """A frame with a margin as wide as the windows reach, so that no window is cut."""

    def __init__(self, shape: tuple[int, int], margin: int) -> None:
        self.shape, self.margin = shape, margin
        self.padded_shape = (shape[0] + 2 * margin, shape[1] + 2 * margin)

    def pad(self, values: np.ndarray, fill: float) -> np.ndarray:
        """`values` with the margin filled; flat."""
        return np.pad(values, self.margin, constant_values=fill).ravel()

    def crop(self, flat: np.ndarray) -> np.ndarray:
        """Back to the frame."""
        m = self.margin
        return flat.reshape(self.padded_shape)[m : m + self.shape[0], m : m + self.shape[1]]

    def windows(self, mixture: Mixture) -> Windows:
        """The windows of all components."""
        step = np.arange(-self.margin, self.margin + 1)
        middle = np.clip(np.rint(mixture.yx).astype(int), 0, np.array(self.shape) - 1)
        rows, columns = middle[:, :1] + step, middle[:, 1:] + step
        flat = (rows + self.margin)[:, :, None] * self.padded_shape[1] + (columns + self.margin)[:, None, :]
        dy = (rows - mixture.yx[:, :1]) * mixture.aspect[0]
        dx = (columns - mixture.yx[:, 1:]) * mixture.aspect[1]
        return Windows(dy, dx, flat)

    def add_up(self, windows: Windows, spots: np.ndarray) -> np.ndarray:
        """The sum over all components, on the padded frame; flat."""
        size = self.padded_shape[0] * self.padded_shape[1]
        return np.bincount(windows.flat.ravel(), weights=spots.ravel(), minlength=size)


def parts(mixture: Mixture, windows: Windows) -> np.ndarray:
    """Each Gaussian of each component on its window; shape (j, k, n, n)."""
    out = []
    for std, share in zip(mixture.profile.std, mixture.profile.share, strict=True):
        along_y = np.exp(-(windows.dy**2) / (2 * std**2))
        along_x = np.exp(-(windows.dx**2) / (2 * std**2)) * (mixture.mass * share / (2 * np.pi * std**2))[:, None]
        out.append(along_y[:, :, None] * along_x[:, None, :])
    return np.stack(out)


def render(mixture: Mixture, shape: tuple[int, int]) -> np.ndarray:
    """The sum of all spots, without the background; shape (y, x)."""
    frame = PaddedFrame(shape, mixture.profile.reach_px)
    windows = frame.windows(mixture)
    return frame.crop(frame.add_up(windows, parts(mixture, windows).sum(axis=0)))


def expectation_maximisation(
    mixture: Mixture,
    weights: np.ndarray,
    observed: np.ndarray,
    background: np.ndarray,
    *,
    iterations: int,
    std_bounds: tuple[np.ndarray, np.ndarray],
    fit_profile: bool = True,
    smallest_step_px: float = 1e-3,
) -> tuple[Mixture, np.ndarray]:
    """Fit centres, masses, the shared profile and the level of the background.

    Parameters
    ----------
    mixture
        Where to start.
    weights
        Shape (y, x): the map plus the pedestal, not negative.
    observed
        Shape (y, x), True where something was measured.
    background
        Shape (y, x), the uniform component: the pedestal.
    iterations
        The most there can be; it stops earlier once no centre moves by `smallest_step_px` or more.
    std_bounds
        Between which the profile's widths stay, in pixels.
    fit_profile
        Whether the profile is fitted as well.

    Returns
    -------
    tuple
        The mixture and the background.
    """
    if not len(mixture):
        return mixture, background
    shape = (weights.shape[0], weights.shape[1])
    frame = PaddedFrame(shape, mixture.profile.reach_px)
    weigh, seen = frame.pad(weights, 0.0), frame.pad(observed, False)
    ground = frame.pad(background, 1.0)
    for _ in range(iterations):
        if mixture.profile.reach_px > frame.margin or mixture.profile.reach_px < 0.7 * frame.margin:
            background = frame.crop(ground)
            frame = PaddedFrame(shape, mixture.profile.reach_px)
            weigh, seen, ground = frame.pad(weights, 0.0), frame.pad(observed, False), frame.pad(background, 1.0)
        windows = frame.windows(mixture)
        spots = parts(mixture, windows)
        expected = ground + frame.add_up(windows, spots.sum(axis=0))
        # E step: a component's responsibility for a pixel times the pixel's weight is spot * weight / expected
        ratio = np.where(seen, weigh / expected, 1.0)
        spots *= ratio[windows.flat]
        ground = ground * (ground[seen] * ratio[seen]).sum() / ground[seen].sum()
        moved = _maximise(mixture, windows, spots, std_bounds, fit_profile)
        step = np.abs(moved.yx - mixture.yx).max()
        mixture = moved
        if step < smallest_step_px:
            break
    return mixture, frame.crop(ground)


def _maximise(
    mixture: Mixture, windows: Windows, spots: np.ndarray, std_bounds: tuple[np.ndarray, np.ndarray], fit_profile: bool
) -> Mixture:
    """The M step: means weighted with the precision of each concentric Gaussian, masses, widths, shares."""
    along_y, along_x = spots.sum(axis=3), spots.sum(axis=2)
    mass_of = along_y.sum(axis=2)
    mass = mass_of.sum(axis=0)
    precision = 1 / mixture.profile.std[:, None] ** 2
    pull = np.maximum((precision * mass_of).sum(axis=0), 1e-300)
    shift_y = (precision * np.einsum("jkn,kn->jk", along_y, windows.dy)).sum(axis=0) / pull
    shift_x = (precision * np.einsum("jkn,kn->jk", along_x, windows.dx)).sum(axis=0) / pull
    yx = mixture.yx + np.stack([shift_y / mixture.aspect[0], shift_x / mixture.aspect[1]], axis=1)
    profile = mixture.profile
    if fit_profile:
        spread = np.einsum("jkn,kn->j", along_y, (windows.dy - shift_y[:, None]) ** 2)
        spread += np.einsum("jkn,kn->j", along_x, (windows.dx - shift_x[:, None]) ** 2)
        total = np.maximum(mass_of.sum(axis=1), 1e-300)
        std = np.clip(np.sqrt(spread / (2 * total)), *std_bounds)
        profile = Profile(std, total / total.sum())
    return replace(mixture, yx=yx, mass=mass, profile=profile)
