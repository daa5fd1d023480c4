"""Structure on a simulated surface that is no impurity: one class for each kind, and the list of them.

A new kind is one module with one class, and one line in `Structure`.
"""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import Field

from .base import BaseStructure, Part, Scale
from .corral import Corral
from .island import Island
from .objects import Objects
from .step_edge import StepEdge
from .wall import Wall

__all__ = ["TRAINING_STRUCTURES", "BaseStructure", "Part", "Scale", "Structure"]

#: Any structure, known by its ``kind``.
Structure = Annotated[StepEdge | Wall | Corral | Island | Objects, Field(discriminator="kind")]

#: The structures of training windows: one of each, with its own share and ranges.
TRAINING_STRUCTURES: tuple[Structure, ...] = tuple(structure() for structure in get_args(get_args(Structure)[0]))
