"""Make PyPI's torchvision importable beside a torch without CUDA.

Its wheel for Linux is built against CUDA. Beside a CPU build of torch its compiled operators cannot be loaded, and
the import then fails, since it describes two of them that do not exist. Declaring the two is enough:
Spotiflow and AtomAI never call them.
"""

from __future__ import annotations

import torch

_OPERATORS = ("nms", "qnms")
_library: list[torch.library.Library] = []


def allow_torchvision() -> None:
    """Declare torchvision's operators where its compiled part will not; to be called before its import."""
    if _library or torch.version.cuda is not None:
        return
    library = torch.library.Library("torchvision", "DEF")
    for name in _OPERATORS:
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    # the declaration lives as long as this object does
    _library.append(library)
