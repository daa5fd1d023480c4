"""From a stack to a table of points, with a model that can be worked out by hand: positions, edges, errors."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from napari_stm_impurities.core.errors import ModelError, StmError
from napari_stm_impurities.core.progress import Stopped
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.data.points import COLUMNS, positions_nm
from napari_stm_impurities.impurities.detect import FindingWarning, find, find_impurities, score_map
from napari_stm_impurities.physics.dispersion import Dispersion
from napari_stm_impurities.simulation.surface import SurfaceConfig, simulate_surface

# spots are no ripples, and finding says so each time
pytestmark = pytest.mark.filterwarnings("ignore:no ripples")

BIAS = [-100.0, -50.0, 0.0]
PLACES_NM = np.array([[4.03, 6.31], [12.48, 3.17], [9.26, 14.77]])


def spots(shape=(40, 40), pixel_nm=(0.5, 0.5), places=PLACES_NM, sigma_nm: float = 0.9) -> xr.DataArray:
    """Bright spots at known places, the same at each bias."""
    y, x = (np.arange(n) * size for n, size in zip(shape, pixel_nm, strict=True))
    one = np.zeros(shape)
    for at_y, at_x in places:
        one += np.exp(-((y[:, None] - at_y) ** 2 + (x[None] - at_x) ** 2) / (2 * sigma_nm**2))
    return make_stack(np.stack([one] * 3), BIAS, pixel_nm)


def distances(points: pd.DataFrame, places=PLACES_NM) -> np.ndarray:
    """How far each true place is from the nearest point."""
    apart = np.linalg.norm(positions_nm(points)[:, None] - np.asarray(places)[None], axis=-1)
    return apart.min(0)


def test_the_table_has_its_columns_and_the_most_confident_first(bright_model):
    points = find_impurities(spots(), bright_model(), "Au(111)")
    assert tuple(points.columns) == COLUMNS
    assert len(points) == 3
    assert points["confidence"].is_monotonic_decreasing
    assert points["confidence"].between(0.5, 1).all()
    assert list(points.index) == [0, 1, 2]
    assert (points["source"] == "model").all()
    np.testing.assert_allclose(points["confidence"], 1 / (1 + np.exp(-(12 * points["score"] - 4))))
    np.testing.assert_allclose(positions_nm(points), points[["y_px", "x_px"]].to_numpy() * 0.5)


# what the network sees of gold at 0 mV is k = 1.88 / nm times the pixel; it takes 0.19 to 1.0
@pytest.mark.parametrize(
    ("shape", "pixel_nm", "tolerance"),
    [
        ((40, 40), (0.5, 0.5), 0.03),
        ((240, 240), (37.5 / 240, 37.5 / 240), 0.01),
        ((400, 400), (0.05, 0.05), 0.01),
        ((28, 28), (0.75, 0.75), 0.06),
        ((40, 80), (0.5, 0.25), 0.02),
        ((300, 150), (0.06, 0.12), 0.01),
    ],
    ids=["as it is", "240 px", "finer, resampled", "coarser, resampled", "oblong pixels", "oblong and finer"],
)
def test_points_lie_where_the_spots_are_on_any_grid(bright_model, shape, pixel_nm, tolerance):
    stack = spots(shape, pixel_nm)
    finding = find(stack, bright_model(), "Au(111)")
    assert len(finding.points) == 3
    assert distances(finding.points).max() < tolerance
    # pixels are those of the given stack, whatever the model looked at
    np.testing.assert_allclose(
        finding.points[["y_px", "x_px"]].to_numpy() * pixel_nm, positions_nm(finding.points), atol=1e-9
    )
    # and the score layer lies on the same nm
    for y, x in PLACES_NM:
        layer = finding.score
        near = layer.where((abs(layer.y - y) < 1) & (abs(layer.x - x) < 1))
        at = near.argmax(("y", "x"))
        size = layer.attrs["pixel_size_nm"]
        assert abs(float(layer.y[at["y"]]) - y) <= size[0] * 0.75
        assert abs(float(layer.x[at["x"]]) - x) <= size[1] * 0.75


@pytest.mark.parametrize("pixel_nm", [0.5, 0.05])
def test_a_part_of_a_stack_keeps_the_coordinates_of_the_whole(bright_model, pixel_nm):
    n = round(20 / pixel_nm)
    whole = spots((n, n), (pixel_nm, pixel_nm))
    first = round(2 / pixel_nm)
    part = whole.isel(y=slice(first, None), x=slice(first // 2, n - first))
    finding = find(part, bright_model(), "Au(111)")
    assert len(finding.points) == 3
    assert distances(finding.points).max() < 0.05
    points = finding.points
    origin = np.array([float(part.y[0]), float(part.x[0])])
    np.testing.assert_allclose(points[["y_px", "x_px"]].to_numpy() * pixel_nm + origin, positions_nm(points), atol=1e-9)
    np.testing.assert_allclose([float(finding.score.y[0]), float(finding.score.x[0])], origin)
    best = finding.score.argmax(("y", "x"))
    top = np.array([float(finding.score.y[best["y"]]), float(finding.score.x[best["x"]])])
    assert np.linalg.norm(top - positions_nm(points)[0]) < pixel_nm + 0.15


def test_two_spots_half_a_nanometre_apart_stay_two_on_fine_pixels(bright_model):
    places = np.array([[6.0, 6.0], [6.0, 6.5]])
    stack = spots((100, 100), (0.12, 0.12), places, sigma_nm=0.12)
    points = find_impurities(stack, bright_model(), "Cu(111)")
    assert len(points) == 2
    assert distances(points, places).max() < 0.05


def test_a_bare_array_is_as_good_as_a_stack(bright_model):
    stack, model = spots(), bright_model()
    bare = find_impurities(stack.values, model, "Au(111)", bias_mv=BIAS, pixel_size_nm=0.5)
    pd.testing.assert_frame_equal(bare, find_impurities(stack, model, "Au(111)"))
    layer = score_map(stack.values, model, "Au(111)", bias_mv=BIAS, pixel_size_nm=0.5)
    assert layer.dims == ("y", "x")
    assert layer.shape == (40, 40)
    with pytest.raises(StmError, match="bias_mv"):
        find_impurities(stack.values, model)


def test_the_score_layer_is_the_score(bright_model):
    layer = score_map(spots(), bright_model(), "Au(111)")
    points = find_impurities(spots(), bright_model(), "Au(111)")
    assert float(layer.max()) == pytest.approx(points["score"].max())
    assert layer.y.attrs["units"] == "nm"


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.9, 1.0])
def test_the_threshold_is_the_least_confidence(bright_model, threshold):
    everything = find_impurities(spots(), bright_model(), "Au(111)", threshold=0.0)
    some = find_impurities(spots(), bright_model(), "Au(111)", threshold)
    expected = everything[everything["confidence"] >= threshold]
    pd.testing.assert_frame_equal(some, expected.reset_index(drop=True))


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan"), 50])
def test_a_threshold_that_is_no_confidence_is_refused_in_one_line(bright_model, threshold):
    with pytest.raises(StmError, match="threshold") as caught:
        find_impurities(spots(), bright_model(), "Au(111)", threshold)
    assert "\n" not in str(caught.value)


def test_missing_pixels_hold_no_points(bright_model):
    stack = spots()
    stack.values[:, 20:, :12] = np.nan
    points = find_impurities(stack, bright_model(), "Au(111)", threshold=0.0)
    rows, columns = points["y_px"].round().astype(int), points["x_px"].round().astype(int)
    assert np.isfinite(stack.values[0][rows, columns]).all()
    # the second place lies in the gap, the others do not
    assert distances(points)[[0, 2]].max() < 0.05
    assert distances(points)[1] > 0.5


def test_one_missing_bias_hides_nothing(bright_model):
    stack = spots()
    stack.values[1, 20:] = np.nan
    assert distances(find_impurities(stack, bright_model(), "Au(111)")).max() < 0.05


BAD = {
    "too small": (make_stack(np.random.default_rng(0).normal(size=(3, 8, 8)), BIAS, 0.5), "too small"),
    "constant": (make_stack(np.ones((3, 20, 20)), BIAS, 0.5), "constant"),
    "nothing measured": (make_stack(np.full((3, 20, 20), np.nan), BIAS, 0.5), "missing"),
    "no stack": (xr.DataArray(np.zeros((20, 20)), dims=("y", "x")), "dimensions"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_searched_is_told_in_one_line(bright_model, kind):
    stack, told = BAD[kind]
    for call in (find_impurities, score_map):
        with pytest.raises(StmError, match=told) as caught:
            call(stack, bright_model(), "Au(111)")
        assert "\n" not in str(caught.value)


def test_a_material_or_model_that_is_not_known_is_told(bright_model):
    with pytest.raises(StmError, match="Pt"):
        find_impurities(spots(), bright_model(), "Pt(111)")
    with pytest.raises(ModelError, match="nobody"):
        find_impurities(spots(), "nobody")


def test_without_a_ring_the_pixels_are_taken_as_they_are_and_it_is_said(bright_model):
    noise = make_stack(np.random.default_rng(0).normal(size=(4, 40, 40)), [*BIAS, 50.0], 0.01)
    finding = find(noise, bright_model())
    assert finding.dispersion is None
    assert len(finding.notes) == 1
    assert "no ring" in finding.notes[0]
    assert finding.score.shape == (40, 40)
    for call in (find_impurities, score_map):
        with pytest.warns(FindingWarning, match="no ring"):
            call(noise, bright_model())


@pytest.mark.parametrize("n_biases", [1, 3])
def test_few_biases_without_a_ring_are_refused(bright_model, n_biases):
    noise = make_stack(np.random.default_rng(0).normal(size=(n_biases, 40, 40)), BIAS[:n_biases], 0.5)
    with pytest.raises(StmError, match="cannot be told from noise") as caught:
        find(noise, bright_model())
    assert "\n" not in str(caught.value)


def test_a_given_band_is_used_and_nothing_is_warned_of_where_its_ripples_are(bright_model):
    config = SurfaceConfig.of(n_biases=4, bias_start_mv=-60.0, noise_share=0.2)
    stack, band = simulate_surface("Au(111)", 0, config=config).stack, Dispersion.of_wavelength(1.67, bias_mv=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        finding = find(stack, bright_model(), band)
        find_impurities(stack, bright_model(), band)
    assert finding.dispersion == band
    assert finding.notes == ()
    assert finding.threshold == 0.5


def test_a_given_band_whose_ripples_are_not_there_is_told(bright_model):
    band = Dispersion.of_wavelength(1.6, bias_mv=0.0)
    finding = find(spots(), bright_model(), band)
    assert finding.dispersion == band
    assert len(finding.notes) == 1
    assert "no ripples of 1.6 nm" in finding.notes[0]
    with pytest.warns(FindingWarning, match="no ripples"):
        find_impurities(spots(), bright_model(), band)


def test_an_uncalibrated_model_is_said_to_be_one(bright_model):
    model = bright_model()
    bare = model.config.calibration.model_copy(update={"f1": None})
    model.config = model.config.model_copy(update={"calibration": bare})
    with pytest.warns(FindingWarning, match="never calibrated"):
        find_impurities(spots(), model, "Au(111)")


def test_a_stop_is_heard_and_progress_ends_at_one(bright_model):
    told = []
    find_impurities(spots(), bright_model(), "Au(111)", progress=lambda share, _: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1.0
    for call in (find_impurities, score_map):
        with pytest.raises(Stopped):
            call(spots(), bright_model(), "Au(111)", should_stop=lambda: True)


def test_the_given_stack_is_not_changed(bright_model):
    stack = spots()
    before = stack.copy(deep=True)
    find_impurities(stack, bright_model(), "Au(111)")
    assert stack.identical(before)


def test_the_attention_over_the_biases_can_be_had():
    surface = simulate_surface("Au(111)", 3, config=SurfaceConfig(side_px=48, frame_nm=22.5, n_biases=20))
    attention = find(surface.stack, "default", dispersion="Au(111)").attention
    assert attention.dims == ("bias", "asked_bias")
    assert attention.shape == (8, 8)
    np.testing.assert_allclose(attention.sum("asked_bias"), 1, atol=1e-5)
    assert attention.bias.values[0] > surface.stack.bias.values[0]
    assert attention.bias.values[-1] < surface.stack.bias.values[-1]


def test_structure_is_a_map_and_a_column(bright_model):
    finding = find(spots(), bright_model(structure=True), "Au(111)")
    assert finding.structure is not None
    assert list(finding.maps) == ["score", "structure"]
    assert finding.structure.dims == ("y", "x")
    np.testing.assert_allclose(finding.structure, 1 / (1 + np.exp(-(12 * finding.score - 4))), atol=1e-5)
    np.testing.assert_allclose(finding.points["structure"], finding.points["confidence"], atol=0.05)
    plain = find(spots(), bright_model(), "Au(111)")
    assert plain.structure is None
    assert list(plain.maps) == ["score"]
    assert "structure" not in plain.points


def test_nothing_is_found_where_a_mask_excludes_pixels(bright_model):
    mask = np.zeros((40, 40), np.uint8)
    mask[4:13, 8:18] = 2  # the first spot, at (8, 12.6) px
    points = find_impurities(spots(), bright_model(), "Au(111)", mask=mask)
    assert len(points) == 2
    np.testing.assert_allclose(distances(points)[1:], 0, atol=0.05)
    with pytest.raises(StmError, match="40 x 40 pixels"):
        find_impurities(spots(), bright_model(), "Au(111)", mask=mask[1:])


def test_two_points_on_one_molecule_are_one(bright_model):
    places = np.array([[2.0, 2.0], [2.0, 2.24], [4.0, 4.0], [4.0, 4.6]])
    maps = spots((60, 60), (0.1, 0.1), places, sigma_nm=0.07)
    band = Dispersion.of_wavelength(1.2, 0.0)
    points = find_impurities(maps, bright_model(), band)
    apart = np.linalg.norm(positions_nm(points)[:, None] - positions_nm(points)[None], axis=-1)
    assert len(points) == 3
    assert apart[np.triu_indices(3, 1)].min() > 0.35
