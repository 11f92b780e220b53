# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .person import Lung, step

__all__ = ["Effusion", "draw_effusion", "draw_side"]


@dataclass(frozen=True)
class Effusion:
    """Free fluid in the pleural space of one side, upright.

    Attributes:
        level: how high it stands in the middle of the lung above the costophrenic angle, in half image widths.
        climb: how much higher it stands at the chest wall: the meniscus.
        power: how suddenly it climbs there.
        soft: from the upper border, the height over which the fluid becomes as deep as the lung.
        inner: how much higher it stands at the mediastinum.
    """

    level: float
    climb: float
    power: float
    soft: float
    inner: float

    def share(self, lung: Lung, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Share of the lung's depth that is fluid, 0 to 1; exactly 0 above the meniscus.

        Args:
            lung: the side.
            x: from the midline outward.
            y: downward.
        """
        wall = lung.lateral(y)
        out = np.clip((x - lung.medial) / (wall - lung.medial + 1e-6), 0, 1)
        border = lung.angle - self.level - self.climb * out**self.power - self.inner * (1 - out) ** 6
        return step(y - border, self.soft)


def draw_side(rng: np.random.Generator) -> str:
    """``"left"``, ``"right"`` or ``"both"``, most of them on one side."""
    return str(rng.choice(["left", "right", "both"], p=[0.37, 0.38, 0.25]))


def draw_effusion(rng: np.random.Generator, lung: Lung) -> Effusion:
    """From a costophrenic angle that is just blunted to half a lung, small ones more often.

    Args:
        rng: the source of randomness.
        lung: the side.
    """
    height = lung.angle - lung.apex[1]
    size = rng.uniform(0, 1) ** 1.15
    return Effusion(
        level=0.42 * size * height,
        climb=(0.155 + 0.11 * np.sqrt(size)) * height * rng.uniform(0.85, 1.25),
        power=rng.uniform(2.2, 4.5),
        soft=0.05 + 0.13 * size * rng.uniform(0.6, 1.4),
        inner=0.08 * size * rng.uniform(0, 1),
    )
