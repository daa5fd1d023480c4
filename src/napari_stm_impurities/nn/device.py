"""The device that a network runs on."""

from __future__ import annotations

import torch

from ..core.arguments import value_text
from ..core.errors import ModelError
from .distributed import own_gpu


def choose_device(name: str | torch.device | None = None) -> torch.device:
    """The device of that name, or the fastest one of this machine: a CUDA or Apple GPU, else the CPU.

    Of several GPUs, ``cuda`` is the one that torchrun leaves to this process.

    Raises
    ------
    ModelError
        If this machine lacks the named device.
    """
    if not isinstance(name, str | torch.device | None):
        raise ModelError(f"a device is named by a word, cpu or cuda, got {value_text(name)}")
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    gpu = own_gpu()
    if gpu is not None and str(name) == "cuda":
        name = f"cuda:{gpu}"
    try:
        # computes and copies back one number: the device "meta" computes nothing
        return torch.zeros(1, device=name).cpu().to(name).device
    except (RuntimeError, AssertionError, NotImplementedError):
        raise ModelError(f"no device {value_text(name)} on this machine; try cpu") from None
