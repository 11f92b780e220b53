# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.evaluation.tasks.baselines import best_channel_threshold, intensity_maps, mean_healthy_image
from monai_anomaly.metrics import dice_per_slice
from monai_anomaly.utils import DataError

from ..blobs import make_blobs

IMAGES = np.random.default_rng(0).random((3, 2, 4, 5)).astype(np.float32)


def test_channels_and_distance() -> None:
    baselines = intensity_maps(["t1", "flair"], IMAGES[0])
    np.testing.assert_array_equal(baselines["intensity flair"](IMAGES), IMAGES[:, 1:])
    distance = baselines["distance to mean healthy"](IMAGES)
    assert distance.shape == (3, 1, 4, 5) and not distance[0].any()
    np.testing.assert_allclose(distance[:, 0], np.abs(IMAGES - IMAGES[0]).sum(1), rtol=1e-6)
    assert list(intensity_maps(["t1"])) == ["intensity t1"]


def test_mean_is_of_healthy_samples_only() -> None:
    samples = [{"image": MetaTensor(torch.from_numpy(x)), "label": y} for x, y in zip(IMAGES, (0, 1, 0), strict=True)]
    np.testing.assert_allclose(mean_healthy_image(samples), IMAGES[[0, 2]].mean(0), rtol=1e-6)


def test_no_healthy_sample_leaves_the_baseline_out_and_another_shape_is_an_error() -> None:
    with pytest.warns(UserWarning, match="no training sample has label 0"):
        assert mean_healthy_image([{"image": IMAGES[0], "label": 1}]) is None
    with pytest.raises(DataError, match="shape"):
        intensity_maps([], IMAGES[0, :1])["distance to mean healthy"](IMAGES)


def test_finds_the_channel_that_shows_the_lesion() -> None:
    cases = make_blobs()
    (baseline,) = best_channel_threshold(cases)
    assert baseline is not None and baseline.channel == 1 and 0.5 < baseline.value < 0.7 and baseline.dice == 1
    dice = dice_per_slice(baseline(cases["image"]), cases["mask"][:, 0])
    assert np.nanmean(dice) == pytest.approx(baseline.dice)


def test_a_data_set_gives_what_the_cases_give_and_no_lesion_nothing() -> None:
    cases = make_blobs(regions=2)
    items = [
        {"image": torch.from_numpy(i), "mask": torch.from_numpy(m.astype(np.float32))}
        for i, m in zip(cases["image"], cases["mask"], strict=True)
    ]
    assert best_channel_threshold(items) == best_channel_threshold(cases)
    assert best_channel_threshold(items[:1]) == best_channel_threshold([]) == []
    for item in items:
        item["mask"][1] = 0
    first, second = best_channel_threshold(items)
    assert first is not None and second is None
