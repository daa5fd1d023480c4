"""Comparison of two frames: their size, centre and rotation."""

from __future__ import annotations

import numpy as np

from .recording import Frame

#: Frames are the same when they agree to half a pixel, and their rotation to a tenth of a degree.
_CENTER_PX = 0.5
_ANGLE_DEG = 0.1
_SIZE_SHARE = 1e-3


def frame_difference(a: Frame, b: Frame) -> str | None:
    """The difference of `b` from `a` as text; None when they are the same.

    Examples
    --------
    >>> frame_difference(Frame((8, 8), (0.5, 0.5)), Frame((8, 8), (0.5, 0.25)))
    'its size is 4 x 2 nm instead of 4 x 4 nm'
    """
    if a.shape != b.shape:
        return f"{b.shape[0]} x {b.shape[1]} pixels instead of {a.shape[0]} x {a.shape[1]}"
    if not np.allclose(a.pixel_size_nm, b.pixel_size_nm, rtol=_SIZE_SHARE, atol=0.0):
        size = [f"{f.shape[0] * f.pixel_size_nm[0]:.5g} x {f.shape[1] * f.pixel_size_nm[1]:.5g} nm" for f in (b, a)]
        return f"its size is {size[0]} instead of {size[1]}"
    if a.center_nm is not None and b.center_nm is not None:
        off = float(np.hypot(a.center_nm[0] - b.center_nm[0], a.center_nm[1] - b.center_nm[1]))
        if off > _CENTER_PX * max(a.pixel_size_nm):
            return f"its centre lies {off:.3g} nm away"
    if a.angle_deg is not None and b.angle_deg is not None:
        rotation_deg = (a.angle_deg - b.angle_deg + 180) % 360 - 180
        if abs(rotation_deg) > _ANGLE_DEG:
            return f"it is rotated by {b.angle_deg:g} degrees instead of {a.angle_deg:g}"
    return None
