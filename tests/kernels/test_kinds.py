"""Kinds of impurity from phases of known errors."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from napari_stm_impurities.kernels.kinds import find_kinds, phase_features

BIASES = 8


def measured(rng, phases, n, sigma=0.05, scatter=0.08, tail=0.0):
    """The T matrices of n impurities of kinds with given phases, with errors; the kind beside them."""
    kind = rng.integers(0, len(phases), n)
    strength = rng.uniform(0.3, 1.0, n)
    phase = np.array(phases)[kind] + rng.normal(0, scatter, n) + tail * rng.standard_t(2, n)
    place = np.linspace(-0.5, 0.5, BIASES)[:, None]
    t = strength * np.exp(1j * (phase + 0.3 * place))
    t = t + sigma * (rng.normal(size=t.shape) + 1j * rng.normal(size=t.shape))
    return t, np.full(t.shape, sigma), kind


@pytest.mark.parametrize("seed", range(12))
def test_one_kind_is_never_split(seed):
    rng = np.random.default_rng(seed)
    t, sigma, _ = measured(rng, [2.0], 60, tail=0.08)
    assert len(find_kinds(phase_features(t, sigma)).mean) == 1


@pytest.mark.parametrize("phases", [[1.8, 2.9], [1.6, 2.4, 3.4], [1.6, 2.4, 3.2, 4.2]])
def test_kinds_and_their_number_are_found(phases):
    rng = np.random.default_rng(1)
    t, sigma, kind = measured(rng, phases, 80)
    found = find_kinds(phase_features(t, sigma))
    assert len(found.mean) == len(phases)
    assert adjusted_rand_score(kind, found.kind) > 0.9
    assert np.sort(found.mean[:, 0] % (2 * np.pi)) == pytest.approx(phases, abs=0.12)


def test_outliers_are_of_no_kind():
    rng = np.random.default_rng(2)
    t, sigma, _ = measured(rng, [1.8, 3.0], 60)
    t[:, :3] = 0.8 * np.exp(-1.5j + 2j * np.linspace(-0.5, 0.5, BIASES)[:, None])
    found = find_kinds(phase_features(t, sigma))
    assert len(found.mean) == 2
    assert (found.kind[:3] == -1).all()


def test_the_confidence_is_the_share_that_is_right():
    right, confidence = [], []
    for seed in range(8):
        rng = np.random.default_rng(100 + seed)
        t, sigma, kind = measured(rng, [2.0, 2.5], 80, scatter=0.16)
        found = find_kinds(phase_features(t, sigma), 2)
        own = np.where(found.mean[:, 0].argsort().argsort()[found.kind] == kind, 1.0, 0.0)
        right.extend(own[found.kind >= 0])
        confidence.extend(found.confidence[found.kind >= 0])
    assert np.mean(right) == pytest.approx(np.mean(confidence), abs=0.08)


def test_the_phase_of_a_weak_impurity_is_uncertain():
    rng = np.random.default_rng(3)
    t, sigma, _ = measured(rng, [2.0], 40)
    t[:, 0] = 0.02 * np.exp(2j)
    covariance = phase_features(t, sigma).covariance[:, 0, 0]
    assert covariance[0] > 10 * np.median(covariance)
