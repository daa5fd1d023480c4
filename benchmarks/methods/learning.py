"""What the general networks learn from, and for how long: the package's own windows, in minutes of CPU time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from napari_stm_impurities.impurities.inputs import scale_maps
from napari_stm_impurities.impurities.network_config import InputConfig
from napari_stm_impurities.impurities.training.window_inputs import shown
from napari_stm_impurities.nn.schedule import learning_rate
from napari_stm_impurities.simulation.config import ScatteringConfig
from napari_stm_impurities.simulation.stream import window_stream

#: These networks take a fixed number of channels: as many as the package's own model averages a stack to.
N_MAPS = 8
_BATCH = 8
_SEED = 0
_PRINT_EVERY_S = 30.0

#: From maps (batch, bias, y, x) and the places of each window's impurities, (n, 2) row and column, to a loss.
Loss = Callable[[Tensor, list[np.ndarray]], Tensor]


def windows() -> Iterator[tuple[Tensor, list[np.ndarray]]]:
    """Batches of maps and of the impurities inside them, as the package's own training shows them."""
    # without groups, which none of the ten kinds of surface has
    made_by = ScatteringConfig(n_maps=(N_MAPS, N_MAPS), group_share=0.0)
    for batch in window_stream(made_by, _BATCH, _SEED):
        # the first channel is the maps, the second tells what was measured
        maps = shown(batch, made_by, InputConfig())[:, :, 0]
        places = [yx[here].numpy() for yx, here in zip(batch.yx_px, batch.present, strict=True)]
        yield maps, places


def eight_maps(maps: Tensor) -> Tensor:
    """A stack's maps as these networks take them, (1, 8, y, x): scaled, and repeated where there are fewer."""
    scaled = torch.nan_to_num(scale_maps(maps, InputConfig().scaling), nan=0.0)
    which = torch.arange(N_MAPS) * len(scaled) // N_MAPS
    return scaled[which][None]


def learn(network: nn.Module, loss: Loss, highest_rate: float, minutes: float, path: Path) -> None:
    """Train with AdamW for so many minutes of CPU time, the windows' simulation included.

    The learning rate runs as in the package's own training, over the minutes in place of the steps. Weights are
    written to `path` twice a minute, and how far it came to a JSON file beside it.
    """
    optimizer = torch.optim.AdamW(network.parameters(), lr=highest_rate, weight_decay=1e-4)
    network.train()
    begun = time.process_time()
    printed, recent = begun, []
    for steps, (maps, places) in enumerate(windows()):
        now = time.process_time()
        share = (now - begun) / (60 * minutes)
        if share >= 1 or now - printed > _PRINT_EVERY_S:
            facts = {"cpu_minutes": (now - begun) / 60, "steps": steps, "batch": _BATCH, "loss": float(np.mean(recent))}
            print(", ".join(f"{name} {value:.4g}" for name, value in facts.items()), flush=True)
            torch.save(network.state_dict(), path)
            path.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n")
            printed, recent = now, []
        if share >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = highest_rate * learning_rate(share)
        value = loss(maps, places)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        recent.append(float(value.detach()))
