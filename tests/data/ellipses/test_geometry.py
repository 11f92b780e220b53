# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_anomaly.data.ellipses import deform, draw_scene, make_ellipses, render
from monai_anomaly.data.ellipses.geometry import DISTANCE, GRID, SHIFT, SIGMA

SCENES = [draw_scene(np.random.default_rng(seed)) for seed in range(40)]


@pytest.mark.parametrize("size", [16, 64, 100, 256, 300])
@pytest.mark.parametrize("diseased", [False, True])
def test_shape_and_range(size: int, diseased: bool) -> None:
    made = make_ellipses(3, size, diseased)
    for image in (made.image, made.twin):
        assert image.shape == (size, size) and image.dtype == np.float32
        assert image.min() >= -1 and image.max() <= 1 and np.ptp(image) > 0.5


def test_a_seed_is_one_scene_and_the_twin_its_healthy_image() -> None:
    healthy, diseased = make_ellipses(5, 64), make_ellipses(5, 64, diseased=True)
    assert np.array_equal(healthy.image, healthy.twin) and np.array_equal(healthy.image, diseased.twin)
    assert not np.array_equal(diseased.image, diseased.twin)
    assert not np.array_equal(healthy.image, make_ellipses(6, 64).image)


def test_scenes_are_those_of_the_thesis() -> None:
    """Supplement, Table 1; the ellipses lie inside of the image, apart from each other."""
    for scene in SCENES:
        for ellipse in (scene.small, scene.large):
            points = np.stack(ellipse.outline())
            assert points.min() >= 0 and points.max() <= GRID - 1 and all(50 <= c <= 200 for c in ellipse.center)
        assert np.hypot(*np.subtract(scene.small.center, scene.large.center)) > DISTANCE
        assert not scene.large.covers(*scene.small.outline()).any()
        ((_, high, wide), (center, low, narrow)) = scene.waves
        assert center == scene.large.center and min(high, low) >= 0.2 and max(high, low) <= 0.4
        assert 0.2 <= wide <= 0.35 <= narrow <= 0.5
    for name, mean in (("small", (40, 20)), ("large", (70, 35))):
        drawn = np.array([getattr(scene, name).axes for scene in SCENES])
        np.testing.assert_allclose(drawn.mean(0), mean, atol=1)
        np.testing.assert_allclose(drawn.std(0), 1, atol=0.5)


def published_grid(u: float, v: float) -> np.ndarray:
    """Where the published script samples a diseased image, as pixels of rows and columns, (2, 256, 256).

    Its lines 170-210, in their own units: a grid of -1 to 1, whose ends are the middles of the outermost pixels.
    """
    axis = torch.linspace(-1, 1, 256, dtype=torch.float64)
    row, column = (g.clone().requires_grad_() for g in torch.meshgrid(axis, axis, indexing="ij"))
    distance = (row - (2 * u / 256 - 1)) ** 2 + (column - (2 * v / 256 - 1)) ** 2
    bell = torch.exp(-distance / (2 * 0.19**2)) / (2 * np.pi * 0.19**2)
    shift = -torch.stack(torch.autograd.grad(bell.sum(), (row, column)))
    sampled = torch.stack([row, column]).detach() + shift / shift.max() * 0.1
    return ((sampled + 1) / 2 * 255).numpy()


@pytest.mark.parametrize("center", [(120.0, 90.0), (51.0, 199.0), (200.0, 128.0)])
def test_deformation_is_that_of_the_published_script(center: tuple[float, float]) -> None:
    x, y = np.meshgrid(np.arange(256.0), np.arange(256.0), indexing="ij")
    found = np.stack(deform(x, y, center))
    # the script scales by the greatest shift at a pixel, not by the greatest there is
    np.testing.assert_allclose(found, published_grid(*center), atol=0.01)


def test_shift_is_outward_and_a_tenth_of_half_the_image_at_most() -> None:
    x, y = np.meshgrid(np.arange(256.0), np.arange(256.0), indexing="ij")
    u, v = deform(x, y, (128.0, 90.0))
    assert (((u - x) * (x - 127.5) >= 0) & ((v - y) * (y - 89.65) >= 0)).all()
    assert max(np.abs(u - x).max(), np.abs(v - y).max()) == pytest.approx(SHIFT, rel=1e-3) and SHIFT == 12.75


@pytest.mark.parametrize("seed", range(4))
def test_the_smaller_ellipse_shrinks_and_what_is_far_stays(seed: int) -> None:
    scene = SCENES[seed]
    image, twin = render(scene, diseased=True), render(scene)
    x, y = np.meshgrid(np.arange(GRID), np.arange(GRID), indexing="ij")
    distance = np.hypot(x - scene.small.center[0], y - scene.small.center[1])
    # where the disease is not, nothing tells the class: neither a scale of its own nor the blur of an interpolation
    assert np.abs(image - twin)[distance > 5 * SIGMA].max() < 0.002
    outer = scene.small.covers(x, y) & ~scene.small.covers(x, y, scene.small.width)
    extent = [(np.where(shown > 0.7, distance, 0) * scene.small.covers(x, y)).max() for shown in (image, twin)]
    assert twin[outer].mean() > 0.8 > image[outer].mean()  # the line is no longer where it was
    assert extent[0] < extent[1] - 5


def test_a_scene_is_the_same_at_every_size() -> None:
    for diseased in (False, True):
        large, small = render(SCENES[0], 256, diseased), render(SCENES[0], 64, diseased)
        np.testing.assert_allclose(large.reshape(64, 4, 64, 4).mean((1, 3)), small, atol=1e-5)
