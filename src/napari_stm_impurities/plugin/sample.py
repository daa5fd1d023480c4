"""The sample data of the plugin, made by the simulation when it is opened: nothing is downloaded."""

from __future__ import annotations

from napari.utils import progress as napari_progress
from napari.viewer import current_viewer

from ..simulation.surface import Surface, simulate_surface
from .editing import follow
from .layers.bias_overlay import show_bias
from .layers.images import LayerTuple, image_layer
from .layers.points import points_layer

MATERIAL = "Au(111)"


def au111_surface_state() -> list[LayerTuple]:
    """The surface state of Au(111): maps from -230 to +20 mV, the bound states at -520 mV, the true positions."""
    show_bias(current_viewer())
    follow(current_viewer())
    with napari_progress(total=100, desc=f"Simulating {MATERIAL}") as bar:
        # napari asks for samples in the main thread; its bar redraws the window at each step
        surface = simulate_surface(
            MATERIAL, seed=0, progress=lambda share, _what: bar.update(round(100 * share) - bar.n)
        )
    return surface_layers(surface, MATERIAL)


def surface_layers(surface: Surface, material: str) -> list[LayerTuple]:
    """A simulated surface as layers: the bound-state map below, the stack, and the true positions, hidden."""
    bound = surface.bound_state_map
    return [
        image_layer(bound, name=f"{material} bound states {float(bound.bias.values[0]):g} mV"),
        image_layer(surface.stack, name=f"{material} dI/dV"),
        points_layer(
            surface.points,
            kind="reference",
            name=f"{material} true positions",
            visible=False,
        ),
    ]
