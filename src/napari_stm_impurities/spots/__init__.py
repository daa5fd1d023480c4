"""Reference points from the map of the bound states, by expectation-maximisation."""

from .config import ReferenceConfig
from .reference import find_reference

__all__ = ["ReferenceConfig", "find_reference"]
