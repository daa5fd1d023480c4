"""Each kind of structure: where it is, what it covers, and how it changes the maps."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.physics.instrument import pixel_grid
from napari_stm_impurities.simulation.config import ScatteringConfig
from napari_stm_impurities.simulation.scattering_windows import scattering_windows
from napari_stm_impurities.simulation.structures import TRAINING_STRUCTURES, Scale
from napari_stm_impurities.simulation.structures.corral import Corral
from napari_stm_impurities.simulation.structures.island import Island
from napari_stm_impurities.simulation.structures.objects import Objects
from napari_stm_impurities.simulation.structures.step_edge import StepEdge
from napari_stm_impurities.simulation.structures.wall import Wall

K, SIDE = 0.5, 64
SCALE = Scale(K, SIDE)
GRID = pixel_grid(SIDE, SIDE, torch.device("cpu"))
#: An eighth of the wavelength 2 pi / k.
RADIUS = 2 * math.pi / K / 8


def build(structure, seed: int = 0):
    return structure.build(SCALE, torch.Generator().manual_seed(seed))


def image(values: torch.Tensor) -> np.ndarray:
    return values.reshape(SIDE, SIDE).numpy()


def simulate(n: int = 4, seed: int = 0, **values):
    plain = {"n_maps": (2, 2), "near_field_erased_share": 0.0, "near_field_random_share": 0.0, "artefacts": ()}
    return scattering_windows(ScatteringConfig.of(**{**plain, **values}), n, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("structure", TRAINING_STRUCTURES, ids=lambda one: one.kind)
def test_the_same_seed_builds_the_same_and_every_pixel_is_covered_by_a_share(structure):
    for seed in range(20):
        part, again = build(structure, seed), build(structure, seed)
        assert torch.equal(part.yx_px, again.yx_px)
        covered = part.covered(GRID)
        assert covered.min() >= 0
        assert covered.max() <= 1
        assert part.elevation(GRID).isfinite().all()
    assert not torch.equal(part.covered(GRID), build(structure, 99).covered(GRID))


@pytest.mark.parametrize("structure", [s for s in TRAINING_STRUCTURES if s.kind != "objects"], ids=lambda one: one.kind)
def test_a_line_covers_what_lies_within_an_eighth_of_the_wavelength_of_its_scatterers(structure):
    for seed in range(10):
        part = build(structure, seed)
        if len(part.yx_px) == 0:
            continue
        distance = torch.cdist(GRID, part.yx_px).amin(1)
        covered = part.covered(GRID)
        # corrals of sparse scatterers cover the gaps between them too, at most 2/k wide
        reach = max(RADIUS, 1.0 / K)
        assert (covered[distance < RADIUS - 0.5] == 1).all()
        assert (covered[distance > reach + 1.0] == 0).all()


def test_a_step_divides_the_window_into_two_terraces_of_the_given_height():
    for seed in range(5):
        part = build(StepEdge(height=3.0, width_px=0.5, wave_per_k=0.0), seed)
        elevation = image(part.elevation(GRID))
        assert np.abs(np.abs(elevation[np.abs(elevation) > 1.4]) - 1.5).max() < 0.1
        assert elevation.max() > 1.4
        assert elevation.min() < -1.4
        # it rises where it is covered
        assert image(part.covered(GRID))[np.abs(elevation) < 1.0].min() > 0.99
        # and its scatterers stand in a straight row
        centred = part.yx_px - part.yx_px.mean(0)
        assert float(torch.linalg.svdvals(centred)[1]) < 1e-2


def test_the_molecules_of_a_wall_touch_and_those_of_a_group_do_not():
    nearest = []
    for seed in range(20):
        part = build(Wall(spacing_per_k=0.8, corner_share=0.0, two_rows_share=0.0, of_impurities_share=1.0), seed)
        assert part.of_impurities
        if len(part.yx_px) > 2:
            apart = torch.cdist(part.yx_px, part.yx_px) + 1e6 * torch.eye(len(part.yx_px))
            nearest.append(apart.amin(1))
    assert float(torch.cat(nearest).median()) * K == pytest.approx(0.8, rel=0.1)
    assert Wall().spacing_per_k[1] <= 1.1


def test_a_corral_is_a_closed_ring_of_the_given_radius():
    part = build(Corral(radius_per_k=8.0, spacing_per_k=0.8, closed_share=1.0, oblong=1.0), 3)
    # a circle through the scatterers that lie in or near the window, by least squares
    y, x = part.yx_px.double().numpy().T
    solution, *_ = np.linalg.lstsq(np.stack([2 * y, 2 * x, np.ones_like(y)], 1), y**2 + x**2, rcond=None)
    radius = math.sqrt(solution[2] + solution[0] ** 2 + solution[1] ** 2)
    assert radius == pytest.approx(8.0 / K, rel=0.01)


def test_an_island_is_a_plateau_within_its_rim():
    for seed in range(5):
        part = build(Island(height=2.0, width_px=0.5), seed)
        elevation = image(part.elevation(GRID)).astype(float)
        covered = image(part.covered(GRID))
        # away from the rim there are two levels, and the rim is between them
        away = np.abs(elevation[covered == 0])
        assert np.minimum(away, np.abs(away - 2)).max() < 0.2
        between = (np.abs(elevation) > 0.6) & (np.abs(elevation) < 1.4)
        assert covered[between].min(initial=1.0) > 0.9


def test_objects_cover_their_spots_and_small_ones_are_much_higher_than_an_impurity():
    for seed in range(10):
        part = build(Objects(count=1, radius_per_k=1.5, height=1.0), seed)
        elevation = np.abs(image(part.elevation(GRID)))
        spots, n = ndimage.label(image(part.covered(GRID)) > 0)
        assert n <= 1
        if n and elevation.max() > 1:
            assert elevation.max() >= 8.0
            assert spots[np.unravel_index(elevation.argmax(), elevation.shape)] == 1
    large = build(Objects(count=3, radius_per_k=50.0), 0)
    # at most a quarter of the side
    assert float(large.covered(GRID).mean()) < 3 * math.pi * 0.26**2


def test_the_wall_is_labelled_as_structure_and_isolated_impurities_of_its_kind_as_impurities():
    wall = Wall(share=1.0, of_impurities_share=1.0)
    windows = simulate(12, structures=[wall], group_share=0.0, near_share=0.0, empty_share=0.0, density_per_k2=0.01)
    assert (windows.structure.amax((1, 2)) == 1).float().mean() > 0.8
    n = 0
    for structure, yx, present in zip(windows.structure, windows.yx_px, windows.present, strict=True):
        for row, column in yx[present].round().long().clamp(0, 63).tolist():
            assert structure[row, column] < 0.5
            n += 1
    assert n > 30


def test_walls_and_impurities_are_equally_dark():
    # in place of the ripples each has a bump of one height: darkness alone tells nothing
    values = {"near_field_random_share": 1.0, "near_field_erased_share": 0.0, "near_field_strength": 4.0}
    few = {"group_share": 0.0, "near_share": 0.0, "empty_share": 0.0, "density_per_k2": 0.02, "strength_share": 0.0}
    wall = Wall(share=1.0, of_impurities_share=1.0)
    windows = simulate(30, structures=[wall], n_maps=(1, 1), **values, **few)
    on_walls, on_impurities = [], []
    for maps, structure, yx, present in zip(
        windows.maps, windows.structure, windows.yx_px, windows.present, strict=True
    ):
        on_walls.append(float(maps[0][structure == 1].abs().mean()))
        at = yx[present].round().long().clamp(0, 63)
        on_impurities.append(float(maps[0][at[:, 0], at[:, 1]].abs().mean()))
    assert np.nanmean(on_walls) == pytest.approx(np.nanmean(on_impurities), rel=0.5)


def test_structure_scatters_exactly_as_impurities_at_its_places_would():
    # the standing waves of a wall alone reach beyond what it covers
    windows = simulate(6, structures=[Wall(share=1.0)], empty_share=1.0)
    assert not windows.present.any()
    for maps, structure in zip(windows.maps, windows.structure, strict=True):
        if structure.max() == 1:
            assert float(maps[0][structure == 0].std()) > 0.05
    bare = simulate(4, structures=[], empty_share=1.0)
    assert (bare.maps == 0).all()
    assert (bare.structure == 0).all()


def test_about_a_third_of_the_default_windows_have_structure():
    config = ScatteringConfig(side_px=32, n_maps=(1, 1), density_per_k2=(0.003, 0.004))
    windows = scattering_windows(config, 400, torch.Generator().manual_seed(0))
    share = float((windows.structure.amax((1, 2)) > 0).float().mean())
    assert 0.28 < share < 0.45


def test_an_unknown_structure_is_refused_in_one_line():
    with pytest.raises(StmError) as caught:
        ScatteringConfig.of(structures=[{"kind": "volcano"}])
    assert "\n" not in str(caught.value)
