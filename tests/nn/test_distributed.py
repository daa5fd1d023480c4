"""Two real processes, started by torchrun on the CPU, train as one process does on their windows together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from napari_stm_impurities.core.errors import ModelError
from napari_stm_impurities.core.progress import never, silent
from napari_stm_impurities.impurities.model import load_model
from napari_stm_impurities.impurities.network_config import InputConfig, NetworkConfig
from napari_stm_impurities.impurities.training import TrainingConfig, from_scratch, train
from napari_stm_impurities.impurities.training.checkpoint import Checkpoint
from napari_stm_impurities.nn import distributed
from napari_stm_impurities.nn.checkpoint import checkpoint_path
from napari_stm_impurities.nn.trainer import StepLoss, Trainer
from napari_stm_impurities.simulation.config import FriedelConfig

N_PROCESSES = 2
#: A training of 12 epochs, stopped after this many.
STOPPED_AFTER = 8
#: Eight points on a curve, half of them for each process.
X = torch.linspace(-1, 1, 8)[:, None]
Y = (3 * X).sin()


def plan() -> TrainingConfig:
    """The paper's losses on 12 x 12 windows of two maps."""
    return TrainingConfig.of(
        windows=FriedelConfig.of(n_maps=2, side_px=12, impurities=(1, 3), noise_std=0.1),
        network=NetworkConfig.of(channels=(6, 8), convolutions=(1, 1), key_channels=2),
        inputs=InputConfig.of(scaling="unit_range", tile_px=0, k_rad_per_px=(0.5, 1.0)),
        loss="cross_entropy",
        epochs=12,
        steps_per_epoch=15,
        batch_size=8,
        learning_rate=1e-2,
        precision="float32",
    )


class TwoHeads(torch.nn.Module):
    """A network of which the loss leaves one output out."""

    def __init__(self) -> None:
        super().__init__()
        self.body = torch.nn.Linear(1, 6)
        self.used = torch.nn.Linear(6, 1)
        self.left_out = torch.nn.Linear(6, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = self.body(x).tanh()
        return self.used(hidden), self.left_out(hidden)


def fitted_curve(of_process: slice) -> dict[str, list[float]]:
    """The loss and the weights of a network that is applied twice in each step, on some of the points."""
    torch.manual_seed(distributed.rank())  # the first weights are those of the first process
    schedule = SimpleNamespace(epochs=2, steps_per_epoch=5, learning_rate=0.05, weight_decay=0.0, average_over_steps=0)
    trainer = Trainer(TwoHeads(), schedule, torch.device("cpu"))
    x, y = X[of_process], Y[of_process]

    def step() -> StepLoss:
        loss = (trainer.network(x)[0] - y).square().mean() + trainer.network(2 * x)[0].square().mean()
        return StepLoss(loss, {"loss": loss})

    losses = [trainer.epoch(epoch, step, silent, never)["loss"] for epoch in range(2)]
    weights = torch.cat([value.flatten() for value in trainer.network.state_dict().values()])
    return {"loss": losses, "weights": weights.tolist()}


def in_a_process(folder: Path) -> None:
    """What each of the processes does; it writes what it has seen."""
    from_scratch._CALIBRATION_WINDOWS_STOPPED = 8
    with distributed.process_group(torch.device("cpu")):
        rank = distributed.rank()
        curve = fitted_curve(slice(rank, None, N_PROCESSES))
        epochs: list[int] = []
        reports: list[float] = []
        # only the last process is asked to stop, and it is the first one that knows how far the training is
        train(
            config=plan(),
            path=folder / "model.safetensors",
            device="cpu",
            on_epoch=lambda report: reports.append(report.loss),
            progress=lambda _, what: epochs.append(int(what.split()[1])) if what.startswith("epoch") else None,
            should_stop=lambda: rank == N_PROCESSES - 1 and len(epochs) >= STOPPED_AFTER * plan().steps_per_epoch,
        )
    seen = {"curve": curve, "losses": reports, "steps": len(epochs)}
    (folder / f"seen-{rank}.json").write_text(json.dumps(seen), encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where two processes have trained."""
    folder = tmp_path_factory.mktemp("processes")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={N_PROCESSES}"]
    done = subprocess.run(
        [*command, __file__, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    return folder


@pytest.fixture
def seen(folder: Path) -> list[dict[str, Any]]:
    """What each process has seen."""
    return [json.loads((folder / f"seen-{rank}.json").read_text(encoding="utf-8")) for rank in range(N_PROCESSES)]


def test_the_steps_are_those_of_one_process_with_all_the_data(seen):
    alone = fitted_curve(slice(None))
    for process in seen:
        assert process["curve"]["loss"] == pytest.approx(alone["loss"], rel=1e-5)
        assert process["curve"]["weights"] == pytest.approx(alone["weights"], abs=1e-5)


def test_the_loss_falls_as_with_a_batch_twice_as_large(seen, monkeypatch):
    monkeypatch.setattr(from_scratch, "_CALIBRATION_WINDOWS_STOPPED", 8)
    twice = plan().model_copy(update={"batch_size": N_PROCESSES * plan().batch_size})
    alone: list[float] = []
    train(
        config=twice,
        device="cpu",
        on_epoch=lambda report: alone.append(report.loss),
        should_stop=lambda: len(alone) >= STOPPED_AFTER,
    )
    together = seen[0]["losses"]
    assert len(together) == len(alone) == STOPPED_AFTER
    # to guess evenly costs ln 144 = 4.97
    assert together[-1] < 4.6
    np.testing.assert_allclose(together, alone, atol=0.15)


def test_a_stop_of_one_process_stops_all_at_the_same_step(seen):
    assert [process["steps"] for process in seen] == [STOPPED_AFTER * plan().steps_per_epoch] * N_PROCESSES


def test_only_the_first_process_reports_and_writes(folder, seen):
    assert seen[1]["losses"] == []
    files = {path.name for path in folder.iterdir()} - {"seen-0.json", "seen-1.json"}
    assert files == {"model.safetensors", "model.checkpoint.safetensors"}
    assert load_model(folder / "model.safetensors").config.training["processes"] == N_PROCESSES


def test_one_process_goes_on_where_two_have_stopped(folder, seen, monkeypatch):
    monkeypatch.setattr(from_scratch, "_CALIBRATION_WINDOWS", 8)
    path = folder / "model.safetensors"
    assert len(Checkpoint.load(checkpoint_path(path)).header.reports) == STOPPED_AFTER
    losses: list[float] = []
    model = train(path=path, resume=True, device="cpu", on_epoch=lambda report: losses.append(report.loss))
    assert len(losses) == plan().epochs - STOPPED_AFTER
    # it does not begin anew
    assert max(losses) < min(seen[0]["losses"][:4])
    assert "processes" not in model.config.training


def test_without_torchrun_nothing_is_connected():
    with distributed.process_group(torch.device("cpu")):
        assert (distributed.rank(), distributed.n_processes(), distributed.own_gpu()) == (0, 1, None)


def test_a_device_without_a_way_between_processes_is_refused(monkeypatch):
    monkeypatch.setattr(distributed, "started_by_torchrun", lambda: True)
    with pytest.raises(ModelError, match="cpu or cuda, got mps"), distributed.process_group(torch.device("mps")):
        pass


if __name__ == "__main__":
    in_a_process(Path(sys.argv[1]))
