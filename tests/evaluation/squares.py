# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Synthetic healthy reconstructions: noise in [-1, 1], diseased by a brighter and a darker square."""

from __future__ import annotations

import numpy as np

from monai_anomaly.evaluation import AnomalyMaps, Cases


def make_squares(
    seed: int = 0,
    n: int = 9,
    error: float = 0.05,
    size: int = 24,
    maps: bool = True,
    truth: bool = True,
    logit: float | None = 2.0,
    noise_seed: int = 0,
) -> Cases:
    """A subject per slice; every third slice is healthy.

    Args:
        seed: of the images.
        n: slices.
        error: standard deviation of the error of the reconstruction.
        size: of the images.
        maps: with maps and reconstructions.
        truth: with masks and twins.
        logit: how well the classes are told apart; None: no probability.
        noise_seed: of the reconstruction and the probabilities.
    """
    rng, noise = np.random.default_rng(seed), np.random.default_rng(noise_seed)
    cases = Cases(AnomalyMaps.schema)
    for i in range(n):
        twin = rng.uniform(-0.4, 0.1, (1, size, size)).astype(np.float32)
        half = i % 3 * (1 + i // 3)
        x, y = rng.integers(half, size - half, 2)
        mask = np.zeros((1, size, size), bool)
        mask[:, x - half : x + half, y - half : y + half] = True
        sign = np.where(np.arange(size) < y, 1, -1)
        image = (twin + rng.uniform(0.2, 0.7, twin.shape) * sign * mask).astype(np.float32)
        healthy = twin + error * noise.normal(size=twin.shape)
        fields = {"map": np.abs(image - healthy) / 2, "reconstruction": healthy} if maps else {}
        known = {"mask": mask, "twin": twin} if truth else {}
        said = None if logit is None else 1 / (1 + np.exp(-logit * ((i % 3 > 0) - 0.5) - noise.normal()))
        label = int(i % 3 > 0)
        cases.append(f"s{i}", 0, image=image, **fields, **known, label=label, probability=said)
    return cases
