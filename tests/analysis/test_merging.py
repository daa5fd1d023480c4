"""A new run meets corrected points, in cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_stm_impurities.analysis.merging import REVIEW_STATUSES, merge_points, review_status_of
from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.io.tables import load_points, save_points


def model(*yx: tuple[float, float], checked: str | None = None) -> pd.DataFrame:
    """Points that a model found; one pixel is one nm."""
    table = make_points(list(yx), (1, 1), source="model", score=2.0, confidence=0.75)
    return table if checked is None else table.assign(checked=checked)


def manual(*yx: tuple[float, float]) -> pd.DataFrame:
    return make_points(list(yx), (1, 1), source="manual")


def merged(new: pd.DataFrame, kept: pd.DataFrame, radius_nm: float = 0.5) -> list[tuple[float, float, str, str]]:
    """Merge, and give place, source and verdict of each point."""
    table = merge_points(new, kept, radius_nm)
    return list(zip(table["y_nm"], table["x_nm"], table["source"], table["checked"], strict=True))


def test_a_manual_point_stays_and_the_new_one_at_its_place_is_dropped():
    assert merged(model((3, 3), (8, 8)), manual((3.3, 3.4))) == [
        (8, 8, "model", "unchecked"),
        (3.3, 3.4, "manual", "unchecked"),
    ]


def test_the_radius_is_the_limit_of_one_place():
    assert len(merged(model((3, 3)), manual((3, 3.5)), 0.5)) == 1
    assert len(merged(model((3, 3)), manual((3, 3.51)), 0.5)) == 2


def test_an_accepted_point_stays_what_and_where_it_was():
    table = merge_points(model((3, 3)).assign(confidence=0.2), model((3.1, 3), checked="accepted"), 0.5)
    assert table[["y_nm", "confidence", "source", "checked"]].values.tolist() == [[3.1, 0.75, "model", "accepted"]]


def test_a_rejected_place_stays_rejected_where_the_model_finds_it_again_and_where_not():
    old = model((3, 3), (9, 9), checked="rejected")
    assert merged(model((3.2, 3)), old) == [(3.2, 3, "model", "rejected"), (9, 9, "model", "rejected")]


def test_what_nobody_decided_on_is_replaced():
    assert merged(model((1, 1)), model((5, 5))) == [(1, 1, "model", "unchecked")]
    assert merged(model((1, 1)), model((5, 5), checked="unchecked")) == [(1, 1, "model", "unchecked")]


def test_one_kept_point_absorbs_one_new_point_the_nearest():
    assert merged(model((3, 3), (3.3, 3)), manual((3.2, 3))) == [
        (3, 3, "model", "unchecked"),
        (3.2, 3, "manual", "unchecked"),
    ]


def test_nothing_on_either_side():
    none = manual()
    assert merged(model((1, 1)), none) == [(1, 1, "model", "unchecked")]
    assert merged(model(), manual((2, 2))) == [(2, 2, "manual", "unchecked")]
    assert merged(none, none) == []


def test_a_second_merge_of_the_same_run_changes_nothing():
    new = model((1, 1), (3, 3), (6, 6))
    kept = pd.concat([manual((3.1, 3)), model((6, 6.2), checked="rejected")], ignore_index=True)
    once = merge_points(new, kept, 0.5)
    pd.testing.assert_frame_equal(merge_points(new, once, 0.5), once)


def test_columns_of_both_are_kept():
    table = merge_points(model((1, 1)).assign(height_pm=3.0), manual((5, 5)).assign(remark="step edge"), 0.5)
    assert table["height_pm"].tolist()[0] == 3.0
    assert table["remark"].tolist()[1] == "step edge"
    assert list(table["checked"].cat.categories) == list(REVIEW_STATUSES)


def test_the_verdicts_outlive_a_file(tmp_path):
    table = merge_points(model((1, 1), (3, 3)), model((3, 3), checked="accepted"), 0.5)
    back = load_points(save_points(table, tmp_path / "points.csv"))
    assert review_status_of(back).tolist() == ["unchecked", "accepted"]
    np.testing.assert_array_equal(back["y_nm"], table["y_nm"])


@pytest.mark.parametrize("radius_nm", [0, -1, float("nan")])
def test_the_radius_must_be_positive(radius_nm):
    with pytest.raises(StmError, match="matching radius must be a positive number in nm"):
        merge_points(model((1, 1)), manual((1, 1)), radius_nm)
