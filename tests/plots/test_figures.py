"""Picture files: what is refused, and that nothing of matplotlib's global state is used."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.plots.figures import empty_figure, save_figure


@pytest.mark.parametrize(("kind", "begins"), [("png", b"\x89PNG"), ("SVG", b"<?xml"), ("pdf", b"%PDF")])
def test_each_kind_of_picture_is_what_its_ending_says(tmp_path: Path, kind: str, begins: bytes) -> None:
    figure, axes = empty_figure()
    axes.plot([0, 1])
    path = save_figure(figure, tmp_path / f"curve.{kind}")
    assert path.read_bytes().startswith(begins)
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


@pytest.mark.parametrize("name", ["curve.docx", "curve", "missing/curve.png"])
def test_what_cannot_be_written_is_one_line_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    figure, _ = empty_figure()
    with pytest.raises(StmError) as error:
        save_figure(figure, tmp_path / name)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []
