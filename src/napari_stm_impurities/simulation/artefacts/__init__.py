"""What a measured map shows besides its impurities: one class for each artefact, and the list of them.

A new artefact is one module with one class, and one line in `Artefact`; training windows then show it as well.
"""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import Field

from .atomic_step import AtomicStep
from .base import BaseArtefact, Context, with_artefacts
from .blunt_tip import BluntTip
from .correlated_noise import CorrelatedNoise
from .herringbone import Herringbone
from .inverted_contrast import InvertedContrast
from .lattice import AtomicLattice
from .line_noise import LineNoise
from .missing_pixels import MissingPixels
from .set_point import SetPoint
from .spikes import Spikes
from .texture import Texture
from .tilt import Tilt
from .white_noise import WhiteNoise

__all__ = ["TRAINING_ARTEFACTS", "Artefact", "BaseArtefact", "Context", "with_artefacts"]

#: Any artefact, known by its ``kind``. The order is that in which they come about in a measurement: tip and feedback
#: loop, surface, noise, and last what the recording makes of it.
Artefact = Annotated[
    BluntTip
    | SetPoint
    | AtomicStep
    | Herringbone
    | AtomicLattice
    | Texture
    | Tilt
    | WhiteNoise
    | LineNoise
    | CorrelatedNoise
    | Spikes
    | InvertedContrast
    | MissingPixels,
    Field(discriminator="kind"),
]

#: What training windows show: one of each, with its own share and ranges.
TRAINING_ARTEFACTS: tuple[Artefact, ...] = tuple(artefact() for artefact in get_args(get_args(Artefact)[0]))
