"""Artefacts in a list: each in its share of the windows, in order; and a new one is one class and one line."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Literal

import pytest
import torch
from pydantic import Field
from torch import Tensor

from napari_stm_impurities.simulation.artefacts import Artefact, BaseArtefact, Context, with_artefacts
from napari_stm_impurities.simulation.artefacts.inverted_contrast import InvertedContrast
from napari_stm_impurities.simulation.artefacts.white_noise import WhiteNoise
from napari_stm_impurities.simulation.config import ScatteringConfig
from napari_stm_impurities.simulation.ranges import PositiveRange, draw
from napari_stm_impurities.simulation.stream import window_stream


class Ghost(BaseArtefact):
    """Ghost image: each map again, moved along the fast axis."""

    kind: Literal["ghost"] = "ghost"
    height: PositiveRange = (0.5, 0.5)

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps with a ghost."""
        return maps + draw(self.height, len(maps), generator)[:, None, None, None] * maps.roll(3, -1)


class WithGhost(ScatteringConfig):
    """Windows that may show a ghost."""

    artefacts: tuple[Annotated[Artefact | Ghost, Field(discriminator="kind")], ...] = (Ghost(),)


class Offset(BaseArtefact):
    """Offset: k of the window, which only the right context knows."""

    kind: Literal["offset"] = "offset"

    def apply(self, maps: Tensor, context: Context, generator: torch.Generator) -> Tensor:
        """The maps, raised."""
        return maps + context.k_top_rad_per_px[:, None, None, None]


def batch(n: int, n_maps: int = 2, side: int = 4) -> tuple[Tensor, Context]:
    maps = torch.randn(n, n_maps, side, side, generator=torch.Generator().manual_seed(9))
    return maps, Context(1 + torch.arange(n, dtype=torch.float32)[:, None].expand(n, n_maps))


def test_a_new_artefact_is_one_class_and_one_line():
    # in a configuration and its file
    plan = WithGhost.of(
        side_px=16, n_maps=(2, 2), artefacts=[{"kind": "ghost", "height": 0.25}, {"kind": "white_noise"}]
    )
    assert plan.artefacts == (Ghost(height=0.25), WhiteNoise())
    assert WithGhost.model_validate_json(plan.model_dump_json()) == plan
    # and in the windows
    with_ghost, without = (
        next(window_stream(WithGhost.of(side_px=16, n_maps=(2, 2), artefacts=listed), 3, 5)).maps
        for listed in ([Ghost(height=0.25)], [])
    )
    torch.testing.assert_close(with_ghost, without + 0.25 * without.roll(3, -1))


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_an_artefact_shows_in_its_share_of_the_windows_and_leaves_the_others_alone(share):
    maps, context = batch(4000)
    changed = with_artefacts([Offset(share=share)], maps, context, torch.Generator().manual_seed(0))
    raised = (changed != maps).flatten(1)
    assert torch.equal(raised.any(1), raised.all(1))
    # four standard deviations of a binomial share
    assert abs(float(raised[:, 0].float().mean()) - share) <= 4 * (share * (1 - share) / 4000) ** 0.5
    # the raised ones by their own k
    rise = (changed - maps)[raised[:, 0]].mean((1, 2, 3))
    torch.testing.assert_close(rise, context.k_top_rad_per_px[raised[:, 0]], rtol=1e-3, atol=1e-3)


def test_the_order_of_the_list_is_that_of_the_measurement():
    maps, context = batch(3)
    draw_from = torch.Generator().manual_seed(0)
    turn, raise_ = InvertedContrast(share=1), Offset()
    k = context.k_top_rad_per_px[:, None, None, None]
    torch.testing.assert_close(with_artefacts([turn, raise_], maps, context, draw_from), -maps + k)
    torch.testing.assert_close(with_artefacts([raise_, turn], maps, context, draw_from), -(maps + k))


def test_the_same_artefact_may_come_twice():
    maps, context = batch(3)
    twice = with_artefacts([Offset(), Offset()], maps, context, torch.Generator())
    torch.testing.assert_close(twice, maps + 2 * context.k_top_rad_per_px[:, None, None, None])


def test_the_maps_that_came_in_are_not_changed():
    maps, context = batch(50)
    before = maps.clone()
    with_artefacts([Offset(share=0.5), WhiteNoise()], maps, context, torch.Generator())
    assert torch.equal(maps, before)


def test_without_artefacts_windows_are_clean_whatever_the_seed_draws_besides():
    values = {"side_px": 16, "n_maps": (2, 2), "artefacts": ()}
    first, again = (list(islice(window_stream(ScatteringConfig.of(**values), 2, 4), 2)) for _ in range(2))
    assert all(torch.equal(one.maps, other.maps) for one, other in zip(first, again, strict=True))
