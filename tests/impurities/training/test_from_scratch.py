"""The training loop: it learns, reports, stops, resumes exactly, and listens to the experiment only as asked."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from napari_stm_impurities.core.errors import ModelError, StmError
from napari_stm_impurities.impurities.model import load_model
from napari_stm_impurities.impurities.training import TrainingConfig, train
from napari_stm_impurities.impurities.training.checkpoint import Checkpoint
from napari_stm_impurities.nn.checkpoint import checkpoint_path


def stop_after(epochs: int):
    """An on_epoch and a should_stop that end a training once so many epochs are done."""
    reports = []
    return reports, {"on_epoch": reports.append, "should_stop": lambda: len(reports) >= epochs}


def test_the_loss_falls_on_a_small_problem(tiny):
    plan = tiny.model_copy(update={"epochs": 8, "steps_per_epoch": 15, "batch_size": 16, "learning_rate": 1e-2})
    reports = []
    train(config=plan, device="cpu", on_epoch=reports.append)
    losses = [report.loss for report in reports]
    assert [report.epoch for report in reports] == list(range(1, 9))
    # to guess evenly costs ln 144 = 4.97
    assert losses[-1] < losses[0] - 0.7
    assert losses[-1] < 4.2
    assert all(later.seconds >= earlier.seconds for earlier, later in pairwise(reports))


def test_the_detection_loss_falls_too(tiny):
    plan = tiny.model_copy(
        update={"loss": "detection", "epochs": 6, "steps_per_epoch": 15, "batch_size": 16, "learning_rate": 1e-2}
    )
    reports = []
    model = train(config=plan, device="cpu", on_epoch=reports.append)
    assert reports[-1].loss < 0.7 * reports[0].loss
    assert model.config.calibration.f1 > 0.3


def test_each_epoch_reports_what_it_was_given_to_look_at(tiny, gold):
    short = tiny.model_copy(update={"epochs": 2, "steps_per_epoch": 2})
    for experiment, reference, entropy, ratio in (
        (None, None, False, False),
        (gold.stack, None, True, False),
        (gold.stack, gold.points, True, True),
    ):
        reports = []
        train(config=short, experiment=experiment, reference=reference, device="cpu", on_epoch=reports.append)
        assert len(reports) == 2
        for report in reports:
            assert report.loss > 0
            assert (report.entropy is not None) is entropy
            assert (report.ratio is not None) is ratio
            if entropy:
                # in nats over the 144 pixels of a tile
                assert 0 < report.entropy <= 4.98
            if ratio:
                assert 0 <= report.ratio <= 1


def test_the_same_seed_gives_the_same_model_and_leaves_the_global_generator_alone(tiny, weights):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = train(config=tiny, device="cpu")
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    second = train(config=tiny, device="cpu")
    other = train(config=tiny.model_copy(update={"seed": 1}), device="cpu")
    assert torch.equal(weights(first), weights(second))
    assert not torch.equal(weights(first), weights(other))


def test_the_confidence_loss_enters_the_gradient(tiny, experiment, weights):
    def trained(alpha: float):
        reports = []
        plan = tiny.model_copy(update={"confidence_weight": alpha, "learning_rate": 1e-2, "steps_per_epoch": 10})
        return weights(train(config=plan, experiment=experiment, device="cpu", on_epoch=reports.append)), reports

    without, without_reports = trained(0.0)
    paper, _ = trained(0.03)
    strong, strong_reports = trained(3.0)
    assert not torch.equal(without, paper)
    assert not torch.equal(paper, strong)
    # what is asked for is a sharper prediction on the experiment
    assert strong_reports[-1].entropy < without_reports[-1].entropy - 0.5


def test_without_the_confidence_loss_the_experiment_leaves_no_trace(tiny, experiment, weights):
    assert tiny.confidence_weight == 0
    alone = train(config=tiny, device="cpu")
    temporary = train(config=tiny, experiment=experiment, device="cpu")
    assert torch.equal(weights(alone), weights(temporary))


def test_the_reference_is_never_learnt_from(tiny, gold, weights):
    plan = tiny.model_copy(update={"confidence_weight": 0.03})
    blind = train(config=plan, experiment=gold.stack, device="cpu")
    told = train(config=plan, experiment=gold.stack, reference=gold.points, device="cpu")
    assert torch.equal(weights(blind), weights(told))


def test_stopping_and_resuming_is_as_if_never_stopped(tiny, experiment, weights, tmp_path):
    plan = tiny.model_copy(update={"confidence_weight": 0.03})
    straight_reports = []
    straight = train(config=plan, experiment=experiment, device="cpu", on_epoch=straight_reports.append)
    path = tmp_path / "model.safetensors"
    first, halfway = stop_after(2)
    train(config=plan, experiment=experiment, device="cpu", path=path, **halfway)
    assert len(first) == 2
    rest = []
    resumed = train(experiment=experiment, device="cpu", path=path, resume=True, on_epoch=rest.append)
    assert [report.epoch for report in rest] == [3]
    assert torch.equal(weights(resumed), weights(straight))
    assert (rest[0].loss, rest[0].entropy) == (straight_reports[2].loss, straight_reports[2].entropy)
    assert resumed.config.calibration == straight.config.calibration
    assert resumed.config.training["epochs_done"] == 3
    # the clock runs on over both sittings
    assert rest[0].seconds >= first[1].seconds


def test_a_stopped_training_leaves_a_usable_model_and_a_checkpoint(tiny, tmp_path, weights):
    path = tmp_path / "model.safetensors"
    _, halfway = stop_after(1)
    model = train(config=tiny.model_copy(update={"loss": "detection"}), device="cpu", path=path, **halfway)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.checkpoint.safetensors", "model.safetensors"]
    saved = load_model(path)
    assert torch.equal(weights(saved), weights(model))
    assert saved.config.training["epochs_done"] == 1
    assert saved.config.calibration == model.config.calibration
    with torch.inference_mode():
        assert saved.network(torch.randn(1, 2, 2, 12, 12)).score.isfinite().all()
    assert len(Checkpoint.load(tmp_path / "model.checkpoint.safetensors").header.reports) == 1


def test_a_training_stopped_in_its_first_epoch_can_be_resumed(tiny, weights, tmp_path):
    path = tmp_path / "model.safetensors"
    asked = []
    train(config=tiny, device="cpu", path=path, should_stop=lambda: asked.append(1) or len(asked) > 2)
    # a model that has learnt nothing is not written
    assert [file.name for file in tmp_path.iterdir()] == ["model.checkpoint.safetensors"]
    resumed = train(device="cpu", path=path, resume=True)
    assert torch.equal(weights(resumed), weights(train(config=tiny, device="cpu")))


def test_a_new_training_does_not_leave_an_older_one_s_checkpoint_to_resume(tiny, tmp_path):
    path = tmp_path / "model.safetensors"
    train(config=tiny.model_copy(update={"seed": 7}), device="cpu", path=path)
    train(config=tiny, device="cpu", path=path, should_stop=lambda: True)
    assert Checkpoint.load(checkpoint_path(path)).header.training == tiny


def test_a_finished_training_is_resumed_to_the_same_model(tiny, weights, tmp_path):
    path = tmp_path / "model.safetensors"
    finished = train(config=tiny, device="cpu", path=path)
    reports = []
    again = train(device="cpu", path=path, resume=True, on_epoch=reports.append)
    assert reports == []
    assert torch.equal(weights(again), weights(finished))


def test_progress_is_told_and_runs_forward(tiny):
    told = []
    train(config=tiny, device="cpu", progress=lambda share, what: told.append((share, what)))
    epochs = [share for share, what in told if what.startswith("epoch")]
    assert epochs == sorted(epochs)
    assert len(epochs) == tiny.epochs * tiny.steps_per_epoch
    assert any("calibrating" in what for _, what in told)


def test_the_model_carries_its_whole_training(tiny):
    model = train(config=tiny, device="cpu")
    facts = dict(model.config.training)
    for name in ("epochs_done", "seconds", "device"):
        facts.pop(name)
    assert TrainingConfig.model_validate(facts) == tiny
    assert (model.config.network, model.config.inputs) == (tiny.network, tiny.inputs)


def test_a_preset_is_trained_by_its_name():
    model = train("wang2020", device="cpu", should_stop=lambda: True)
    assert model.config.network == TrainingConfig.preset("wang2020").network
    assert model.config.training["confidence_weight"] == 0.03


def test_bfloat16_learns_and_gives_float32_weights(tiny):
    plan = tiny.model_copy(update={"precision": "bfloat16", "epochs": 1, "steps_per_epoch": 2})
    model = train(config=plan, device="cpu")
    assert all(value.dtype == torch.float32 for value in model.network.parameters())


def test_what_cannot_be_started_is_told_in_one_line(tiny, experiment, tmp_path):
    started = []
    for error, told, values in (
        (StmError, "preset", {"preset": "nobody"}),
        (StmError, "path", {"resume": True}),
        (ModelError, "no such file", {"resume": True, "path": tmp_path / "nothing.safetensors"}),
        (ModelError, "abacus", {"config": tiny, "device": "abacus"}),
        (StmError, "does not exist", {"config": tiny, "path": tmp_path / "nowhere" / "model.safetensors"}),
        (StmError, "experiment_tile_px", {"config": tiny, "experiment": experiment.isel(y=slice(0, 11))}),
    ):
        with pytest.raises(error, match=told) as caught:
            train(**{"device": "cpu", "on_epoch": started.append, **values})
        assert "\n" not in str(caught.value)
    # and before any work was done
    assert started == []
    assert list(tmp_path.iterdir()) == []


def test_training_begins_with_a_models_weights(tiny, tmp_path):
    first = train(config=tiny, device="cpu", path=tmp_path / "first.safetensors")
    still = tiny.model_copy(update={"learning_rate": 1e-30, "weight_decay": 0.0, "epochs": 1, "seed": 9})
    second = train(config=still, start=first, device="cpu")
    for name, value in first.network.named_parameters():
        torch.testing.assert_close(second.network.get_parameter(name), value)
    assert second.config.training["started_from"] == "first"


def test_resuming_with_other_settings_or_without_the_experiment_is_refused(tiny, experiment, tmp_path):
    path = tmp_path / "mine.safetensors"
    train(config=tiny, experiment=experiment, device="cpu", path=path)
    with pytest.raises(StmError, match="keeps its own configuration"):
        train(config=tiny.model_copy(update={"epochs": 9}), experiment=experiment, device="cpu", path=path, resume=True)
    with pytest.raises(StmError, match="give the same stack again"):
        train(device="cpu", path=path, resume=True)


def test_a_loss_that_is_no_number_ends_the_training_in_one_line(tiny):
    with pytest.raises(StmError, match="lower the learning rate"):
        train(config=tiny.model_copy(update={"learning_rate": 1e30, "epochs": 20}), device="cpu")
