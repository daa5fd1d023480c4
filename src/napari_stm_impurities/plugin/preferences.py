"""What a person sets once, on this plugin's page of napari's Preferences: device, threads, tiles, autosave."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from napari.settings import get_plugin_settings
from pydantic import Field

from ..core.configuration import Configuration

PLUGIN = "napari-stm-impurities"
#: The key of the page in the manifest.
PAGE = "work"

R = TypeVar("R")


class Preferences(Configuration):
    """How the work is done; napari.yaml shows the same fields, with the same defaults, to a person."""

    device: Literal["fastest", "cpu", "cuda", "mps"] = "fastest"
    """Where the network runs; the fastest device there is, or one by name."""
    threads: int = Field(default=0, ge=0, le=256)
    """How many processor cores finding and training use; 0 for all."""
    tile_px: int = Field(default=0, ge=0, le=8192)
    """Side of the tiles that an image is cut into while it is searched; 0 for what the model says."""
    autosave: bool = True
    """Whether corrected points are saved beside the data while they are edited."""

    @property
    def device_name(self) -> str | None:
        """The device by name; None for the fastest there is."""
        return None if self.device == "fastest" else self.device

    @property
    def tile(self) -> int | None:
        """The side of the tiles; None for what the model says."""
        return self.tile_px or None

    def threaded(self, function: Callable[..., R]) -> Callable[..., R]:
        """The same function, run on as many cores as the person wants; it is meant to be called in a thread."""

        @functools.wraps(function)
        def on_threads(*args: Any, **keywords: Any) -> R:
            import torch

            # torch keeps one number for the process, and has no way back to its own
            own = _threads_of_torch()
            torch.set_num_threads(self.threads or own)
            return function(*args, **keywords)

        return on_threads


@functools.cache
def _threads_of_torch() -> int:
    """How many threads torch takes by itself; asked before anybody sets another number."""
    import torch

    return torch.get_num_threads()


def preferences() -> Preferences:
    """The preferences as they are now; call it in the main thread, at the start of each run.

    Where the plugin is not registered with napari, such as in a script that makes a widget by itself, those are the
    defaults.
    """
    try:
        told = getattr(get_plugin_settings(PLUGIN), PAGE)
    except KeyError:
        return Preferences()
    return Preferences.of(**told.model_dump())
