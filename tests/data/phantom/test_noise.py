# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from monai_anomaly.data.phantom.noise import smooth_noise, warp


@pytest.mark.parametrize("fwhm", [5, 9, 25])
def test_mean_0_and_variance_1(fwhm):
    z = smooth_noise(np.random.default_rng(0), (54, 66, 55), 3.0, fwhm, 8)
    assert z.shape == (8, 54, 66, 55) and z.dtype == np.float32
    assert abs(z.mean()) < 0.1
    assert z.var() == pytest.approx(1, abs=0.15)


def test_one_seed_is_one_field_at_every_voxel_size():
    fine = smooth_noise(np.random.default_rng(1), (108, 132, 110), 1.5, 14)[0]
    coarse = smooth_noise(np.random.default_rng(1), (54, 66, 55), 3.0, 14)[0]
    assert np.allclose(fine[::2, ::2, ::2], coarse, atol=1e-4)


def test_wider_is_smoother():
    rough, smooth = (smooth_noise(np.random.default_rng(2), (54, 66, 55), 3.0, f)[0] for f in (8, 40))
    assert np.abs(np.diff(rough, axis=0)).mean() > 3 * np.abs(np.diff(smooth, axis=0)).mean()


def test_warp_by_whole_voxels_is_a_shift():
    v = np.random.default_rng(0).random((2, 8, 9, 10), dtype=np.float32)
    d = np.zeros((3, 8, 9, 10), np.float32)
    assert np.array_equal(warp(v, d), v)
    d[1] = 2
    assert np.allclose(warp(v, d)[:, :, :7], v[:, :, 2:], atol=1e-6)
    assert np.all(warp(v, d)[:, :, 7:] == 0)
