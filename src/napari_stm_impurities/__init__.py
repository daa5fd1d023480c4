"""Find impurities in scanning tunnelling microscopy maps from the ripples around them.

The public names below are imported when they are first used, so that ``import napari_stm_impurities``
costs neither torch nor napari.

Examples
--------
>>> import napari_stm_impurities as stm
>>> stack = stm.make_stack([[[0.0, 1.0], [2.0, 3.0]]], bias_mv=[10.0], pixel_size_nm=0.5)
>>> stack.dims
('bias', 'y', 'x')
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .comparison import Comparison as Comparison
    from .comparison import compare as compare
    from .errors import ModelError as ModelError
    from .errors import ReadError as ReadError
    from .errors import StmError as StmError
    from .find.find import find_impurities as find_impurities
    from .find.find import score_map as score_map
    from .network.model import Model as Model
    from .network.model import load_model as load_model
    from .physics.dispersion import Dispersion as Dispersion
    from .physics.ring import fit_dispersion as fit_dispersion
    from .points import load_points as load_points
    from .points import save_points as save_points
    from .readers import read_stack as read_stack
    from .reference import find_reference as find_reference
    from .simulation.surface import simulate_surface as simulate_surface
    from .stacks import make_stack as make_stack
    from .training import adapt as adapt
    from .training import train as train
    from .writers import save_stack as save_stack

__version__ = "0.1.0"

#: Where each public name lives.
_HOME = {
    "Comparison": ".comparison",
    "Dispersion": ".physics.dispersion",
    "Model": ".network.model",
    "ModelError": ".errors",
    "ReadError": ".errors",
    "StmError": ".errors",
    "adapt": ".training",
    "compare": ".comparison",
    "find_impurities": ".find.find",
    "find_reference": ".reference",
    "fit_dispersion": ".physics.ring",
    "load_model": ".network.model",
    "load_points": ".points",
    "make_stack": ".stacks",
    "read_stack": ".readers",
    "save_points": ".points",
    "save_stack": ".writers",
    "score_map": ".find.find",
    "simulate_surface": ".simulation.surface",
    "train": ".training",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562), and keep it."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted([*_HOME, "__version__"])
