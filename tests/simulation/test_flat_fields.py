"""Configurations from before the list of artefacts, as model files and checkpoints hold them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.impurities.model import Model, load_model
from napari_stm_impurities.impurities.training import AdaptConfig, TrainingConfig
from napari_stm_impurities.simulation.artefacts import TRAINING_ARTEFACTS
from napari_stm_impurities.simulation.config import ScatteringConfig, WindowConfig

#: The training that the model of the first release holds.
TRAINING = json.loads((Path(__file__).parent / "first_release_training.json").read_text(encoding="utf-8"))
#: The artefacts of the first release.
OF_THAT_TIME = {
    "blunt_tip",
    "set_point",
    "atomic_step",
    "herringbone",
    "lattice",
    "texture",
    "tilt",
    "white_noise",
    "line_noise",
    "correlated_noise",
    "spikes",
    "inverted_contrast",
    "missing_pixels",
}


def of_kind(config: ScatteringConfig, kind: str):
    [found] = [artefact for artefact in config.artefacts if artefact.kind == kind]
    return found


def test_windows_of_the_first_release_are_read():
    settings = TRAINING["windows"]
    assert "artefacts" not in settings
    assert settings["white_noise"] == [0.02, 1.6]
    windows = TypeAdapter(WindowConfig).validate_python(settings)
    # what windows did not have at that time they do not get today
    kinds = [artefact.kind for artefact in windows.artefacts]
    assert kinds == [artefact.kind for artefact in TRAINING_ARTEFACTS if artefact.kind in OF_THAT_TIME]
    assert (windows.structures, windows.strength_share, windows.near_share, windows.few_maps_share) == ((), 0, 0, 0)
    assert of_kind(windows, "atomic_step").share == 0.2
    # its third stage was trained on the defaults, and the other ranges have not changed since
    for artefact in windows.artefacts:
        if artefact.kind != "atomic_step":
            assert artefact in TRAINING_ARTEFACTS
    # it is what an adaptation of the model shows it again, not the fallback for a file that cannot be read
    changed = {**settings, "line_noise_share": 0.9, "side_px": 48}
    shipped = load_model("default")
    training = {**TRAINING, "windows": changed}
    model = Model(shipped.config.model_copy(update={"training": training}), shipped.network)
    again = AdaptConfig().plan(model, 128).windows
    assert again.side_px == 48
    assert of_kind(again, "line_noise").share == 0.9


def test_a_whole_training_of_the_first_release_is_read():
    facts = TRAINING
    plan = TrainingConfig.model_validate({name: facts[name] for name in TrainingConfig.model_fields if name in facts})
    assert (plan.seed, plan.epochs, plan.started_from) == (77, 26, "default")
    assert {artefact.kind for artefact in plan.windows.artefacts} == OF_THAT_TIME


def test_each_flat_field_arrives_in_its_artefact():
    flat = {
        "blur_per_k": ("blunt_tip", "sigma_per_k", (0.1, 0.2)),
        "set_point": ("set_point", "strength", (0.1, 0.2)),
        "step": ("atomic_step", "height", (1.0, 2.0)),
        "step_share": ("atomic_step", "share", 0.3),
        "step_wave": ("atomic_step", "wave", (0.5, 0.6)),
        "herringbone": ("herringbone", "amplitude", (1.0, 2.0)),
        "herringbone_share": ("herringbone", "share", 0.31),
        "herringbone_period_per_k": ("herringbone", "period_per_k", (7.0, 8.0)),
        "lattice": ("lattice", "amplitude", (1.0, 2.0)),
        "lattice_share": ("lattice", "share", 0.32),
        "lattice_period_px": ("lattice", "period_px", (3.0, 4.0)),
        "texture": ("texture", "amplitude", (1.0, 2.0)),
        "texture_share": ("texture", "share", 0.33),
        "texture_px": ("texture", "sigma_px", (1.0, 2.0)),
        "tilt": ("tilt", "rise", (0.0, 1.0)),
        "white_noise": ("white_noise", "amplitude", (0.3, 0.4)),
        "line_noise": ("line_noise", "amplitude", (0.3, 0.4)),
        "line_noise_share": ("line_noise", "share", 0.34),
        "correlated_noise": ("correlated_noise", "amplitude", (0.3, 0.4)),
        "correlated_noise_share": ("correlated_noise", "share", 0.36),
        "correlated_exponent": ("correlated_noise", "exponent", (1.0, 2.0)),
        "spikes_share": ("spikes", "share", 0.37),
        "inverted_share": ("inverted_contrast", "share", 0.38),
        "missing_share": ("missing_pixels", "share", 0.39),
    }
    settings = TRAINING["windows"]
    # nothing of the older files is left out
    assert set(flat) == set(settings) - set(ScatteringConfig.model_fields)
    config = ScatteringConfig.of(**{name: value for name, (_, _, value) in flat.items()})
    for kind, field, value in flat.values():
        assert getattr(of_kind(config, kind), field) == value
    # what the older file did not have keeps its default
    assert of_kind(ScatteringConfig.of(step_share=0.3), "texture") == of_kind(ScatteringConfig(), "texture")


def test_an_amplitude_from_zero_on_begins_where_its_logarithm_did():
    config = ScatteringConfig.of(line_noise=(0.0, 0.8), step=(0.0, 0.0))
    assert of_kind(config, "line_noise").amplitude == (1e-3, 0.8)
    assert of_kind(config, "atomic_step").height == (1e-3, 1e-3)


@pytest.mark.parametrize(
    "bad",
    [
        {"white_noise": (0.0, 1.0)},
        {"line_noise": ("low", 1.0)},
        {"line_noise": None},
        {"step": [1, 2, 3]},
        {"step_share": 2.0},
        {"white_noise": (0.1, 0.2), "artefacts": []},
        {"white_noise": (0.1, 0.2), "pink_noise": (0.1, 0.2)},
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_in_one_line(bad):
    with pytest.raises(StmError) as caught:
        ScatteringConfig.of(**bad)
    assert "\n" not in str(caught.value)
