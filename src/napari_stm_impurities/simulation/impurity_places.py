"""Positions of the impurities of a training window: random, with near neighbours, and in groups."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .ranges import draw
from .windows import bernoulli, log_uniform, randint, uniform

if TYPE_CHECKING:
    from .config import ScatteringConfig

#: Most scatterers of one window, so that the densest draw still fits into memory.
MOST_SCATTERERS = 400
#: Most groups of one window, most impurities in a row of one, the share of vacancies, and the jitter of its
#: impurities, in distances of neighbours.
_MOST_GROUPS = 4
_LONGEST_ROW = 6
_VACANCIES = 0.15
_GROUP_JITTER = 0.07
#: The largest margin as a share of the side, since long ripples would need many frames of scatterers.
_LARGEST_MARGIN = 0.75
#: The angle between the axes of a group: every lattice in the plane has axes 60 to 120 degrees apart.
_LATTICE_ANGLE_RAD = (math.pi / 3, 2 * math.pi / 3)
#: The share of impurities that get a near neighbour, in windows that have such: enough for several in a window.
_WITH_NEIGHBOUR = 0.4


def impurity_places(config: ScatteringConfig, k_top: float, generator: torch.Generator) -> Tensor:
    """Positions of the impurities of one window in pixels, inside it and around it, shape (impurity, 2)."""
    side = config.side_px
    margin = min(config.margin_per_k / k_top, _LARGEST_MARGIN * side)
    density = log_uniform(*config.density_per_k2, (1,), generator) * k_top**2
    has_impurities = ~bernoulli(config.empty_share, 1, generator)
    count = int(torch.poisson(density * (side + 2 * margin) ** 2 * has_impurities, generator=generator))
    positions = uniform(-margin, side + margin, (min(count, MOST_SCATTERERS), 2), generator) - 0.5
    if not has_impurities:
        return positions
    if bernoulli(config.near_share, 1, generator):
        positions = torch.cat([positions, _near_neighbours(config, positions, k_top, generator)])
    if bernoulli(config.group_share, 1, generator):
        groups = [_group(config, k_top, generator) for _ in range(randint(1, _MOST_GROUPS, generator))]
        positions = torch.cat([*groups, positions])
    return positions[:MOST_SCATTERERS]


def _near_neighbours(config: ScatteringConfig, positions: Tensor, k_top: float, generator: torch.Generator) -> Tensor:
    """Positions of a near neighbour for some of the impurities."""
    chosen = positions[bernoulli(_WITH_NEIGHBOUR, len(positions), generator)]
    angle = uniform(0, 2 * math.pi, (len(chosen),), generator)
    distance = draw(config.near_distance_per_k, len(chosen), generator)[:, None] / k_top
    return chosen + distance * torch.stack([angle.sin(), angle.cos()], -1)


def _group(config: ScatteringConfig, k_top: float, generator: torch.Generator) -> Tensor:
    """Positions on a piece of a skewed lattice with vacancies, somewhere in the window."""
    rows, columns = randint(1, _LONGEST_ROW, generator), randint(2, _LONGEST_ROW, generator)
    device = generator.device
    steps = torch.stack(
        torch.meshgrid(torch.arange(rows, device=device), torch.arange(columns, device=device), indexing="ij"), -1
    ).reshape(-1, 2)
    distance = log_uniform(*config.group_distance_per_k, (2, 1), generator) / k_top
    first = uniform(0, 2 * math.pi, (1,), generator)
    angle = torch.cat([first, first + uniform(*_LATTICE_ANGLE_RAD, (1,), generator)])[:, None]
    axes = distance * torch.cat([angle.sin(), angle.cos()], 1)
    corner = uniform(0, config.side_px, (1, 2), generator) - 0.5
    positions = corner + (steps - steps.float().mean(0)) @ axes
    positions = positions + _GROUP_JITTER * distance.min() * torch.randn(
        positions.shape, generator=generator, device=device
    )
    return positions[~bernoulli(_VACANCIES, len(positions), generator)]
