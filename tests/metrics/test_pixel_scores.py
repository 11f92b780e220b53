# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.metrics import DiceMetric, compute_average_precision, compute_roc_auc

from monai_anomaly.metrics import dice_per_slice, per_slice, ranking_scores, roc_auc


def random_pixels(seed: int, levels: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.random(2000) < 0.1
    scores = (rng.normal(size=2000) + labels).astype(np.float32)
    return (np.round(scores * levels) / levels if levels else scores), labels


@pytest.mark.parametrize("levels", [0, 2])
@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_monai_and_sklearn(seed: int, levels: int) -> None:
    scores, labels = random_pixels(seed, levels)
    tensors = torch.from_numpy(scores), torch.from_numpy(labels).float()
    auroc, precision = ranking_scores(scores, labels)
    assert auroc == pytest.approx(compute_roc_auc(*tensors), abs=1e-6)
    assert precision == pytest.approx(compute_average_precision(*tensors), abs=1e-6)
    metrics = pytest.importorskip("sklearn.metrics")
    assert auroc == pytest.approx(metrics.roc_auc_score(labels, scores), abs=1e-12)
    assert precision == pytest.approx(metrics.average_precision_score(labels, scores), abs=1e-12)


def test_invariant_to_monotone_transforms() -> None:
    scores, labels = random_pixels(0, 5)
    assert ranking_scores(np.exp(scores.astype(np.float64) / 3) + 7, labels) == ranking_scores(scores, labels)


def test_perfect_inverted_and_constant() -> None:
    labels = random_pixels(0, 0)[1]
    assert ranking_scores(labels.astype(float), labels) == (1, 1)
    assert roc_auc(-labels.astype(float), labels) == 0
    assert ranking_scores(np.zeros(len(labels)), labels) == (0.5, pytest.approx(labels.mean()))


@pytest.mark.parametrize("labels", [np.zeros(4, bool), np.ones(4, bool), np.zeros(0, bool)])
def test_one_class_is_nan(labels: np.ndarray) -> None:
    assert np.isnan(ranking_scores(np.arange(len(labels)), labels)).all()


def test_dice_agrees_with_monai() -> None:
    rng = np.random.default_rng(0)
    masks, predictions = rng.random((2, 7, 1, 8, 9)) < 0.3
    masks[1], predictions[2] = False, False
    expected = DiceMetric(ignore_empty=True)(torch.from_numpy(predictions).float(), torch.from_numpy(masks).float())
    np.testing.assert_allclose(dice_per_slice(predictions, masks), expected[:, 0], rtol=1e-6)


def test_per_slice_skips_empty_masks() -> None:
    maps = np.random.default_rng(0).random((3, 1, 5, 5))
    masks = maps > 0.8
    masks[1] = False
    auroc, ap = per_slice(maps, masks)
    np.testing.assert_array_equal(auroc, [1, np.nan, 1])
    np.testing.assert_array_equal(ap, [1, np.nan, 1])
