# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from .person import Person, rim, step
from .tissue import SIDES
from .view import View

__all__ = ["bones"]

RIBS = 11


def bones(person: Person, view: View) -> np.ndarray:
    """Bone along each ray: spine, ribs, clavicles, shoulder blades, heads of the humerus; a rib is about 0.2."""
    out = _spine(person, view)
    for side in SIDES:
        out += _ribs(person, view, side) + _shoulder(person, view, side)
    return out


def _tube(distance: np.ndarray, half: np.ndarray | float) -> np.ndarray:
    """Path through a hollow tube: a shell of compact bone, brightest near its edges, around a spongy core."""
    d = distance / half
    return np.sqrt(np.clip(1 - d**2, 0, 1)) - 0.62 * np.sqrt(np.clip(0.66 - d**2, 0, 1))


def _ribs(person: Person, view: View, side: int) -> np.ndarray:
    """Each rib is a tilted ellipse around the chest: back at the spine, front lower; cartilage does not show."""
    spacing, drop, half, first = person.ribs
    lung = person.lungs[SIDES.index(side)]
    x, y, out = side * view.x, view.y, np.zeros_like(view.x)
    for k in range(RIBS):
        tilt = drop * (0.62 + 0.50 * min(k, 6) / 6)
        start = first + spacing * (k + 0.1 * k * (8 - k) / 16)
        wall = float(lung.lateral(np.float64(max(start + 0.42 * tilt, lung.apex[1] + 0.07)))) + 0.012
        if k == 0:
            wall, tilt = 0.9 * wall, 0.8 * tilt
        rows = np.flatnonzero(((y > start - 0.1) & (y < start + tilt + 0.25)).any(1))
        if len(rows) == 0:
            continue
        band = slice(rows[0], rows[-1] + 1)
        xs, ys = x[band], y[band]
        v = ys - (start + tilt / 2) - 0.13 * xs
        u = xs / wall
        w = v / (tilt / 2)
        radius = np.hypot(u, w) + 1e-6
        slope = np.hypot(u / wall, w / (tilt / 2)) / radius + 1e-6
        distance = (radius - 1) / slope
        front = step(w + 0.25, 0.5)
        height = half * (0.92 + 0.25 * front)
        end = (0.30 + 0.055 * k) * wall if k else 0.35 * wall
        shown = step(xs - 0.05, 0.04) * (1 - front * (1 - step(xs - end, 0.12)))
        dense = (0.115 - 0.03 * front - 0.03 * step(u - 0.8, 0.2)) * (1 - 0.3 * (k > 8))
        out[band] += dense * shown * _tube(distance, height) * 1.6
    return out


def _shoulder(person: Person, view: View, side: int) -> np.ndarray:
    x, y = side * view.x, view.y
    level, rise, half = person.clavicle
    middle = level - rise * np.clip((x - 0.06) / 0.7, 0, 1.2) - 0.028 * np.sin(6.2 * (x - 0.06) / 0.75)
    slope = np.hypot(1, rise / 0.7)
    ends = step(x - 0.055, 0.03) * (1 - step(x - 0.76, 0.05))
    wide = half * (1 + 0.35 * (1 - step(x - 0.06, 0.16)))
    out = 0.22 * ends * _tube((y - middle) / slope, wide) * 1.35
    # shoulder blade: a thin plate with a dense outer border; spine of the blade; head of the humerus
    inner = 0.60 + 0.10 * (y + 0.3) ** 2
    plate = step(x - inner, 0.02) * step(0.05 - y - 0.9 * (x - 0.62), 0.05) * step(y + 0.62, 0.1) * step(0.95 - x, 0.08)
    border = _tube(0.05 - y - 0.9 * (x - 0.62) - 0.035, 0.035) * step(y + 0.5, 0.1) * step(x - inner, 0.02)
    out += 0.05 * plate + 0.08 * border
    u, v = x - person.body - 0.10, y - person.shoulder - 0.20
    head = rim(0.105 - np.hypot(u, v), 0.105)
    shaft = _tube(u - 0.02 - 0.35 * v, 0.06) * step(v, 0.05)
    return out + 0.14 * head + 0.16 * shaft


def _spine(person: Person, view: View) -> np.ndarray:
    half, height, first = person.spine
    x, y = view.x, view.y
    phase = (y - first) / height
    u = (phase - np.round(phase)) * height  # 0 in the middle of a vertebra
    waist = half * (0.92 + 0.10 * (2 * u / height) ** 2)
    vertebra = step(0.44 * height - np.abs(u), 0.02)
    column = rim(waist - np.abs(x), half) * (0.55 + 0.45 * vertebra)
    plates = np.exp(-(((np.abs(u) - 0.42 * height) / 0.008) ** 2)) * step(waist - np.abs(x), 0.02)
    out = 0.17 * column + 0.04 * plates
    for side in SIDES:
        r2 = ((side * x - 0.62 * half) / 0.016) ** 2 + ((u + 0.15 * height) / 0.024) ** 2
        out += 0.08 * np.exp(-r2)
        process = step(side * x - half * 0.8, 0.02) * (1 - step(side * x - 1.55 * half, 0.03))
        out += 0.07 * process * _tube(u + 0.1 * height + 0.2 * (side * x - half), 0.02)
    out += 0.09 * np.exp(-((x / 0.012) ** 2) - ((u - 0.25 * height) / 0.03) ** 2)
    return out
