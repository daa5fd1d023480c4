"""The share of a disc inside a rectangle, against counting."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.data.geometry import disc_share


@pytest.mark.parametrize("radius", [0.3, 1.5, 4.0, 20.0])
def test_the_share_is_what_random_points_hit(radius):
    box = (1.0, 4.0, -2.0, 3.0)
    centres = np.array([[2.5, 0.5], [1.0, -2.0], [4.0, 0.0], [1.2, 2.9], [0.8, -2.1], [9.0, 9.0]])
    rng = np.random.default_rng(0)
    y, x = rng.uniform(1, 4, 200_000), rng.uniform(-2, 3, 200_000)
    counted = [(np.hypot(y - a, x - b) < radius).mean() for a, b in centres]
    np.testing.assert_allclose(disc_share(centres, radius, box), counted, atol=4e-3)
