# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Synthetic cases whose lesion is brighter than the twin by 0.4, with maps of any quality."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from monai_anomaly.evaluation import AnomalyMaps, Cases

MapOf = Callable[[np.ndarray, np.ndarray, np.random.Generator], Any]


def make_lesions(seed: int, map_of: MapOf, n: int = 12, reconstruction: str = "twin", **fields: Any) -> Cases:
    """Every third case is healthy; ``fields`` override, None drops one."""
    rng = np.random.default_rng(seed)
    cases = Cases(AnomalyMaps.schema)
    for i in range(n):
        twin = np.pad(0.3 + 0.2 * rng.random((2, 20, 20)), ((0, 0), (2, 2), (2, 2)))
        mask = np.zeros((1, 24, 24), bool)
        if i % 3:
            x, y = rng.integers(4, 14, 2)
            mask[:, x : x + 2 + i // 3, y : y + 4] = True
        image = twin + 0.4 * mask
        values = {
            "image": image,
            "map": map_of(image - twin, mask, rng),
            "reconstruction": {"twin": twin, "image": image}.get(reconstruction),
            "mask": mask,
            "twin": twin,
            "label": int(i % 3 > 0),
        }
        cases.append(f"s{i // 4}", i, **{**values, **fields})
    return cases


def perfect(difference: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.abs(difference).sum(0, keepdims=True)


def inverted(difference: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return 1.0 - mask


def noisy(difference: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return perfect(difference, mask, rng) + np.abs(rng.normal(size=mask.shape))


def no_map(*_: Any) -> None:
    return None
