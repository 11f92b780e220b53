# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.metrics import mean_healthy_image, trivial_baselines
from monai_anomaly.utils import DataError

IMAGES = np.random.default_rng(0).random((3, 2, 4, 5)).astype(np.float32)


def test_channels_and_distance() -> None:
    baselines = trivial_baselines(["t1", "flair"], IMAGES[0])
    np.testing.assert_array_equal(baselines["intensity flair"](IMAGES), IMAGES[:, 1:])
    distance = baselines["distance to mean healthy"](IMAGES)
    assert distance.shape == (3, 1, 4, 5) and not distance[0].any()
    np.testing.assert_allclose(distance[:, 0], np.abs(IMAGES - IMAGES[0]).sum(1), rtol=1e-6)
    assert list(trivial_baselines(["t1"])) == ["intensity t1"]


def test_mean_is_of_healthy_samples_only() -> None:
    samples = [{"image": MetaTensor(torch.from_numpy(x)), "label": y} for x, y in zip(IMAGES, (0, 1, 0), strict=True)]
    np.testing.assert_allclose(mean_healthy_image(samples), IMAGES[[0, 2]].mean(0), rtol=1e-6)


def test_no_healthy_sample_leaves_the_baseline_out_and_another_shape_is_an_error() -> None:
    with pytest.warns(UserWarning, match="no training sample has label 0"):
        assert mean_healthy_image([{"image": IMAGES[0], "label": 1}]) is None
    with pytest.raises(DataError, match="shape"):
        trivial_baselines([], IMAGES[0, :1])["distance to mean healthy"](IMAGES)
