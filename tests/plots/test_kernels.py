"""What the plots of kernels show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from napari_stm_impurities import Dispersion, Kernels, make_points
from napari_stm_impurities.kernels.kernel_maps import transform_of
from napari_stm_impurities.kernels.result import k_dataset
from napari_stm_impurities.plots.figures import empty_figure
from napari_stm_impurities.plots.kernels import (
    nearest_bias,
    plot_k,
    plot_kernel,
    plot_phases,
    plot_points,
    plot_transform,
)

BIAS = np.array([-100.0, 0.0, 100.0])


@pytest.fixture
def made():
    """Two kinds at three biases, six points of which one is a suspect, and one proposed."""
    band = Dispersion(band_bottom_mv=-520, effective_mass=0.26)
    axis = np.arange(-10, 11) * 0.5
    r = np.hypot(axis[:, None], axis)
    waves = np.array([[np.cos(2 * k * r + phase) / (1 + r) for k in band.k_per_nm(BIAS)] for phase in (0.0, 1.5)])
    coordinates = {"kind": [0, 1], "bias": BIAS, "y": axis, "x": axis}
    kernels = xr.DataArray(waves.astype(np.float32), dims=("kind", "bias", "y", "x"), coords=coordinates)
    phase = np.array([1.0, 1.1, 0.9, 2.5, 2.6, 2.4]) + 0.1 * np.arange(3)[:, None]
    maps = xr.DataArray(
        np.random.default_rng(0).normal(size=(3, 12, 14)),
        dims=("bias", "y", "x"),
        coords={"bias": BIAS, "y": np.arange(12) * 0.5, "x": np.arange(14) * 0.5},
    )
    points = make_points(np.arange(12).reshape(6, 2), (0.5, 0.5), source="manual")
    return Kernels(
        kernels=kernels,
        transform=transform_of(kernels),
        dispersion=band,
        k=k_dataset(BIAS, band.k_per_nm(BIAS) * 1.01, np.full(3, 0.01), band.k_per_nm(BIAS)),
        t=xr.Dataset(
            {"t": (("bias", "impurity"), np.exp(1j * phase)), "sigma": (("bias", "impurity"), np.full((3, 6), 0.1))},
            coords={"bias": BIAS},
        ),
        kinds=pd.DataFrame({"kind": [0, 1], "n": [3, 3]}),
        points=points.assign(kind=[0, 0, 0, 1, 1, 1], suspect=[True, *[False] * 5]),
        proposed=make_points([[3.0, 4.0]], (0.5, 0.5), source="kernel residual"),
        residual=maps,
        model=maps,
        explained_share=0.5,
        method="tmatrix",
        notes=(),
    )


@pytest.fixture
def axes():
    return empty_figure()[1]


def test_the_nearest_bias_is_drawn(made, axes):
    assert nearest_bias(made, 90.0) == 2
    plot_kernel(axes, made, 1, 90.0)
    (image,) = axes.get_images()
    assert np.allclose(image.get_array(), made.kernels.values[1, 2])
    assert "100 mV" in axes.get_title()
    assert axes.get_xlabel() == "x (nm)"


@pytest.mark.parametrize("part", ["real", "imaginary"])
def test_the_transform_has_its_ring(made, axes, part):
    plot_transform(axes, made, 0, 0.0, part)
    values = made.transform.values[0, 1]
    assert np.allclose(axes.get_images()[0].get_array(), values.real if part == "real" else values.imag)
    (ring,) = axes.patches
    assert ring.radius == pytest.approx(2 * float(made.dispersion.k_per_nm(0.0)))


def test_k_stands_beside_the_ring_with_its_bars(made, axes):
    plot_k(axes, made)
    labels = axes.get_legend_handles_labels()[1]
    assert set(labels) == {"ring", "fit", "band"}
    bars = axes.containers[0]
    assert np.allclose(bars[0].get_ydata(), made.k.k_per_nm)


def test_each_kind_has_its_phase(made, axes):
    plot_phases(axes, made)
    lines = {line.get_label(): line.get_ydata() for line in axes.get_lines()}
    assert lines["kind 0 (3)"] == pytest.approx([1.0, 1.1, 1.2], abs=0.02)
    assert lines["kind 1 (3)"] == pytest.approx([2.5, 2.6, 2.7], abs=0.02)


def test_suspects_are_crossed_and_proposals_ringed(made, axes):
    plot_points(axes, made, 0.0)
    points, suspects, proposed = (c.get_offsets() for c in axes.collections)
    assert (len(points), len(suspects), len(proposed)) == (6, 1, 1)
    assert np.allclose(suspects[0], [0.5, 0.0])
    assert np.allclose(proposed[0], [2.0, 1.5])
