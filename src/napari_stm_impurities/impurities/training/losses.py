"""What a training minimises: the paper's cross entropy (Eq. 2) and entropy (Eq. 4), and a detection loss."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ...simulation.windows import PatchBatch, impurity_pixels, measured_pixels

#: Offsets are learnt this far around an impurity, in pixels.
_OFFSET_REACH_PX = 1.6
#: Width of the tolerance around an impurity, within which a high score is hardly punished, in pixels.
_TOLERANCE_PX = 0.8


def cross_entropy(score: Tensor, label: Tensor, known: Tensor | None = None) -> Tensor:
    """L_0 = -sum Y_label . ln Y_net with Y_net = softmax(S) over all pixels; the mean over windows (Eq. 2).

    Where only some pixels of a window are `known` (bool, the shape of `score`), the others are as if they were not
    there: the softmax runs over the known ones, and the label is shared among the impurities on them.
    """
    if known is not None:
        label = label * known
        label = label / label.sum((1, 2), keepdim=True).clamp_min(torch.finfo(label.dtype).tiny)
        # a finite number, since 0 x infinity would be none
        score = score.masked_fill(~known, -1e4)
    return -(label.flatten(1) * score.flatten(1).log_softmax(1)).sum(1).mean()


def prediction_entropy(score: Tensor) -> Tensor:
    """L_reg = -sum Y_net . ln Y_net; the mean over windows (Eq. 4)."""
    log_y = score.flatten(1).log_softmax(1)
    return -(log_y.exp() * log_y).sum(1).mean()


def detection_loss(score: Tensor, offsets_px: Tensor, windows: PatchBatch, known: Tensor | None = None) -> Tensor:
    """A loss for counting: each pixel says for itself whether an impurity stands there, and where exactly.

    The score part is the focal loss of key-point detection: an impurity's pixel must score high, all
    others low, those beside it hardly so. The offset part is the distance left over near an impurity.
    Where only some pixels are `known` (bool, the shape of `score`), the loss looks at no others.

    References
    ----------
    Zhou, Wang, Kraehenbuehl, Objects as Points, arXiv:1904.07850 (2019), Eq. 1.
    """
    to_nearest = _way_to_nearest(windows)
    squared = (to_nearest**2).sum(1)
    scored = measured_pixels(windows) if known is None else measured_pixels(windows) & known
    positive = impurity_pixels(windows).bool() & scored
    tolerance = torch.exp(-0.5 * squared / _TOLERANCE_PX**2)
    probability = score.sigmoid()
    found = -functional.logsigmoid(score) * (1 - probability) ** 2
    wrong = -functional.logsigmoid(-score) * probability**2 * (1 - tolerance) ** 4
    n_positive = positive.sum().clamp_min(1)
    score_loss = (torch.where(positive, found, wrong) * scored).sum() / n_positive
    near = (squared < _OFFSET_REACH_PX**2) & scored
    miss = (offsets_px - to_nearest).abs().sum(1)
    offset_loss = torch.where(near, miss, 0.0).sum() / near.sum().clamp_min(1)
    return score_loss + offset_loss


def structure_loss(structure: Tensor, windows: PatchBatch) -> Tensor:
    """The binary cross entropy of the structure label, the mean over the measured pixels.

    Parameters
    ----------
    structure
        Logits, shape (batch, y, x).
    windows
        With a structure label.

    Raises
    ------
    ValueError
        If the windows have no structure label.
    """
    if windows.structure is None:
        raise ValueError("windows without a structure label; simulate them with structure")
    measured = measured_pixels(windows)
    each = functional.binary_cross_entropy_with_logits(structure, windows.structure, reduction="none")
    return (each * measured).sum() / measured.sum().clamp_min(1)


def _way_to_nearest(windows: PatchBatch) -> Tensor:
    """Shape (batch, 2, y, x); far away where a window has no impurity."""
    height, width = windows.maps.shape[2:]
    y = torch.arange(height, device=windows.maps.device, dtype=torch.float32)
    x = torch.arange(width, device=windows.maps.device, dtype=torch.float32)
    pixels = torch.stack(torch.meshgrid(y, x, indexing="ij"), -1).reshape(-1, 2)
    places = torch.where(windows.present[..., None], windows.yx_px, 1e4)
    squared = (pixels[None, :, None] - places[:, None]).square().sum(-1)
    nearest = places.gather(1, squared.argmin(-1)[..., None].expand(-1, -1, 2))
    return (nearest - pixels).permute(0, 2, 1).unflatten(2, (height, width))
