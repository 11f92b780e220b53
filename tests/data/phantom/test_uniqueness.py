# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monai_anomaly.data.phantom import make_subject, residual_correlation
from monai_anomaly.data.phantom.uniqueness import brain_scaled


@pytest.fixture(scope="module")
def people():
    return [make_subject(s, "A", None, 4.0) for s in range(16)]


@pytest.mark.parametrize("channel", range(4))
def test_no_two_subjects_are_copies(people, channel):
    correlation = residual_correlation(people, channel)
    apart = correlation[~np.eye(len(people), dtype=bool)]
    assert np.allclose(correlation, correlation.T) and apart.max() < 0.5


def test_a_copy_is_found(people):
    noise = np.random.default_rng(0).normal(0, 5, people[2].image.shape)
    copy = replace(people[2], image=(people[2].image + noise).astype(np.float32))
    assert residual_correlation([*people, copy])[2, -1] > 0.9


def test_brain_scaled_puts_the_median_at_its_place(people):
    s = people[0]
    scaled = brain_scaled(s.image, s.mask)
    assert scaled.min() == 0 and scaled.max() <= 1
    assert np.allclose([np.median(c[s.mask > 0]) for c in scaled], 1 / 2.2, atol=1e-4)
    assert np.allclose(brain_scaled(7 * s.image, s.mask), scaled, atol=1e-6)
