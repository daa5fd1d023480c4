"""Artefacts of measured maps: one class for each, and the list of them.

A new artefact is one module with one class, and one line in `Artefact`; training windows then show it as well.
"""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import Field

from .atomic_step import AtomicStep
from .bad_lines import BadLines
from .base import BaseArtefact, Context, Frames, recorded, with_artefacts
from .bias_noise import BiasNoise
from .blunt_tip import BluntTip
from .clipping import Clipping
from .correlated_noise import CorrelatedNoise
from .creep import Creep
from .feedback_ringing import FeedbackRinging
from .flicker_noise import FlickerNoise
from .herringbone import Herringbone
from .inverted_contrast import InvertedContrast
from .lattice import AtomicLattice
from .line_noise import LineNoise
from .mains_pickup import MainsPickup
from .missing_pixels import MissingPixels
from .quantisation import Quantisation
from .scars import Scars
from .set_point import SetPoint
from .spikes import Spikes
from .texture import Texture
from .tilt import Tilt
from .tip_change import TipChange
from .white_noise import WhiteNoise

__all__ = ["TRAINING_ARTEFACTS", "Artefact", "BaseArtefact", "Context", "Frames", "recorded", "with_artefacts"]

#: Any artefact, known by its ``kind``. The order is that in which they arise in a measurement: tip and feedback
#: loop, surface, noise, and last the recording.
Artefact = Annotated[
    BluntTip
    | SetPoint
    | AtomicStep
    | Herringbone
    | AtomicLattice
    | Texture
    | Tilt
    | Creep
    | TipChange
    | FeedbackRinging
    | WhiteNoise
    | BiasNoise
    | LineNoise
    | CorrelatedNoise
    | FlickerNoise
    | MainsPickup
    | Scars
    | Spikes
    | Clipping
    | Quantisation
    | BadLines
    | InvertedContrast
    | MissingPixels,
    Field(discriminator="kind"),
]

#: The artefacts of training windows: one of each, with its own share and ranges.
TRAINING_ARTEFACTS: tuple[Artefact, ...] = tuple(artefact() for artefact in get_args(get_args(Artefact)[0]))
