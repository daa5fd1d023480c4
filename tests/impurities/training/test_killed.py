"""A training that is killed outright (SIGKILL): at most one epoch is lost, and no file is half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import napari_stm_impurities
from napari_stm_impurities.impurities.training import TrainingConfig, train
from napari_stm_impurities.impurities.training.checkpoint import Checkpoint
from napari_stm_impurities.nn.checkpoint import checkpoint_path

SCRIPT = """
import sys
from napari_stm_impurities.impurities.training import TrainingConfig, train
plan = TrainingConfig.model_validate_json(sys.argv[1])
train(config=plan, path=sys.argv[2], device="cpu", on_epoch=lambda report: print(report.epoch, flush=True))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_at_most_one_epoch_is_lost(tiny, weights, tmp_path):
    plan = tiny.model_copy(update={"epochs": 500, "steps_per_epoch": 1, "batch_size": 2})
    path = tmp_path / "model.safetensors"
    package = str(Path(napari_stm_impurities.__file__).parents[1])
    inherited = os.environ.get("PYTHONPATH")
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([package, *([inherited] if inherited else [])]),
    }
    command = [sys.executable, "-c", SCRIPT, plan.model_dump_json(), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        for line in process.stdout:
            if int(line) == 5:
                break
        os.kill(process.pid, signal.SIGKILL)
        told = [int(line) for line in process.stdout]
    assert process.returncode == -signal.SIGKILL
    last_told = max(told, default=5)
    # no model yet, and the checkpoint is whole
    assert not path.exists()
    checkpoint = Checkpoint.load(checkpoint_path(path))
    assert checkpoint.header.training == plan
    done = len(checkpoint.header.reports)
    assert done in (last_told, last_told + 1)

    # it goes on from there as if it had never been killed
    reports = []
    resumed = train(
        path=path, resume=True, device="cpu", on_epoch=reports.append, should_stop=lambda: len(reports) >= 2
    )
    assert [report.epoch for report in reports] == [done + 1, done + 2]
    straight_reports = []
    straight = train(
        config=TrainingConfig.model_validate(plan.model_dump()),
        device="cpu",
        on_epoch=straight_reports.append,
        should_stop=lambda: len(straight_reports) >= done + 2,
    )
    assert torch.equal(weights(resumed), weights(straight))
    assert path.exists()
