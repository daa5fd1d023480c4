"""A second generator of surfaces, which shares no code with the package: what is measured on it was not learnt from it.

The package's own simulator makes the windows that the models learn from. This one solves the same physics by other
formulas, with other phase shifts, near fields, arrangements, noise and instrument, in numpy and scipy alone;
nothing of the package but ``make_stack`` is used, and nothing here may feed a training.
"""

from .plan import BANDS, KINDS, Plan
from .surface import IndependentSurface, make_surface, surface_of

__all__ = ["BANDS", "KINDS", "IndependentSurface", "Plan", "make_surface", "surface_of"]
