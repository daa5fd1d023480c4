"""The known points of an experiment: the windows that are learnt from, what is held out, and the F1 there."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.impurities.model import Calibration, Model, ModelConfig
from napari_stm_impurities.impurities.tiles import ScoreField
from napari_stm_impurities.impurities.training.labelled_windows import LabelledWindows
from napari_stm_impurities.impurities.training.unlabelled_tiles import UnlabelledStack

PLACES_PX = np.array([[4, 5], [9, 20], [15, 33], [22, 8], [27, 26], [35, 36]])
PIXEL_NM = 0.5
FRAME = (-1.0, 30.0, -1.0, 30.0)


@pytest.fixture
def stack():
    """Three maps of noise: what stands in them is not looked at."""
    values = np.random.default_rng(0).normal(size=(3, 40, 40))
    return make_stack(values, [-20, 0, 20], PIXEL_NM)


@pytest.fixture
def points():
    return make_points(PLACES_PX, (PIXEL_NM, PIXEL_NM), source="manual")


def labels_of(tiny, stack, points, region=FRAME, share=0.25, per_step=64) -> LabelledWindows:
    return LabelledWindows(UnlabelledStack(stack, tiny, None, labelled_nm=region), points, region, share, per_step, 1.0)


def test_every_window_carries_its_labels_along_however_it_is_turned(tiny, stack, points):
    labels = labels_of(tiny, stack, points)
    # each point has a mark of its own in the maps
    marks = torch.zeros(3, 40, 40)
    marks[:, PLACES_PX[:, 0], PLACES_PX[:, 1]] = torch.arange(1.0, 7.0)
    labels.experiment._maps = marks
    windows, known = labels.windows(torch.Generator().manual_seed(0))
    assert windows.maps.shape == (64, 3, 12, 12)
    assert known.shape == (64, 12, 12)
    ways = set()
    for maps, yx, present in zip(windows.maps, windows.yx_px, windows.present, strict=True):
        marked = {tuple(place) for place in maps[0].nonzero().tolist()}
        assert marked == {tuple(place) for place in yx[present].round().int().tolist()}
        for number in present.nonzero().ravel().tolist():
            row, column = yx[number].round().int().tolist()
            assert maps[:, row, column].tolist() == [number + 1] * 3
        # where the second point lies, seen from the first
        ways.add(tuple((yx[1] - yx[0]).round().int().tolist()))
    assert ways == {(a * y, b * x) for y, x in ((5, 15), (15, 5)) for a in (1, -1) for b in (1, -1)}


def test_nothing_is_learnt_in_the_strip_that_is_held_out_nor_outside_the_region(tiny, stack, points):
    # marks that name each pixel, in place of measured values, follow every turn
    region = (-1.0, 9.75, -1.0, 19.6)
    labels = labels_of(tiny, stack, points, region)
    assert labels.held_out_nm == pytest.approx((-0.25, 9.75, 14.75, 19.75))
    assert (labels.n_points, labels.n_held_out) == (3, 1)
    marks = torch.arange(1600.0).reshape(1, 40, 40).expand(3, -1, -1)
    labels.experiment._maps = marks
    labels.experiment.plan = tiny.model_copy(update={"inputs": tiny.inputs.model_copy(update={"scale_over": "image"})})
    windows, known = labels.windows(torch.Generator().manual_seed(1))
    for maps, mask in zip(windows.maps, known, strict=True):
        rows, columns = np.divmod(maps[0][mask].int().numpy(), 40)
        assert len(rows) > 0
        assert rows.max() < 20
        assert columns.max() < 30


def test_the_strip_lies_at_the_end_of_the_longer_side(tiny, stack, points):
    tall = labels_of(tiny, stack, points, (-1.0, 30.0, -1.0, 9.75))
    assert tall.held_out_nm == pytest.approx((14.75, 19.75, -0.25, 9.75))
    none = labels_of(tiny, stack, points, share=0.0)
    assert none.held_out_nm is None


@pytest.mark.parametrize(
    ("found", "f1"),
    [
        (PLACES_PX, 1.0),
        (PLACES_PX[:3], 2 * 1 / (2 * 1 + 1)),
        (np.vstack([PLACES_PX, [[20, 38]]]), 2 * 2 / (2 * 2 + 1)),
        # what lies outside the strip does not count
        (np.vstack([PLACES_PX[2:], [[20, 3], [30, 15]]]), 1.0),
        (np.zeros((0, 2), int), 0.0),
    ],
)
def test_the_f1_counts_the_strip_alone(tiny, stack, points, monkeypatch, found, f1):
    labels = labels_of(tiny, stack, points)
    assert labels.n_held_out == 2
    score = np.full((40, 40), -9.0, np.float32)
    score[found[:, 0], found[:, 1]] = 5.0

    monkeypatch.setattr(
        "napari_stm_impurities.impurities.training.labelled_windows.score_view",
        lambda *_: ScoreField(score, None, score),
    )
    sure = Model(ModelConfig(calibration=Calibration(threshold=0.5)))
    assert labels.f1(sure) == pytest.approx(f1)


def test_an_empty_table_says_that_nothing_is_there(tiny, stack, points, monkeypatch):
    labels = labels_of(tiny, stack, points[:0])
    windows, known = labels.windows(torch.Generator().manual_seed(0))
    assert not windows.present.any()
    assert known.any()
    assert labels.n_points == 0
    nothing = np.full((40, 40), -9.0, np.float32)
    monkeypatch.setattr(
        "napari_stm_impurities.impurities.training.labelled_windows.score_view",
        lambda *_: ScoreField(nothing, None, nothing),
    )
    assert labels.f1(Model(ModelConfig())) == 1.0


def test_a_region_that_is_too_small_or_elsewhere_is_told_in_one_line(tiny, stack, points):
    for region in ((0.0, 2.0, 0.0, 15.0), (100.0, 130.0, 0.0, 15.0)):
        with pytest.raises(StmError, match="choose a larger one") as caught:
            labels_of(tiny, stack, points, region)
        assert "\n" not in str(caught.value)


def test_the_tiles_without_labels_lie_outside_the_region(tiny, stack):
    plan = tiny.model_copy(update={"experiment_tiles_per_step": 100})
    half = (-1.0, 30.0, -1.0, 9.75)
    everywhere, rest, none = (
        UnlabelledStack(stack, plan, None, labelled_nm=region).n_tiles for region in (None, half, FRAME)
    )
    # 40 pixels hold tiles that begin at 0, 12, 24 and 28; the region ends before pixel 20
    assert (everywhere, rest, none) == (16, 8, 0)
