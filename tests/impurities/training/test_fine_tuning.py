"""Adapting a model: it learns what is told, keeps what it knew, stops, resumes, and says what it came from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.impurities.model import Calibration, Model, ModelConfig, load_model
from napari_stm_impurities.impurities.network_config import InputConfig, NetworkConfig
from napari_stm_impurities.impurities.training import AdaptConfig, TrainingConfig, adapt, adaptation_of, train
from napari_stm_impurities.impurities.training.checkpoint import Checkpoint
from napari_stm_impurities.impurities.training.fine_tune_config import Adaptation, AssumedWindowsWarning, Lineage
from napari_stm_impurities.nn.checkpoint import checkpoint_path
from napari_stm_impurities.simulation.config import ScatteringConfig

BAND = "Au(111)"
#: The left half of the surface `gold`, which is 18.75 nm wide.
HALF_NM = (-1.0, 19.0, -1.0, 9.3)


@pytest.fixture(autouse=True)
def quick_yardstick(monkeypatch):
    """What simulated surfaces tell is tested apart; here it need only be quick."""
    told = []
    monkeypatch.setattr(
        "napari_stm_impurities.impurities.training.fine_tuning.forgetting_f1",
        lambda model, progress: told.append(model) or 0.9,
    )
    return told


@pytest.fixture
def short() -> AdaptConfig:
    """Three epochs of two steps."""
    return AdaptConfig.of(
        epochs=3,
        steps_per_epoch=2,
        simulated_per_step=1,
        labelled_per_step=2,
        unlabelled_per_step=1,
        window_px=16,
        learning_rate=1e-2,
    )


@pytest.fixture
def parent() -> Model:
    """A small network with random weights."""
    torch.manual_seed(3)
    network = NetworkConfig.of(channels=(8, 8), convolutions=(2, 1), key_channels=2)
    config = ModelConfig(
        name="parent",
        network=network,
        inputs=InputConfig.of(max_maps=3),
        calibration=Calibration(slope=2.0, intercept=0.5, threshold=0.3, f1=0.9),
        training={"windows": ScatteringConfig.of(side_px=16, n_maps=(1, 2)).model_dump(mode="json")},
    )
    return Model(config)


def stop_after(epochs: int):
    reports = []
    return reports, {"on_epoch": reports.append, "should_stop": lambda: len(reports) >= epochs}


def test_every_part_reports_and_the_model_says_what_it_came_from(gold, parent, short, tmp_path):
    reports = []
    path = tmp_path / "mine.safetensors"
    before = parent.sha256()
    model = adapt(
        parent, gold.stack, gold.points, HALF_NM, dispersion=BAND, config=short, path=path, on_epoch=reports.append
    )
    assert [report.epoch for report in reports] == [1, 2, 3]
    for report in reports:
        assert min(report.loss, report.labelled_loss, report.entropy) > 0
        assert 0 <= report.f1 <= 1
    assert parent.sha256() == before
    told = adaptation_of(load_model(path))
    assert told == adaptation_of(model)
    inside = gold.points[gold.points.x_nm < 9.3]
    assert told.origin.parent == "parent"
    assert told.origin.parent_sha256 == before != model.sha256()
    assert told.origin.n_points == len(inside)
    assert told.origin.region_nm == HALF_NM
    assert told.origin.settings == short
    assert told.origin.data == "simulated Au(111), seed 1"
    assert told.epochs == 3
    assert told.held_out_f1[1] == reports[-1].f1
    assert told.simulated_f1 == (0.9, 0.9)
    assert told.worse is None
    assert load_model(path).config.name == "mine"
    # the confidence means what it meant
    assert model.config.calibration == parent.config.calibration
    assert model.config.training["windows"]["side_px"] == 16


def test_it_learns_from_the_points_and_from_nothing_in_the_strip(gold, parent, short):
    plan = short.model_copy(update={"epochs": 4, "steps_per_epoch": 8, "labelled_weight": 3.0})
    reports = []
    adapt(parent, gold.stack, gold.points, dispersion=BAND, config=plan, on_epoch=reports.append)
    assert reports[-1].labelled_loss < 0.7 * reports[0].labelled_loss
    # the whole frame is labelled, so there is no unlabelled rest
    assert all(report.entropy is None for report in reports)


def test_nothing_is_learnt_from_the_strip_that_is_held_out(gold, parent, short, weights):
    def learnt(points):
        return weights(adapt(parent, gold.stack, points, dispersion=BAND, config=short, device="cpu"))

    told = adaptation_of(adapt(parent, gold.stack, gold.points, dispersion=BAND, config=short))
    held_out_from = told.origin.held_out_nm[2]
    # a point at the strip's edge is part of the picture on this side of it
    deep = gold.points.x_nm > held_out_from + 2
    shallow = gold.points.x_nm < held_out_from - 2
    assert deep.any()
    assert shallow.sum() > 2
    assert torch.equal(learnt(gold.points), learnt(gold.points[~deep]))
    # nor from a point that was rejected
    verdicts = np.where(shallow, "rejected", "unchecked")
    assert torch.equal(learnt(gold.points.assign(checked=verdicts)), learnt(gold.points[~shallow]))
    assert not torch.equal(learnt(gold.points), learnt(gold.points[~shallow]))


def test_without_points_the_confidence_loss_sharpens_the_prediction(gold, parent, short):
    def adapted(alpha: float):
        reports = []
        plan = short.model_copy(update={"confidence_weight": alpha, "steps_per_epoch": 6})
        model = adapt(parent, gold.stack, dispersion=BAND, config=plan, on_epoch=reports.append)
        return model, reports

    with torch.no_grad():
        # a network without any opinion has none that could be sharpened
        parent.network.projection.weight *= 30
    _, weak = adapted(1e-6)
    model, strong = adapted(10.0)
    assert strong[-1].entropy < weak[-1].entropy - 0.1
    told = adaptation_of(model)
    assert (told.held_out_f1, told.origin.n_points, told.origin.region_nm) == (None, None, None)
    assert all(report.labelled_loss is None and report.f1 is None for report in strong)


def test_the_statistics_of_the_batch_normalisation_stay_the_parents(gold, parent, short):
    model = adapt(parent, gold.stack, gold.points, HALF_NM, dispersion=BAND, config=short)
    pairs = zip(parent.network.named_buffers(), model.network.named_buffers(), strict=True)
    assert all(torch.equal(a, b) for (_, a), (_, b) in pairs)


def test_stopping_and_resuming_is_as_if_never_stopped(gold, parent, short, weights, tmp_path):
    given = (parent, gold.stack, gold.points, HALF_NM)
    straight = adapt(*given, dispersion=BAND, config=short, device="cpu")
    path = tmp_path / "mine.safetensors"
    first, halfway = stop_after(2)
    stopped = adapt(*given, dispersion=BAND, config=short, path=path, device="cpu", **halfway)
    assert len(first) == 2
    assert adaptation_of(load_model(path)).epochs == 2
    assert stopped.config.training["epochs_done"] == 2
    rest = []
    resumed = adapt(*given, dispersion=BAND, path=path, resume=True, device="cpu", on_epoch=rest.append)
    assert [report.epoch for report in rest] == [3]
    assert torch.equal(weights(resumed), weights(straight))
    assert adaptation_of(resumed).epochs == 3


def test_stopped_before_the_first_epoch_there_is_a_checkpoint_and_no_model(
    gold, parent, short, weights, tmp_path, quick_yardstick
):
    path = tmp_path / "mine.safetensors"
    given = (parent, gold.stack, gold.points, HALF_NM)
    model = adapt(*given, dispersion=BAND, config=short, path=path, should_stop=lambda: True)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.checkpoint.safetensors"]
    assert model.config.training["epochs_done"] == 0
    assert quick_yardstick == []
    resumed = adapt(*given, dispersion=BAND, path=path, resume=True)
    assert torch.equal(weights(resumed), weights(adapt(*given, dispersion=BAND, config=short)))


def test_what_does_not_fit_is_told_in_one_line(gold, parent, short, tmp_path):
    path = tmp_path / "mine.safetensors"
    given = (parent, gold.stack, gold.points, HALF_NM)
    adapt(*given, dispersion=BAND, config=short, path=path, should_stop=lambda: True)
    plain = tmp_path / "plain.safetensors"
    other = gold.points.assign(y_nm=gold.points.y_nm + 0.1)
    resumed = {"dispersion": BAND, "path": path, "resume": True}
    for told, arguments, keywords in (
        ("needs points", (parent, gold.stack, None, HALF_NM), {}),
        ("ascending", (parent, gold.stack, gold.points, (5.0, 1.0, 0.0, 9.0)), {}),
        ("nothing to learn", (parent, gold.stack), {"config": AdaptConfig(confidence_weight=0.0)}),
        ("choose a larger one", (parent, gold.stack, gold.points, (0.0, 1.0, 0.0, 9.0)), {}),
        ("no such file", given, {"path": plain, "resume": True}),
        ("one of them differs", (parent, gold.stack, other, HALF_NM), resumed),
        ("one of them differs", (parent, gold.stack + 1, gold.points, HALF_NM), resumed),
        ("one of them differs", ("default", gold.stack, gold.points, HALF_NM), resumed),
        ("keeps its own settings", given, {**resumed, "config": AdaptConfig(epochs=99)}),
    ):
        with pytest.raises(StmError, match=told) as caught:
            adapt(*arguments, **{"dispersion": BAND, **keywords})
        assert "\n" not in str(caught.value)
    noise = gold.stack.isel(bias=[0]).copy(data=np.random.default_rng(0).normal(size=(1, 40, 40)))
    with pytest.raises(StmError, match="no ring"):
        adapt(parent, noise, gold.points)
    with pytest.raises(StmError, match="go on with adapt"):
        train(path=path, resume=True, device="cpu")


def test_a_training_is_not_taken_up_as_an_adaptation(gold, parent, tiny, tmp_path):
    path = tmp_path / "mine.safetensors"
    train(config=tiny, path=path, device="cpu", should_stop=lambda: True)
    with pytest.raises(StmError, match="go on with train"):
        adapt(parent, gold.stack, gold.points, path=path, resume=True)


def test_losing_more_than_two_hundredths_is_said():
    def told(simulated, held_out=None):
        origin = Lineage(parent="p", parent_sha256="0", data="d", data_sha256="1", settings=AdaptConfig())
        return Adaptation(origin=origin, epochs=1, simulated_f1=simulated, held_out_f1=held_out).worse

    assert told((0.95, 0.935)) is None
    assert told((0.90, 0.95), (0.5, 0.9)) is None
    assert "on simulated surfaces (F1 0.95 before, 0.92 now)" in told((0.95, 0.92))
    assert "in the part held out (F1 0.90 before, 0.80 now)" in told((0.95, 0.95), (0.9, 0.8))


def test_a_model_of_the_papers_network_is_adapted_too(gold, short):
    plan = TrainingConfig.preset("wang2020").model_copy(update={"epochs": 1, "steps_per_epoch": 1, "batch_size": 2})
    paper = train(config=plan, device="cpu", should_stop=lambda: False)
    model = adapt(paper, gold.stack, gold.points, HALF_NM, dispersion=BAND, config=short)
    assert model.config.training["loss"] == "cross_entropy"
    assert model.config.training["experiment_tile_px"] == 16
    assert adaptation_of(model).epochs == 3


def test_the_checkpoint_keeps_what_it_came_from(gold, parent, short, tmp_path):
    path = tmp_path / "mine.safetensors"
    adapt(parent, gold.stack, gold.points, HALF_NM, dispersion=BAND, config=short, path=path, should_stop=lambda: True)
    origin = Checkpoint.load(checkpoint_path(path)).header.origin
    assert origin.settings == short
    assert np.isclose(origin.held_out_nm[1], 18.5, atol=0.5)


@pytest.mark.parametrize(
    ("training", "says"), [({}, "states no simulated windows"), ({"windows": {"kind": "sparkles"}}, "in an older form")]
)
def test_simulated_windows_that_a_model_does_not_state_are_a_warning(parent, short, training, says):
    unstated = Model(parent.config.model_copy(update={"training": training}), parent.network)
    with pytest.warns(AssumedWindowsWarning, match=f"the model parent .*{says}; those of the default training"):
        assert short.plan(unstated, 64).windows == TrainingConfig().windows


@pytest.mark.filterwarnings("error")
def test_simulated_windows_that_a_model_states_are_taken(parent, short):
    assert short.plan(parent, 64).windows.model_dump(mode="json") == parent.config.training["windows"]
