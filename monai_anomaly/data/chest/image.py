# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage as ndi

from ...utils import DataError
from .bones import bones
from .effusion import draw_effusion
from .person import draw_person
from .tissue import SIDES, abdomen, air, body, mediastinum
from .vessels import vessels
from .view import View, draw_view

__all__ = ["VISIBLE", "ChestImage", "make_chest"]

VISIBLE = 0.04
"""Share of the intensity range from which a change counts as visible, and belongs to the mask."""

_SIDES = {None: (), "right": (0,), "left": (1,), "both": (0, 1)}


class ChestImage(NamedTuple):
    """A frontal chest X-ray, bone and fluid bright; axes (x, y), the right lung at small x, y downward.

    Attributes:
        image: (size, size), float32, -1 to 1.
        twin: the same person with the same noise and without fluid; equal to ``image`` where there is none.
        mask: (size, size), bool: where the fluid changes the image by more than `VISIBLE` of its range.
    """

    image: np.ndarray
    twin: np.ndarray
    mask: np.ndarray


def make_chest(seed: int, size: int = 256, side: str | None = None) -> ChestImage:
    """A generated person with or without pleural effusion; the person does not depend on the fluid, nor on the size.

    Attenuation is added up along each ray, as X-rays do; a curve of the detector makes gray values of it.

    Args:
        seed: the person, the disease and the noise.
        size: pixels per axis, 16 or more.
        side: where the fluid is: ``"left"``, ``"right"`` (of the person), ``"both"`` or None.

    Raises:
        DataError: an argument is none of the above.
    """
    if side not in _SIDES:
        raise DataError(f"chest phantom side: expected left, right, both or None, found {side}")
    if seed < 0 or size < 16:
        raise DataError(f"chest phantom: expected a seed >= 0 and a size >= 16, found {seed} and {size}")
    person = draw_person(np.random.default_rng([seed, 1]))
    view = draw_view(np.random.default_rng([seed, 2]), size)
    lung_density, bone_density, liver_density, heart_density, vessel_density = person.densities

    *depths, below = air(person, view)
    heart, pipe = mediastinum(person, view)
    tree = vessels(np.random.default_rng([seed, 3]), person, view) * vessel_density
    trunk = body(person, view)
    dense = 0.22 * liver_density * trunk
    # what a sample of aerated lung takes away from the attenuation of soft tissue
    room = np.minimum(trunk, 1.1)
    aerated = [d * (1 - 0.75 * heart) * (0.85 * lung_density * room - 0.24 * np.minimum(tree, 2)) for d in depths]
    healthy = (
        trunk * (1 + 0.12 * heart_density * heart) - 0.21 * pipe * (trunk > 0) - sum(aerated)
        + dense * abdomen(person, view, below) + bone_density * bones(person, view) * (trunk > 0)
    )  # fmt: skip
    healthy = np.maximum(healthy, 0)
    fluid = np.zeros_like(healthy)
    rng = np.random.default_rng([seed, 4])
    for k, lung in enumerate(person.lungs):
        effusion = draw_effusion(rng, lung)
        if k in _SIDES[side]:
            share = effusion.share(lung, SIDES[k] * view.x, view.y)
            # fluid is as dense as what lies below the diaphragm, whose outline it therefore hides
            fluid += share * (aerated[k] + dense * (1 - below) * np.minimum(3 * depths[k], 1) * (1 - heart))
    return _expose(np.random.default_rng([seed, 5]), view, healthy, fluid)


def _expose(rng: np.random.Generator, view: View, healthy: np.ndarray, fluid: np.ndarray) -> ChestImage:
    """Detector and display: blur, gray curve, shading, noise; the same for both images."""
    gain, dark, bright = rng.normal(1.25, 0.14), rng.uniform(-1.0, -0.92), rng.uniform(0.72, 1.0)
    gamma, shade = np.exp(rng.normal(0, 0.10)), rng.normal(0, 0.03, 4)
    blur = rng.uniform(0.003, 0.006) / view.pixel
    noise = rng.uniform(0.012, 0.035) * rng.standard_normal((view.size, view.size))
    top = 1 - np.exp(-gain * 1.75)
    wave = shade[0] * view.x + shade[1] * view.y + shade[2] * view.x * view.y + shade[3] * (view.x**2 - 0.3)

    def gray(attenuation: np.ndarray) -> np.ndarray:
        curve = (1 - np.exp(-gain * attenuation)) / top
        curve = np.clip(curve, 0, 1.3) ** gamma * (1 + wave)
        return view.bin(ndi.gaussian_filter(dark + (bright - dark) * curve, blur))

    twin, image = gray(healthy), gray(healthy + fluid)
    touched = view.bin(ndi.gaussian_filter((fluid > 0).astype(np.float32), blur)) > 0
    image = np.where(touched, image, twin)
    grain = ndi.gaussian_filter(noise, 0.45)
    out = [np.clip(v + grain, -1, 1).astype(np.float32).T for v in (image, twin)]
    return ChestImage(out[0], out[1], np.abs(out[0] - out[1]) > 2 * VISIBLE)
