"""trackpy's locate (Crocker and Grier) on one map made of all biases."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from .view import Seen, Spots


@dataclass(frozen=True)
class ParticleChoice:
    """What is tuned; sizes in 1/k of the highest bias."""

    diameter: float
    separation_of_diameter: float
    percentile: float


#: What the tuning tries; trackpy's defaults are a separation of a diameter and a percentile of 64.
CHOICES = [
    ParticleChoice(diameter, separation, percentile)
    for diameter in (2.0, 3.0, 4.5, 6.0)
    for separation in (0.7, 1.0, 1.4)
    for percentile in (5.0, 20.0, 64.0)
]


class Particles:
    """Locate on one of the three maps; the threshold is on the mass, trackpy's own `minmass`."""

    def __init__(self, kind: str, choice: ParticleChoice) -> None:
        # only who runs this method needs its library
        import trackpy

        trackpy.quiet()
        logging.getLogger("trackpy").setLevel(logging.ERROR)
        self._locate = trackpy.locate
        self._kind = kind
        self._choice = choice

    def search(self, seen: Seen) -> Spots:
        """Find all particles."""
        image = seen.map(self._kind)
        # trackpy wants an odd number of pixels, three at least
        diameter = max(3, 2 * round((self._choice.diameter * seen.wavelength_px - 1) / 2) + 1)
        found = self._locate(
            image - image.min(),
            diameter,
            minmass=0,
            separation=self._choice.separation_of_diameter * diameter,
            percentile=self._choice.percentile,
        )
        # a mass is a sum over pixels, so that finer ones give more of it
        return Spots.on(seen, found[["y", "x"]].to_numpy(), found["mass"].to_numpy() / seen.wavelength_px**2)
