# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from monai_anomaly.metrics import (
    mean_absolute_error,
    mean_squared_error,
    regional_similarity,
    structural_similarity,
)

IMAGES = np.random.default_rng(0).random((3, 2, 16, 18)).astype(np.float32)
REGIONS = np.zeros((3, 1, 16, 18), bool)
REGIONS[:2, :, 3:6, 4:9] = True


def test_equal_images_have_no_error() -> None:
    np.testing.assert_array_equal(mean_absolute_error(IMAGES, IMAGES, REGIONS, 1.0), [0, 0, np.nan])
    np.testing.assert_allclose(structural_similarity(IMAGES, IMAGES, 1.0), 1, rtol=1e-6)


def test_error_counts_the_region_only_and_is_a_share_of_the_range() -> None:
    other = IMAGES.copy()
    other[:, 0] += np.where(REGIONS[:, 0], 0.5, 100)  # one of two channels
    np.testing.assert_allclose(mean_absolute_error(other, IMAGES, REGIONS, 2.0)[:2], 0.5 / 2 / 2, rtol=1e-5)


def test_squared_error_is_in_units_of_minus_one_to_one() -> None:
    np.testing.assert_allclose(mean_squared_error(IMAGES, IMAGES + 0.25, 1.0), 0.5**2, rtol=1e-5)
    np.testing.assert_allclose(mean_squared_error(8 * IMAGES, 8 * IMAGES + 2, 8.0), 0.5**2, rtol=1e-4)
    half = np.concatenate([IMAGES[:, :1], IMAGES[:, 1:] + 0.25], 1)
    np.testing.assert_allclose(mean_squared_error(IMAGES, half, 1.0), 0.5**2 / 2, rtol=1e-5)
    assert mean_squared_error(IMAGES[:0], IMAGES[:0], 1.0).shape == (0,)


def test_similarity_is_invariant_to_units_and_falls_with_noise() -> None:
    noise = np.random.default_rng(1).normal(size=IMAGES.shape)
    little, much = (structural_similarity(IMAGES + s * noise, IMAGES, 1.0) for s in (0.05, 0.3))
    assert (much < little).all() and (little < 1).all()
    np.testing.assert_allclose(structural_similarity(7 * (IMAGES + 0.05 * noise), 7 * IMAGES, 7.0), little, rtol=1e-3)


def test_similarity_of_tiny_and_of_no_images() -> None:
    tiny = IMAGES[:, :, :4, :4]
    np.testing.assert_allclose(structural_similarity(tiny, tiny, 1.0), 1, rtol=1e-6)
    assert structural_similarity(IMAGES[:0], IMAGES[:0], 1.0).shape == (0,)


def test_similarity_of_a_region_sees_what_differs_there_alone() -> None:
    rng = np.random.default_rng(1)
    noise = 0.3 * rng.normal(size=IMAGES.shape).astype(np.float32)
    inside, outside = IMAGES + noise * REGIONS, IMAGES + noise * ~REGIONS
    np.testing.assert_allclose(regional_similarity(outside, IMAGES, REGIONS, 1.0), [1, 1, np.nan], rtol=1e-6)
    assert (regional_similarity(inside, IMAGES, REGIONS, 1.0)[:2] < 0.95).all()


def test_similarity_of_the_whole_image_is_near_that_without_its_rim() -> None:
    rng = np.random.default_rng(1)
    images = rng.random((2, 1, 64, 64)).astype(np.float32)
    noisy, whole = images + 0.2 * rng.normal(size=images.shape).astype(np.float32), np.ones((2, 1, 64, 64), bool)
    np.testing.assert_allclose(
        regional_similarity(noisy, images, whole, 1.0), structural_similarity(noisy, images, 1.0), atol=0.02
    )


def test_an_unknown_image_has_no_similarity() -> None:
    images = IMAGES.copy()
    images[0] = np.nan
    found = regional_similarity(images, IMAGES, REGIONS, 1.0)
    assert np.isnan(found[0]) and found[1] > 0.999
