"""The benchmarks beside other methods: what they find on plain spots, and the table on one tiny surface."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.physics.dispersion import Dispersion

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

import kinds
import rivals
import scoring
from methods.blobs import FINDERS, BlobChoice, Blobs
from methods.view import MAPS, Seen, Spots
from tune_rivals import classical

PIXEL_NM = 0.47
SPOTS_PX = np.array([[12.0, 15.0], [20.0, 44.0], [33.0, 30.0], [50.0, 12.0], [47.0, 50.0]])


def spots_seen(sign: float) -> Seen:
    """Five spots, brighter (or, with a negative sign, darker) at each higher bias, on a little noise."""
    y, x = np.mgrid[:64, :64]
    spots = sum(np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * 1.5**2)) for row, column in SPOTS_PX)
    bias_mv = np.linspace(-200, 20, 6)
    maps = np.stack([sign * (1 + n) * spots for n in range(len(bias_mv))])
    maps += np.random.default_rng(0).normal(0, 0.05, maps.shape)
    return Seen(make_stack(maps, bias_mv=bias_mv, pixel_size_nm=PIXEL_NM), Dispersion.of_material("Au(111)"))


@pytest.mark.parametrize("finder", FINDERS)
@pytest.mark.parametrize(("kind", "sign"), [("mean", 1.0), ("inverted mean", -1.0)])
def test_blob_finders_find_plain_spots(finder: str, kind: str, sign: float) -> None:
    found = Blobs(finder, kind, BlobChoice(1.2, 1.2)).search(spots_seen(sign)).above(1.5)

    assert found.shape == SPOTS_PX.shape
    distance = np.linalg.norm(found[:, None] - SPOTS_PX * PIXEL_NM, axis=-1)
    assert distance.min(0).max() <= PIXEL_NM
    assert len(set(distance.argmin(0))) == len(SPOTS_PX)


def test_the_inverted_mean_is_the_mean_upside_down() -> None:
    seen = spots_seen(1.0)

    np.testing.assert_allclose(seen.map("inverted mean"), -seen.map("mean"), atol=1e-5)
    # what differs from bias to bias is what each map has of its own; here all are alike but for the noise
    assert seen.map("variance").std() > 0


def test_the_best_threshold_takes_the_true_spots_and_no_other() -> None:
    truth = pd.DataFrame({"y_nm": [1.0, 2.0, 3.0], "x_nm": [1.0, 2.0, 3.0]})
    places = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [9.0, 9.0], [7.0, 9.0]])
    spots = Spots(places, np.array([0.9, 0.8, 0.7, 0.4, 0.3]))

    threshold = scoring.best_threshold(object(), [spots], [truth])  # a method without thresholds of its own

    assert 0.4 < threshold <= 0.7
    assert scoring.f1_at([spots], [truth], threshold).tolist() == [1.0]


def test_the_table_has_every_classical_method_that_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = {"side_px": 48, "frame_nm": 22.5, "n_biases": 4, "noise_share": 0.1}
    monkeypatch.setitem(kinds.KINDS, "tiny", ("Au(111)", tiny))
    makers, _ = rivals.methods()
    makers = {name: make for name, make in makers.items() if name in classical()}

    rows, left_out = rivals.measure(makers, ["tiny"], 1)

    assert {row["method"] for row in rows} | set(left_out) == set(classical())
    assert all("trackpy" in name for name in left_out)
    assert all(0 <= row["mean_f1"] <= 1 for row in rows)
    # the filter that is told the dispersion finds more than a coin would
    assert {row["method"]: row["mean_f1"] for row in rows}["ring matched filter"] > 0.4
    text = rivals.table([{**row, "seconds": 0.1, "memory_mb": 1.0} for row in rows])
    assert len(text.splitlines()) == len(rows) + 2


def test_there_is_a_choice_for_every_classical_method() -> None:
    makers, left_out = rivals.methods()

    assert set(makers) == {rivals.SHIPPED, *classical()}
    assert set(left_out) == set(rivals._TRAINED)
    assert len(classical()) == 1 + len(MAPS) + len(FINDERS) * len(MAPS)
