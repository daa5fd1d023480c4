"""Training on several processes, on one machine or many, as torchrun starts them.

Each process has its own device and draws its own windows. Torch averages the gradients over all processes, so that
every one takes the same steps with the same weights.

References
----------
Li et al., Proc. VLDB Endow. 13, 3005 (2020): DistributedDataParallel.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar, cast

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ..core.errors import ModelError
from ..core.progress import ShouldStop

#: What carries the tensors between processes, by the kind of their devices.
_BACKENDS = {"cpu": "gloo", "cuda": "nccl"}

Loss = TypeVar("Loss")


def started_by_torchrun() -> bool:
    """Whether torchrun started this program."""
    return dist.is_available() and dist.is_torchelastic_launched()


def own_gpu() -> int | None:
    """The number of the GPU that torchrun leaves to this process; None where torchrun did not start it."""
    return int(os.environ["LOCAL_RANK"]) if started_by_torchrun() else None


def n_processes() -> int:
    """The number of processes that train together."""
    return dist.get_world_size() if _in_group() else 1


def rank() -> int:
    """The number of this process, from 0; 0 where it trains alone."""
    return dist.get_rank() if _in_group() else 0


def is_first() -> bool:
    """Whether this process is the one that writes files and reports."""
    return rank() == 0


def _in_group() -> bool:
    return dist.is_available() and dist.is_initialized()


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Connect the processes that torchrun started; nothing is done without torchrun, or inside another such block.

    Raises
    ------
    ModelError
        If processes cannot train together on such a device.
    """
    if not started_by_torchrun() or _in_group():
        yield
        return
    if device.type not in _BACKENDS:
        raise ModelError(f"several processes train on {' or '.join(_BACKENDS)}, got {device.type}; give another device")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group(_BACKENDS[device.type])
    with warnings.catch_warnings():
        # a hint on speed, and a false one: the strides of a 1 x 1 convolution's gradient are ambiguous
        warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
        yield
    # not after an error: the other processes still wait for this one then, and torchrun ends them
    dist.destroy_process_group()


class _StepInForward(nn.Module):
    """A step as the forward pass of a module, since the gradients of what a forward pass returns are averaged.

    A step may apply the network more than once and leave some of its outputs out of the loss.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, step: Callable[[], Loss]) -> Loss:
        return step()


def with_averaged_gradients(network: nn.Module) -> Callable[[Callable[[], Loss]], Loss]:
    """A function that calls a step, whose loss then has gradients averaged over all processes.

    Parameters
    ----------
    network
        What the step applies; its weights, and the statistics of its batch normalisation before each step, become those
        of the first process.
    """
    if not _in_group():
        return lambda step: step()
    # a static graph is one where each step uses the same weights; some may then be used by none
    parallel = DistributedDataParallel(_StepInForward(network), static_graph=True)
    return cast(Callable[[Callable[[], Loss]], Loss], parallel)


def mean_over_processes(values: Mapping[str, float], device: torch.device) -> dict[str, float]:
    """The means of named numbers over all processes, each of which has the same names."""
    if not _in_group():
        return dict(values)
    # Apple GPUs have no float64, but neither do they form groups
    total = torch.tensor(list(values.values()), dtype=torch.float64, device=device)
    dist.all_reduce(total)
    return dict(zip(values, (total / n_processes()).tolist(), strict=True))


def stop_of_any_process(should_stop: ShouldStop, device: torch.device) -> ShouldStop:
    """A `should_stop` that answers True in every process once one of them is to stop; all must call it together."""
    if not _in_group():
        return should_stop

    def any_should_stop() -> bool:
        answer = torch.tensor(int(should_stop()), device=device)
        dist.all_reduce(answer, dist.ReduceOp.MAX)
        return bool(answer)

    return any_should_stop
