# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Synthetic segmentations: discs in a round brain, predicted by an ensemble whose border wobbles."""

from __future__ import annotations

import numpy as np

from monai_anomaly.evaluation import Cases, Segmentation


def disc(size: int, x: float, y: float, radius: float) -> np.ndarray:
    i, j = np.mgrid[:size, :size]
    return (i - x) ** 2 + (j - y) ** 2 < radius**2


def make_blobs(
    seed: int = 0,
    n: int = 9,
    samples: int = 5,
    regions: int = 1,
    size: int = 32,
    wobble: float = 1.0,
    keep: bool = True,
    soft: bool = False,
) -> Cases:
    """Three slices per subject; every third slice is healthy, with now and then a false alarm of one sample.

    Region k is a disc of (K - k) / K of the first one's radius. The second channel shows the lesion, the first not.
    """
    rng = np.random.default_rng(seed)
    cases = Cases(Segmentation.schema)
    for i in range(n):
        brain = disc(size, size / 2, size / 2, size * 0.45)
        x, y = size * (0.5 + 0.15 * rng.uniform(-1, 1, 2))
        radius = 0.0 if i % 3 == 0 else size * (0.08 + 0.12 * i / n)
        mask = np.stack([disc(size, x, y, radius * (regions - k) / regions) for k in range(regions)])
        drawn = np.empty((samples, regions, size, size), np.float32)
        for s in range(samples):
            dx, dy, dr = wobble * size / 32 * rng.normal(size=3)
            wrong = max(0.0, radius + dr) if radius else max(0.0, 2 * dr - 3)
            for k in range(regions):
                drawn[s, k] = disc(size, x + dx, y + dy, wrong * (regions - k) / regions) & brain
        if soft:
            drawn = np.clip(0.9 * drawn + 0.1 * rng.random(drawn.shape), 0, 1).astype(np.float32)
        image = brain * (0.4 + 0.1 * rng.random((2, size, size)))
        image[1] += 0.3 * mask[0]
        kept = drawn if keep else None
        cases.append(f"s{i // 3}", 40 + i, image=image, mean=drawn.mean(0), mask=mask, samples=kept)
    return cases
