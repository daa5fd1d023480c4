"""Eq. 2 and Eq. 4 of the paper, and the detection loss, against loops over windows and pixels."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from napari_stm_impurities.impurities.training.losses import (
    cross_entropy,
    detection_loss,
    prediction_entropy,
    structure_loss,
)
from napari_stm_impurities.simulation.windows import PatchBatch, label_map


def windows(seed: int = 0) -> PatchBatch:
    draw = torch.Generator().manual_seed(seed)
    yx = 6 * torch.rand(2, 3, 2, generator=draw)
    present = torch.tensor([[True, True, True], [True, False, False]])
    maps = torch.randn(2, 2, 6, 7, generator=draw)
    maps[0, :, 5] = torch.nan
    return PatchBatch(maps, yx, present)


def scores(seed: int = 1) -> torch.Tensor:
    return 2 * torch.randn(2, 6, 7, generator=torch.Generator().manual_seed(seed))


def softmax(score: list[list[float]]) -> list[list[float]]:
    total = sum(math.exp(value) for row in score for value in row)
    return [[math.exp(value) / total for value in row] for row in score]


def test_eq_2_is_the_cross_entropy_over_all_pixels():
    label = label_map(windows())
    expected = 0.0
    for of_window, y_label in zip(scores().tolist(), label.tolist(), strict=True):
        y_net = softmax(of_window)
        for y in range(6):
            for x in range(7):
                expected -= y_label[y][x] * math.log(y_net[y][x])
    # the paper sums over the windows; here it is their mean, so that alpha does not depend on the batch
    assert float(cross_entropy(scores(), label)) == pytest.approx(expected / 2, rel=1e-5)


def test_eq_2_over_the_known_pixels_is_that_of_the_cut_out_part():
    label = label_map(windows())
    known = torch.zeros(2, 6, 7, dtype=torch.bool)
    known[:, 1:5, 2:6] = True
    part = (label * known)[:, 1:5, 2:6]
    part = part / part.sum((1, 2), keepdim=True).clamp_min(1e-9)
    assert part.any()
    expected = cross_entropy(scores()[:, 1:5, 2:6], part)
    torch.testing.assert_close(cross_entropy(scores(), label, known), expected)


def test_the_detection_loss_looks_at_known_pixels_only():
    offsets = torch.randn(2, 2, 6, 7, generator=torch.Generator().manual_seed(2))
    known = torch.rand(2, 6, 7, generator=torch.Generator().manual_seed(3)) < 0.6
    loss = detection_loss(scores(), offsets, windows(), known)
    elsewhere = torch.where(known, 0.0, 5.0)
    torch.testing.assert_close(
        detection_loss(scores() + elsewhere, offsets + elsewhere[:, None], windows(), known), loss
    )
    assert not torch.isclose(loss, detection_loss(scores(), offsets, windows()))


def test_eq_2_is_least_where_the_prediction_is_the_label():
    label = label_map(windows())
    at_label = float(cross_entropy(label.clamp_min(1e-9).log(), label))
    assert at_label < float(cross_entropy(scores(), label))
    # the entropy of the label itself: ln N_i
    seen = (label > 0).sum((1, 2)).double()
    assert at_label == pytest.approx(float(seen.log().mean()), abs=1e-4)


def test_eq_4_is_the_entropy_of_the_prediction():
    expected = 0.0
    for of_window in scores().tolist():
        for row in softmax(of_window):
            expected -= sum(value * math.log(value) for value in row)
    assert float(prediction_entropy(scores())) == pytest.approx(expected / 2, rel=1e-5)


def test_eq_4_runs_from_certain_to_even():
    certain = torch.zeros(1, 5, 5)
    certain[0, 2, 2] = 200
    assert float(prediction_entropy(certain)) == pytest.approx(0, abs=1e-6)
    assert float(prediction_entropy(torch.full((1, 5, 5), 3.0))) == pytest.approx(math.log(25))


def test_the_losses_bear_large_scores():
    score = 1e4 * scores()
    assert math.isfinite(float(cross_entropy(score, label_map(windows()))))
    assert math.isfinite(float(prediction_entropy(score)))


def test_the_detection_loss_is_the_focal_loss_and_the_offset_left_over():
    given, score = windows(), scores()
    offsets = torch.randn(2, 2, 6, 7, generator=torch.Generator().manual_seed(2))
    measured = ~given.maps.isnan().all(1)
    focal, n_positive, misses = 0.0, 0, []
    for window in range(2):
        places = given.yx_px[window][given.present[window]].tolist()
        hit = {(round(y), round(x)) for y, x in places}
        for y in range(6):
            for x in range(7):
                if not measured[window, y, x]:
                    continue
                near = min(places, key=lambda place: math.dist(place, (y, x)))
                distance = math.dist(near, (y, x))
                p = 1 / (1 + math.exp(-float(score[window, y, x])))
                if (y, x) in hit:
                    focal -= (1 - p) ** 2 * math.log(p)
                    n_positive += 1
                else:
                    temporary = math.exp(-(distance**2) / (2 * 0.8**2))
                    focal -= (1 - temporary) ** 4 * p**2 * math.log(1 - p)
                if distance < 1.6:
                    way = near[0] - y, near[1] - x
                    misses.append(sum(abs(float(offsets[window, axis, y, x]) - way[axis]) for axis in (0, 1)))
    expected = focal / n_positive + sum(misses) / len(misses)
    assert float(detection_loss(score, offsets, given)) == pytest.approx(expected, rel=1e-4)


def test_the_detection_loss_falls_to_nothing_where_all_is_right():
    given = windows()
    hits = label_map(given) > 0
    y, x = torch.meshgrid(torch.arange(6.0), torch.arange(7.0), indexing="ij")
    pixels = torch.stack([y, x])
    way = torch.zeros(2, 2, 6, 7)
    for window in range(2):
        places = given.yx_px[window][given.present[window]]
        apart = (places[:, :, None, None] - pixels).square().sum(1)
        nearest = places[apart.argmin(0)].permute(2, 0, 1)
        way[window] = nearest - pixels
    assert float(detection_loss(torch.where(hits, 30.0, -30.0), way, given)) == pytest.approx(0, abs=1e-5)


def test_a_window_without_impurities_is_borne():
    empty = PatchBatch(torch.zeros(1, 1, 6, 7), torch.zeros(1, 1, 2), torch.zeros(1, 1, dtype=torch.bool))
    score = scores()[:1].requires_grad_()
    loss = detection_loss(score, torch.zeros(1, 2, 6, 7), empty)
    loss.backward()
    assert math.isfinite(float(loss.detach()))
    # every score is pushed down
    assert (score.grad > 0).all()


def test_missing_pixels_teach_nothing():
    score = scores().requires_grad_()
    offsets = torch.zeros(2, 2, 6, 7, requires_grad=True)
    detection_loss(score, offsets, windows()).backward()
    assert score.grad[0, 5].abs().max() == 0
    assert offsets.grad[0, :, 5].abs().max() == 0
    assert score.grad[0, :5].abs().min() > 0


def test_the_structure_loss_is_the_cross_entropy_over_measured_pixels():
    draw = torch.Generator().manual_seed(4)
    label = torch.rand(2, 6, 7, generator=draw)
    labelled = replace(windows(), structure=label)
    expected, n = 0.0, 0
    for window in range(2):
        for y in range(6):
            for x in range(7):
                if window == 0 and y == 5:  # never measured
                    continue
                p = 1 / (1 + math.exp(-float(scores()[window, y, x])))
                y_label = float(label[window, y, x])
                expected -= y_label * math.log(p) + (1 - y_label) * math.log(1 - p)
                n += 1
    assert float(structure_loss(scores(), labelled)) == pytest.approx(expected / n, rel=1e-5)


def test_windows_without_a_structure_label_are_refused():
    with pytest.raises(ValueError, match="without a structure label"):
        structure_loss(scores(), windows())
