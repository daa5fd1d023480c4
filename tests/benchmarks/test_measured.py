"""The benchmark on measured maps: what counts and what does not, on a map that is made here."""

from __future__ import annotations

from pathlib import Path

import measured
import numpy as np
import pandas as pd
import pytest

from napari_stm_impurities import make_stack

DOTS = pd.DataFrame({"y_nm": [5.0, 5.0, 15.0], "x_nm": [5.0, 15.0, 15.0]})


@pytest.fixture
def truth() -> measured.Truth:
    image = np.random.default_rng(0).normal(size=(200, 200))
    image[120, 10:] += 8.0 * (-1.0) ** np.arange(190)  # a trail of ringing
    ignored = np.zeros((200, 200), dtype=bool)
    ignored[140:160, 140:160] = True
    ignored[:2] = ignored[-2:] = ignored[:, :2] = ignored[:, -2:] = True
    return measured.Truth(make_stack(image, [10.0], 0.1), DOTS, ignored)


def points(*places: tuple[float, float]) -> pd.DataFrame:
    return pd.DataFrame(places, columns=["y_nm", "x_nm"]).assign(confidence=0.9)


def test_the_ignored_area_counts_neither_way(truth) -> None:
    # two molecules count; the third lies in the ignored area, as does the point at 14.5
    figures, false = truth.score(points((5.1, 5.0), (15.0, 15.1), (14.5, 15.5)))

    assert figures == {"f1": pytest.approx(2 / 3), "recall": 0.5, "precision": 1.0}
    assert false.empty


def test_a_point_just_outside_that_has_found_an_ignored_molecule_is_not_false(truth) -> None:
    truth = measured.Truth(truth.stack, pd.DataFrame({"y_nm": [15.9, 5.0], "x_nm": [15.9, 5.0]}), truth.ignored)

    assert truth.score(points((16.05, 15.9)))[1].empty


def test_false_points_are_listed_with_a_guess(truth) -> None:
    places = points((5.0, 5.0), (5.0, 5.4), (12.0, 8.0), (10.0, 0.4), (13.5, 15.0), (7.0, 6.0), (9.0, 10.0))
    figures, false = truth.score(places)

    assert figures["precision"] == pytest.approx(1 / 7)
    assert [truth.cause(point) for _, point in false.iterrows()] == [
        "a second point on a molecule (0.40 nm)",
        "on a scarred line",
        "at the frame's edge (0.40 nm)",
        "at the ignored area (0.50 nm)",
        "on the ripples around a molecule (2.24 nm)",
        "far from everything",
    ]


def test_only_the_scarred_line_and_its_neighbours_stand_out(truth) -> None:
    assert set(np.flatnonzero(measured.scarred_lines(truth.stack.values[0]))) <= {119, 120, 121}
    assert measured.scarred_lines(truth.stack.values[0])[120]


def test_a_missing_folder_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        measured.main(["--data", str(tmp_path)])
    assert "set STM_TEST_DATA" in capsys.readouterr().err
