# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Lung", "Person", "draw_person", "rim", "step"]


def rim(distance: np.ndarray, width: np.ndarray | float) -> np.ndarray:
    """Depth of a round body at ``distance`` from its outline: 0 outside, a quarter circle, 1 from ``width`` on."""
    inside = np.clip(distance / width, 0, 1)
    return np.sqrt(inside * (2 - inside))


def step(x: np.ndarray, width: np.ndarray | float) -> np.ndarray:
    """From 0 at ``x <= 0`` to 1 at ``x >= width``, smoothly; exactly 0 and 1 outside."""
    t = np.clip(x / width, 0, 1)
    return t * t * (3 - 2 * t)


@dataclass(frozen=True)
class Lung:
    """Outline of one lung. ``x`` counts from the midline outward, ``y`` downward; the image spans -1 to 1.

    Attributes:
        apex: (x, y) of the highest point.
        widest: (x, y) where the chest wall is farthest out.
        medial: x of the mediastinal border.
        dome: (x, y) of the top of the diaphragm.
        angle: y of the costophrenic angle, where the diaphragm meets the chest wall.
        fall: how much lower than its top the diaphragm is at the midline.
        hilum: (x, y) where the vessels come from.
    """

    apex: tuple[float, float]
    widest: tuple[float, float]
    medial: float
    dome: tuple[float, float]
    angle: float
    fall: float
    hilum: tuple[float, float]

    def lateral(self, y: np.ndarray) -> np.ndarray:
        """x of the chest wall: a quarter ellipse from the apex to the widest place, then slowly inward."""
        s = np.clip((y - self.apex[1]) / (self.widest[1] - self.apex[1]), 0, 1)
        below = np.maximum(y - self.widest[1], 0)
        return self.apex[0] + (self.widest[0] - self.apex[0]) * np.sqrt(s * (2 - s)) - 0.12 * below**2

    def mediastinal(self, y: np.ndarray) -> np.ndarray:
        """x of the mediastinal border, which meets the chest wall at the apex."""
        s = np.clip((y - self.apex[1]) / 0.32, 0, 1)
        return self.apex[0] - (self.apex[0] - self.medial) * np.sqrt(s * (2 - s))

    def diaphragm(self, x: np.ndarray) -> np.ndarray:
        """y of the diaphragm: a dome that falls steeply to the costophrenic angle."""
        wall = self.widest[0] - 0.12 * (self.angle - self.widest[1]) ** 2
        out = np.clip((x - self.dome[0]) / (wall - self.dome[0]), 0, 1)
        inward = np.clip((self.dome[0] - x) / self.dome[0], 0, 1.3)
        fall = 0.45 * out**2 + 0.55 * (1 - np.sqrt(1 - out**2))
        return self.dome[1] + (self.angle - self.dome[1]) * fall + self.fall * inward**2


@dataclass(frozen=True)
class Person:
    """What one person looks like, as drawn numbers; coordinates as in `Lung`, sizes in half image widths.

    Attributes:
        lungs: right and left; the right lung is on the left of the image, as radiographs are shown.
        body: half width of the torso.
        shoulder: y of the shoulders.
        heart: center x, center y, long and short half axis, tilt in rad.
        arch: x, y, radius of the aortic knob.
        mediastinum: half width of the upper mediastinum.
        trachea: half width, and y of the bifurcation.
        spine: half width and height of a vertebra, and y of the first.
        ribs: distance from rib to rib, drop from back to front, half height, y of the first at the spine.
        clavicle: y at the sternum, rise to the shoulder, half height.
        breast: x, y, radius, density of the soft tissue over the lower lungs.
        stomach: density (negative: gas) below the left diaphragm.
        densities: lung, bone, abdomen, heart, vessels relative to the usual.
    """

    lungs: tuple[Lung, Lung]
    body: float
    shoulder: float
    heart: tuple[float, float, float, float, float]
    arch: tuple[float, float, float]
    mediastinum: float
    trachea: tuple[float, float]
    spine: tuple[float, float, float]
    ribs: tuple[float, float, float, float]
    clavicle: tuple[float, float, float]
    breast: tuple[float, float, float, float]
    stomach: float
    densities: tuple[float, float, float, float, float]


def draw_person(rng: np.random.Generator) -> Person:
    """Draw a healthy person; none of the numbers knows about the disease."""
    width, breath = rng.normal(1, 0.045), rng.normal(0, 0.05)
    top, wide, medial = rng.normal(-0.75, 0.025), rng.normal(0.78, 0.02) * width, rng.normal(0.085, 0.012)
    dome = 0.36 + breath + rng.normal(0, 0.02)
    lungs = tuple(
        Lung(
            apex=(rng.normal(0.33, 0.015) * width, top + rng.normal(0, 0.008)),
            widest=(wide + rng.normal(0, 0.008), rng.normal(0.36, 0.04) + breath / 2),
            medial=medial,
            dome=(rng.normal(0.39, 0.025) * width, dome + lower + rng.normal(0, 0.015)),
            angle=dome + lower / 2 + rng.normal(0.245, 0.03),
            fall=rng.uniform(0.03, 0.09),
            hilum=(rng.normal(0.17, 0.01), rng.normal(-0.06, 0.02) - lower),
        )
        for lower in (0.0, rng.normal(0.04, 0.015))  # the liver lifts the right dome
    )
    size = rng.normal(1, 0.07)
    lung, bone, abdomen, heart, vessel = (float(rng.normal(1, s)) for s in (0.06, 0.15, 0.12, 0.1, 0.2))
    return Person(
        lungs=(lungs[0], lungs[1]),
        body=wide + rng.uniform(0.10, 0.20),
        shoulder=top + rng.normal(0.0, 0.025),
        heart=(
            rng.normal(0.095, 0.02), dome - 0.06 + rng.normal(0, 0.015), 0.42 * size * width, 0.285 * size,
            rng.normal(0.66, 0.07),
        ),
        arch=(rng.normal(0.105, 0.012), rng.normal(-0.36, 0.025), rng.normal(0.085, 0.01)),
        mediastinum=rng.normal(0.115, 0.014),
        trachea=(rng.normal(0.034, 0.004), rng.normal(-0.27, 0.025)),
        spine=(rng.normal(0.078, 0.006), rng.normal(0.125, 0.006), rng.uniform(-1.05, -0.95)),
        ribs=(
            rng.normal(0.128, 0.005), rng.normal(0.46, 0.04), rng.normal(0.026, 0.002), top + rng.normal(-0.03, 0.015),
        ),
        clavicle=(rng.normal(-0.55, 0.03), rng.normal(0.13, 0.045), rng.normal(0.028, 0.002)),
        breast=(rng.normal(0.46, 0.03), rng.normal(0.28, 0.06), rng.uniform(0.26, 0.36), rng.uniform(0, 0.13)),
        stomach=rng.uniform(-0.25, 0.02),
        densities=(lung, bone, abdomen, heart, vessel),
    )  # fmt: skip
