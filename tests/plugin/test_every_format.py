"""Every format as layers, and every real file in a real window."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
from napari.layers import Layer

from napari_stm_impurities.io.readers import read_stack
from napari_stm_impurities.plugin import reader


def test_every_format_becomes_layers(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "show_warning", lambda _line: None)
    path = Path(__file__).resolve().parents[1] / "io" / "readers" / "made_files.py"
    spec = importlib.util.spec_from_file_location("made_files", path)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    for name, (path, need) in made.samples(tmp_path).items():
        read = reader.get_reader(str(path))
        assert read is not None, name
        layers = [Layer.create(*one) for one in read(str(path))]
        np.testing.assert_array_equal(np.squeeze(layers[-1].data), np.squeeze(read_stack(path, **need).values))
        assert layers[-1].visible


def test_every_real_file_is_dropped_on_a_real_window(make_napari_viewer, drop, plugin, shared_data, monkeypatch):
    errors = []
    monkeypatch.setattr(reader, "show_error", errors.append)
    viewer = make_napari_viewer()
    files = sorted(one for one in shared_data.rglob("*.*") if one.suffix in (".3ds", ".sxm", ".ibw", ".sm4", ".txt"))
    assert len(files) >= 17
    for path in files:
        if "incomplete" in path.name:
            drop(viewer, path)
            (line,) = errors
            assert "spectra of one position" in line
            continue
        viewer.layers.clear()
        drop(viewer, path)
        shown = viewer.layers[-1]
        assert shown.visible
        assert shown.source.path is not None
        finite = np.asarray(shown.data)[np.isfinite(shown.data)]
        assert finite.size
        assert shown.contrast_limits[0] < shown.contrast_limits[1]
