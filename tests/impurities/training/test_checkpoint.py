"""A checkpoint gives back what was put in, and refuses what is none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from napari_stm_impurities.core.errors import ModelError
from napari_stm_impurities.impurities.model import HEADER_KEY, Model, ModelConfig, read_tensors
from napari_stm_impurities.impurities.training.checkpoint import (
    Checkpoint,
    EpochReport,
    optimizer_tensors,
    restore_network,
    restore_optimizer,
)
from napari_stm_impurities.impurities.training.trainer import Training
from napari_stm_impurities.simulation.config import ScatteringConfig

REPORTS = (
    EpochReport(epoch=1, loss=3.25, seconds=1.5),
    EpochReport(epoch=2, loss=2.125, entropy=5.5, ratio=0.25, seconds=3.0),
)


@pytest.fixture
def checkpoint(tiny) -> Checkpoint:
    model = Model(ModelConfig(network=tiny.network))
    optimizer = torch.optim.AdamW(model.network.parameters())
    model.network(torch.randn(1, 2, 2, 12, 12)).score.sum().backward()
    optimizer.step()
    weights = model.network.state_dict()
    average = {name: value + 1 for name, value in weights.items()}
    return Checkpoint(tiny, REPORTS, weights, average, optimizer_tensors(optimizer))


def test_everything_comes_back(checkpoint, tmp_path):
    checkpoint.save(tmp_path / "a.safetensors")
    loaded = Checkpoint.load(tmp_path / "a.safetensors")
    assert loaded.training == checkpoint.training
    assert loaded.reports == REPORTS
    for part in ("network", "average", "optimizer"):
        before, after = getattr(checkpoint, part), getattr(loaded, part)
        assert before.keys() == after.keys()
        assert len(after) > 5
        assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_checkpoint_from_before_the_list_of_artefacts_has_its_windows(checkpoint, tiny, tmp_path):
    path = tmp_path / "a.safetensors"
    windows = ScatteringConfig(side_px=32)
    replace(checkpoint, training=tiny.model_copy(update={"windows": windows})).save(path)
    text, tensors = read_tensors(path, "a training checkpoint")
    header = json.loads(text)
    del header["training"]["windows"]["artefacts"]
    header["training"]["windows"] |= {"white_noise": [0.1, 0.2], "step_share": 0.5}
    save_file(tensors, path, metadata={HEADER_KEY: json.dumps(header)})
    loaded = Checkpoint.load(path).training.windows
    assert loaded == ScatteringConfig(side_px=32, white_noise=(0.1, 0.2), step_share=0.5)
    assert loaded != windows


def test_an_optimizer_goes_on_as_if_it_had_not_stopped(tiny):
    def network() -> torch.nn.Module:
        torch.manual_seed(0)
        return torch.nn.Linear(3, 2)

    def step(model: torch.nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> None:
        optimizer.zero_grad()
        model(torch.randn(4, 3, generator=torch.Generator().manual_seed(seed))).square().sum().backward()
        optimizer.step()

    straight = network()
    optimizer = torch.optim.AdamW(straight.parameters(), lr=0.1)
    for seed in range(2):
        step(straight, optimizer, seed)
    halfway, state = {k: v.clone() for k, v in straight.state_dict().items()}, optimizer_tensors(optimizer)
    state = {name: value.clone() for name, value in state.items()}
    step(straight, optimizer, 2)

    resumed = network()
    resumed.load_state_dict(halfway)
    again = torch.optim.AdamW(resumed.parameters(), lr=0.1)
    restore_optimizer(again, state)
    step(resumed, again, 2)
    assert torch.equal(resumed.weight, straight.weight)


def test_it_lies_beside_the_model():
    assert Checkpoint.path_beside(Path("a/gold.safetensors")) == Path("a/gold.checkpoint.safetensors")


@pytest.mark.parametrize("content", [b"", b"text", None, "cut", "model"])
def test_what_is_no_checkpoint_is_refused_in_one_line(content, checkpoint, tiny, tmp_path):
    path = tmp_path / "a.safetensors"
    if content == "cut":
        checkpoint.save(path)
        path.write_bytes(path.read_bytes()[:-100])
    elif content == "model":
        Model(ModelConfig(network=tiny.network)).save(path)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match="checkpoint") as caught:
        Checkpoint.load(path)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_of_an_older_version_is_refused_in_one_line(checkpoint, tiny, tmp_path):
    # its mean was one of the weights alone, without the count of its steps
    training = Training(tiny, torch.device("cpu"))
    weights = training.network.state_dict()
    older = replace(checkpoint, network=weights, average=weights, optimizer={})
    with pytest.raises(ModelError, match="older version") as caught:
        training.restore(older, tmp_path / "a.safetensors")
    assert "\n" not in str(caught.value)


def test_weights_of_another_network_are_refused(checkpoint, tmp_path):
    other = Model(ModelConfig()).network
    with pytest.raises(ModelError, match="do not fit"):
        restore_network(other, checkpoint.network, tmp_path / "a.safetensors")
