# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Round heads of noise whose lesion, a bright square, grows, shrinks, is inserted or removed."""

from __future__ import annotations

from typing import Any

import numpy as np

from monai_anomaly.evaluation import Cases, Translation

EDITS = {"grow": (3, 6), "shrink": (6, 3), "insert": (0, 4), "remove": (5, 0)}
"""Half the side of the lesion, before and after."""
BRIGHTER = 0.4


def square(half: int, size: int = 32, place: int = 16) -> np.ndarray:
    mask = np.zeros((1, size, size), bool)
    mask[:, place - half : place + half, place - half : place + half] = True
    return mask


def head(size: int = 32) -> np.ndarray:
    x = np.arange(size) - (size - 1) / 2
    return (x[:, None] ** 2 + x**2 < (0.45 * size) ** 2)[None]


def make_edits(reach: float = 1.0, noise: float = 0.0, subjects: int = 3, seed: int = 0, **fields: Any) -> Cases:
    """Cases of every edit and subject; what the segmenter finds is what is brighter than any healthy tissue.

    Args:
        reach: 0: the input untouched, 1: the true counterfactual.
        noise: of the reconstruction, in the head.
        subjects: whose heads there are.
        seed: of the noise.
        fields: override; None drops one.
    """
    rng, noises = np.random.default_rng(0), np.random.default_rng(seed)
    cases = Cases(Translation.schema)
    for i in range(subjects):
        healthy = head() * rng.uniform(0.2, 0.5, (2, 32, 32))
        for edit, (before, after) in EDITS.items():
            mask, target_mask = square(before), square(after)
            image, target = healthy + BRIGHTER * mask, healthy + BRIGHTER * target_mask
            made = image + reach * (target - image) + noise * noises.normal(size=image.shape) * head()
            sizes = [float(m.sum() / head().sum()) for m in (mask, target_mask)]
            values = {
                "image": image,
                "reconstruction": made,
                "edit": edit,
                "mask": mask,
                "target": target,
                "target_mask": target_mask,
                "target_value": sizes[1],
                "value_before": sizes[0],
                "value_after": sizes[0] + reach * (sizes[1] - sizes[0]),
                **{
                    f"found_{name}": x.mean(0, keepdims=True) > 0.55
                    for name, x in (("before", image), ("after", made), ("truth", target))
                },
            }
            cases.append(f"s{i}", f"3 {edit}", **{**values, **fields})
    return cases
