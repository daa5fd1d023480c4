"""Bounds of the simulations: what cannot be simulated is refused before it is tried, in one line."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.physics.dispersion import Dispersion
from napari_stm_impurities.simulation.amplitudes import Amplitudes
from napari_stm_impurities.simulation.artefacts import TRAINING_ARTEFACTS
from napari_stm_impurities.simulation.config import FriedelConfig, ScatteringConfig
from napari_stm_impurities.simulation.surface import SurfaceConfig

BAD = [
    (FriedelConfig, {"side_px": 7}),
    (FriedelConfig, {"n_maps": 0}),
    (FriedelConfig, {"noise_std": -0.1}),
    (FriedelConfig, {"impurities": (3, 2)}),
    (FriedelConfig, {"impurities": (-1, 2)}),
    (FriedelConfig, {"impurities": (1, 65), "side_px": 8}),
    (FriedelConfig, {"k_rad_per_px": 0.0}),
    (FriedelConfig, {"k_rad_per_px": np.pi / 2}),
    (FriedelConfig, {"k_spread": 1.1}),
    (FriedelConfig, {"cutoff_px": 0.0}),
    (FriedelConfig, {"amplitude": (float("nan"), 1.0)}),
    (FriedelConfig, {"sigma": 1.0}),
    (ScatteringConfig, {"side_px": 8}),
    (ScatteringConfig, {"n_maps": (0, 4)}),
    (ScatteringConfig, {"n_kinds": (0, 1)}),
    (ScatteringConfig, {"k_rad_per_px": (0.0, 1.0)}),
    (ScatteringConfig, {"k_span": (0.5, 1.0)}),
    (ScatteringConfig, {"artefacts": [{"kind": "white_noise", "amplitude": (0.0, 1.0)}]}),
    (ScatteringConfig, {"artefacts": [{"kind": "white_noise", "amplitude": (1.0, float("inf"))}]}),
    (ScatteringConfig, {"artefacts": [{"kind": "white_noise", "share": 1.2}]}),
    (ScatteringConfig, {"artefacts": [{"kind": "white_noise", "colour": "pink"}]}),
    (ScatteringConfig, {"artefacts": [{"kind": "ghost"}]}),
    (ScatteringConfig, {"artefacts": [{}]}),
    (ScatteringConfig, {"artefacts": "noise"}),
    (ScatteringConfig, {"mean_free_path_per_k": (0.0, 1.0)}),
    (ScatteringConfig, {"density_per_k2": (0.2, 0.1)}),
    (ScatteringConfig, {"empty_share": 1.5}),
    (SurfaceConfig, {"side_px": 8}),
    (SurfaceConfig, {"frame_nm": 0.0}),
    (SurfaceConfig, {"n_biases": 0}),
    (SurfaceConfig, {"mean_free_path_nm": 0.0}),
    (SurfaceConfig, {"noise_share": -1.0}),
    (SurfaceConfig, {"noise_share": "loud"}),
    (SurfaceConfig, {"artefacts": [], "noise_share": 1.0}),
    (SurfaceConfig, {"bound_state_spread": 2.0}),
]
KINDS = [type(artefact) for artefact in TRAINING_ARTEFACTS]


@pytest.mark.parametrize(("kind", "values"), BAD, ids=lambda value: str(value))
def test_what_cannot_be_is_refused_in_one_line(kind, values):
    with pytest.raises(StmError, match=next(iter(values))) as caught:
        kind.of(**values)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(kind.__name__)


@pytest.mark.parametrize("kind", [FriedelConfig, ScatteringConfig, SurfaceConfig, Amplitudes, *KINDS])
def test_every_field_says_what_it_means(kind):
    assert [name for name, field in kind.model_fields.items() if not field.description and name != "kind"] == []


def test_the_paper_s_values_are_the_defaults():
    config = FriedelConfig.of()
    assert (config.side_px, config.noise_std) == (20, 0.8)


def test_k_and_its_spread_follow_from_a_band_and_a_grid():
    band, bias, pixel_nm = Dispersion.of("Au(111)"), np.linspace(-230, 20, 126), 37.5 / 80
    config = FriedelConfig.of_dispersion(band, bias, pixel_nm)
    lowest, highest = (config.k_rad_per_px * (1 + sign * config.k_spread) for sign in (-1, 1))
    assert lowest == pytest.approx(float(band.k_per_nm(-230.0)) * pixel_nm)
    assert highest == pytest.approx(float(band.k_per_nm(20.0)) * pixel_nm)


def test_k_follows_from_the_carrier_density():
    # k_F0 = sqrt(2 pi n)
    assert FriedelConfig.of_carrier_density(0.5, 0.4).k_rad_per_px == pytest.approx(np.sqrt(np.pi) * 0.4)


def test_pixels_too_coarse_for_the_ripples_are_refused():
    with pytest.raises(StmError, match="k_rad_per_px"):
        FriedelConfig.of_dispersion(Dispersion.of("Au(111)"), [-230.0, 20.0], 1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_range_of_an_artefact_has_its_unit_and_its_source_or_reason(kind):
    units = ("_per_k", "_nm", "_px", "_share", "_rad", "_lines", "_per_line")
    multiples = ("standard deviations", "same unit", "How much", "How many", "power", "Factor", "over that of")
    for name, field in kind.model_fields.items():
        if name == "kind" or (name == "share" and kind.model_fields["share"].default == 1):
            continue
        text = field.description
        told = "Reason:" in text or "Source:" in text or "in place of" in text
        assert told, f"{kind.__name__}.{name}: {text}"
        if not name.endswith(units) and name != "share":
            # a number without a unit says what it is a multiple of
            assert any(word in text for word in multiples), name


def test_a_surface_s_amplitudes_are_short_for_its_artefacts():
    plan = SurfaceConfig.of(noise_share=0.3, step_share=2.0)
    listed = {artefact.kind: artefact for artefact in plan.artefacts}
    assert list(listed) == ["white_noise", "line_noise", "atomic_step"]
    assert listed["white_noise"].amplitude == (0.3, 0.3)
    assert listed["line_noise"].amplitude == (0.15, 0.15)
    assert listed["atomic_step"].height == (2.0, 2.0)
    assert all(artefact.share == 1 for artefact in plan.artefacts)
    assert SurfaceConfig.of(noise_share=0.0, line_noise_share=0.0).artefacts == ()
    assert SurfaceConfig.of(artefacts=listed.values()) == plan
    assert SurfaceConfig.model_validate_json(plan.model_dump_json()) == plan
