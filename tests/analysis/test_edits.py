"""Edits told from two tables, and made again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_stm_impurities.analysis.edits import Edit, apply_edits, edits_between
from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.points import make_points

SIZE = (0.5, 0.25)


def run_of(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """What a run found: no two points nearer than a pixel."""
    cells = rng.permutation(40 * 40)[:n]
    yx = np.stack([cells // 40, cells % 40], axis=1) * 8 + rng.random((n, 2)) * 3
    table = make_points(yx, SIZE, source="model", score=rng.normal(size=n), confidence=rng.random(n))
    return table.sort_values("confidence", ascending=False, ignore_index=True)


def edited(found: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Delete, move, accept, reject and add a few points, as the window does it."""
    table = found.assign(checked="unchecked")
    what = rng.choice(["keep", "delete", "move", "accept", "reject"], size=len(table), p=[0.4, 0.15, 0.15, 0.15, 0.15])
    for row in np.flatnonzero(what == "move"):
        shift = rng.uniform(-1, 1, 2)
        table.loc[row, ["y_px", "x_px"]] += shift
        table.loc[row, ["y_nm", "x_nm"]] = table.loc[row, ["y_px", "x_px"]].to_numpy(dtype=float) * SIZE
        table.loc[row, ["score", "confidence"]] = np.nan
        table.loc[row, "source"] = "manual"
    table.loc[what == "accept", "checked"] = "accepted"
    table.loc[what == "reject", "checked"] = "rejected"
    table = table[what != "delete"]
    added = make_points(rng.uniform(400, 500, (rng.integers(0, 5), 2)), SIZE, source="manual").assign(
        checked="unchecked"
    )
    return pd.concat([table, added], ignore_index=True) if len(added) else table.reset_index(drop=True)


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """The table with every column as an ordinary one, so that only values count."""
    table = table.assign(checked=table.get("checked", "unchecked"))
    return table.astype({"source": str, "checked": str}).reset_index(drop=True)


@pytest.mark.parametrize("seed", range(25))
def test_edits_told_and_made_again_give_the_same_table(seed):
    rng = np.random.default_rng(seed)
    found = run_of(rng, int(rng.integers(0, 60)))
    final = edited(found, rng)
    edits = tuple(Edit.model_validate_json(edit.model_dump_json()) for edit in edits_between(found, final))
    again = apply_edits(found, edits)
    # bit by bit, and in the same order
    pd.testing.assert_frame_equal(plain(again), plain(final[final["checked"] != "rejected"]), check_exact=True)


def test_each_change_is_called_what_it_is():
    found = make_points([[i, i] for i in range(0, 60, 10)], (1, 1), source="model", confidence=0.9)
    final = found.assign(checked=["unchecked", "accepted", "rejected", *["unchecked"] * 3])
    final.loc[3, ["x_px", "x_nm"]] += 0.4
    final.loc[3, "source"] = "manual"
    final = final.drop(index=4)
    new = make_points([[5, 55]], (1, 1), source="manual").assign(checked="unchecked")
    edits = edits_between(found, pd.concat([final, new], ignore_index=True))
    assert [(edit.kind, edit.before_nm) for edit in edits] == [
        ("accepted", (10, 10)),
        ("rejected", (20, 20)),
        ("moved", (30, 30)),
        ("deleted", (40, 40)),
        ("added", None),
    ]
    assert [(edit.after.y_nm, edit.after.x_nm) for edit in edits if edit.after] == [(30, 30.4), (5, 55)]


def test_the_order_of_the_table_is_no_edit():
    found = run_of(np.random.default_rng(0), 20)
    assert edits_between(found, found.iloc[::-1]) == ()
    assert edits_between(found, found) == ()


def test_digits_lost_on_a_way_through_pixels_are_no_edit():
    found = run_of(np.random.default_rng(0), 20)
    there = found.assign(y_nm=found["y_nm"] * 3 / 7 * 7 / 3, x_nm=(found["x_nm"] + 1e5) - 1e5)
    assert (there["x_nm"] != found["x_nm"]).any()
    assert edits_between(found, there) == ()


def test_a_point_far_from_one_that_is_gone_was_added():
    found = make_points([[0, 0]], (1, 1), source="model", confidence=0.9)
    for x, kinds in ((0.9, ["moved"]), (1.1, ["deleted", "added"])):
        final = make_points([[0, x]], (1, 1), source="manual")
        assert [edit.kind for edit in edits_between(found, final)] == kinds


def test_a_table_by_hand_is_all_added():
    nothing = make_points([], (1, 1), source="model")
    drawn = make_points([[1, 2], [3, 4]], (1, 1), source="manual")
    edits = edits_between(nothing, drawn)
    assert [edit.kind for edit in edits] == ["added", "added"]
    pd.testing.assert_frame_equal(apply_edits(nothing, edits), drawn)


def test_a_run_that_differs_in_the_last_digits_gets_the_same_edits():
    found = run_of(np.random.default_rng(0), 20)
    edits = edits_between(found, found.drop(index=[3, 7]))
    again = found.assign(y_nm=found["y_nm"] + 1e-4)
    assert apply_edits(again, edits)["score"].tolist() == found["score"].drop([3, 7]).tolist()


def test_an_edit_of_a_point_that_is_not_there_is_refused():
    found = make_points([[1, 1]], (1, 1), source="model", confidence=0.9)
    for table in (found, found[:0]):
        with pytest.raises(StmError, match=r"deleted at y = 1\.000, x = 1\.500 nm is not among"):
            apply_edits(table, [Edit(kind="deleted", before_nm=(1.0, 1.5))])
