"""A checkpoint gives back what was put in, and refuses what is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from napari_stm_impurities.core.errors import ModelError
from napari_stm_impurities.impurities.model import Model, ModelConfig
from napari_stm_impurities.impurities.training.checkpoint import Checkpoint, EpochReport, Header
from napari_stm_impurities.impurities.training.task import ImpurityTask
from napari_stm_impurities.nn.checkpoint import (
    checkpoint_path,
    optimizer_tensors,
    restore_network,
    restore_optimizer,
    save_checkpoint,
)
from napari_stm_impurities.nn.model_file import HEADER_KEY, read_tensors
from napari_stm_impurities.simulation.config import ScatteringConfig

REPORTS = (
    EpochReport(epoch=1, loss=3.25, seconds=1.5),
    EpochReport(epoch=2, loss=2.125, entropy=5.5, ratio=0.25, seconds=3.0),
)


@pytest.fixture
def checkpoint(tiny, tmp_path) -> Checkpoint:
    model = Model(ModelConfig(network=tiny.network))
    optimizer = torch.optim.AdamW(model.network.parameters())
    model.network(torch.randn(1, 2, 2, 12, 12)).score.sum().backward()
    optimizer.step()
    weights = model.network.state_dict()
    average = {name: value + 1 for name, value in weights.items()}
    groups = {"network": weights, "average": average, "optimizer": optimizer_tensors(optimizer)}
    return Checkpoint(Header(training=tiny, reports=REPORTS), groups, tmp_path / "a.safetensors")


def save(checkpoint: Checkpoint, header: Header | None = None) -> Path:
    save_checkpoint(checkpoint.path, (header or checkpoint.header).model_dump_json(), checkpoint.tensors)
    return checkpoint.path


def test_everything_comes_back(checkpoint):
    loaded = Checkpoint.load(save(checkpoint))
    assert loaded.header == checkpoint.header
    assert loaded.header.reports == REPORTS
    for part in ("network", "average", "optimizer"):
        before, after = checkpoint.tensors[part], loaded.tensors[part]
        assert before.keys() == after.keys()
        assert len(after) > 5
        assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_checkpoint_from_before_the_list_of_artefacts_has_its_windows(checkpoint, tiny):
    windows = ScatteringConfig(side_px=32)
    path = save(checkpoint, Header(training=tiny.model_copy(update={"windows": windows}), reports=REPORTS))
    text, tensors = read_tensors(path, "a training checkpoint")
    header = json.loads(text)
    for later in ("artefacts", "structures", "strength_share", "near_share", "few_maps_share"):
        del header["training"]["windows"][later]
    header["training"]["windows"] |= {"white_noise": [0.1, 0.2], "step_share": 0.5}
    save_file(tensors, path, metadata={HEADER_KEY: json.dumps(header)})
    loaded = Checkpoint.load(path).header.training.windows
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
    assert checkpoint_path(Path("a/gold.safetensors")) == Path("a/gold.checkpoint.safetensors")


@pytest.mark.parametrize("content", [b"", b"text", None, "cut", "model"])
def test_what_is_no_checkpoint_is_refused_in_one_line(content, checkpoint, tiny, tmp_path):
    path = tmp_path / "a.safetensors"
    if content == "cut":
        save(checkpoint)
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
    task = ImpurityTask(tiny, torch.device("cpu"))
    weights = task.trainer.network.state_dict()
    groups = {"network": weights, "average": weights, "optimizer": {}}
    with pytest.raises(ModelError, match="older version") as caught:
        task.restore(Checkpoint(checkpoint.header, groups, tmp_path / "a.safetensors"))
    assert "\n" not in str(caught.value)


def test_weights_of_another_network_are_refused(checkpoint, tmp_path):
    other = Model(ModelConfig()).network
    with pytest.raises(ModelError, match="do not fit"):
        restore_network(other, checkpoint.tensors["network"], tmp_path / "a.safetensors")
