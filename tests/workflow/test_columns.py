"""Every column that came in with a table of points comes out, with its values, wherever the table goes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from napari.layers import Layer

from napari_stm_impurities.analysis.edits import apply_edits, edits_between
from napari_stm_impurities.analysis.merging import merge_points
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.io.tables import load_points, save_points
from napari_stm_impurities.plugin.layers.points import layer_points, points_layer
from napari_stm_impurities.workflow.report import write_report
from napari_stm_impurities.workflow.rerun import rerun


@pytest.fixture
def table() -> pd.DataFrame:
    """Six points by hand with a column of each kind."""
    made = make_points([[i + 1.0, 2.0 * i + 1.0] for i in range(6)], (0.5, 0.5), source="manual")
    return made.assign(
        area_px2=[3.5, np.nan, 2.25, 1.0, 0.5, 7.0],
        track=[4, 5, 6, 7, 8, 9],
        edge=[True, False, True, False, False, True],
        element=["W", "", "Se", "vacancy, doubly charged", 'a "quoted" one', "NA"],
    )


def assert_kept(after: pd.DataFrame, before: pd.DataFrame) -> None:
    """Every further column of `before` is there, and each point that is left has its own values."""
    rows = {round(y, 6): row for row, y in enumerate(before["y_nm"])}
    for _, point in after.iterrows():
        of = before.iloc[rows[round(point["y_nm"], 6)]]
        for name in ("area_px2", "track", "edge", "element"):
            missing = pd.isna(of[name])
            assert pd.isna(point[name]) if missing else point[name] == of[name], name


def test_through_csv(table, tmp_path):
    back = load_points(save_points(table, tmp_path / "points.csv"))
    assert len(back) == 6
    assert_kept(back, table)
    assert back["track"].dtype.kind == "i"
    assert back["edge"].dtype.kind == "b"


def test_through_csv_with_missing_integers_and_flags(table, tmp_path):
    table = table.assign(
        track=pd.array([4, None, 6, 7, 8, 9], dtype="Int64"), edge=pd.array([True, None] * 3, dtype="boolean")
    )
    assert_kept(load_points(save_points(table, tmp_path / "points.csv")), table)


def test_through_a_layer(table):
    assert_kept(layer_points(Layer.create(*points_layer(table))), table)


def test_a_point_that_is_added_to_a_layer_has_no_value_of_its_own(table):
    layer = Layer.create(*points_layer(table))
    layer.add([20.0, 20.0])
    added = layer_points(layer).iloc[-1]
    assert added[["area_px2", "track", "edge"]].isna().all()
    assert added["element"] == ""


def test_through_a_merge(table):
    found = make_points([[30.0, 30.0]], (0.5, 0.5), source="model", confidence=0.9).assign(sublattice="A")
    merged = merge_points(found, table, 0.5)
    assert len(merged) == 7
    assert_kept(merged[merged["source"] == "manual"], table)
    assert merged["sublattice"].tolist()[0] == "A"


def test_through_edits(table):
    final = table.drop(index=[1]).reset_index(drop=True)
    final.loc[0, "element"] = "Mo"
    final.loc[2, "track"] = 70
    edits = edits_between(table, final)
    assert [edit.kind for edit in edits] == ["changed", "deleted", "changed"]
    again = apply_edits(table, edits)
    assert len(again) == 5
    assert_kept(again, final)


def test_columns_that_a_person_added_are_edits(table):
    found = table.drop(columns=["area_px2", "track", "edge", "element"])
    assert_kept(apply_edits(found, edits_between(found, table)), table)


def test_through_a_report_and_its_rerun(table, tmp_path):
    stack = make_stack(np.random.default_rng(0).normal(size=(2, 24, 24)), [-1, 1], 0.5)
    written = write_report(tmp_path / "report", stack, table, date="2026-01-31")
    for points in (
        written.points,
        load_points(tmp_path / "report" / "points.csv"),
        rerun(tmp_path / "report" / "provenance.json").points,
    ):
        assert len(points) == 6
        assert_kept(points, table)
