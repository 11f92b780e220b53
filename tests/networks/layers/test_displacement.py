# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.networks.blocks import DVF2DDF, Warp

from monai_anomaly.networks.layers import integrate_velocity, jacobian_determinant, warp

SIZES = [(16, 24), (12, 16, 20)]
each_size = pytest.mark.parametrize("size", SIZES)


def noise(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def positions(size: tuple[int, ...]) -> torch.Tensor:
    """Index of every voxel, from the center (1, D, ...)."""
    axes = [torch.arange(n, dtype=torch.float64) - (n - 1) / 2 for n in size]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))[None]


def smooth_field(size: tuple[int, ...], height: float) -> torch.Tensor:
    """A bump that moves along every axis."""
    dims = len(size)
    bump = torch.exp(-positions(size).square().sum(1, keepdim=True) / 18)
    return bump * torch.linspace(height, -height, dims, dtype=torch.float64).reshape(1, dims, *[1] * dims)


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
@each_size
def test_a_shift_by_whole_voxels(size: tuple[int, ...], mode: str) -> None:
    """What lies at p + 3 comes to p, along the axis of the component and no other."""
    if mode == "bicubic" and len(size) == 3:
        pytest.skip("torch has none in 3D")
    image = noise(2, 3, *size)
    for axis in range(len(size)):
        field = torch.zeros(2, len(size), *size, dtype=torch.float64)
        field[:, axis] = 3
        kept = size[axis] - 3
        found = warp(image, field, mode).narrow(axis + 2, 0, kept)
        torch.testing.assert_close(found, image.narrow(axis + 2, 3, kept))


@each_size
def test_agrees_with_monai(size: tuple[int, ...]) -> None:
    image, field = noise(2, 1, *size), smooth_field(size, 2.0).repeat(2, 1, *[1] * len(size))
    inside = (..., *[slice(4, -4)] * len(size))
    torch.testing.assert_close(warp(image, field)[inside], Warp(mode="bilinear")(image, field)[inside])
    theirs = DVF2DDF(num_steps=5, padding_mode="border")(field)
    torch.testing.assert_close(integrate_velocity(field, 5)[inside], theirs[inside])


@each_size
def test_nothing_moves_without_a_field(size: tuple[int, ...]) -> None:
    image = noise(1, 2, *size)
    torch.testing.assert_close(warp(image, torch.zeros(1, len(size), *size, dtype=torch.float64)), image)


@pytest.mark.parametrize("size", [(96, 100), (12, 20, 28)])
def test_mixed_precision_moves_nothing_by_itself(size: tuple[int, ...]) -> None:
    """In bfloat16 the grid of 96 pixels would be up to a twentieth of a pixel off."""
    image, field = noise(1, 1, *size).float(), smooth_field(size, 2.0).float()
    exact = warp(image, field), integrate_velocity(field, 3)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close((warp(image, field), integrate_velocity(field, 3)), exact)


@each_size
def test_jacobian_of_an_affine_field_is_the_determinant_of_its_matrix(size: tuple[int, ...]) -> None:
    dims = len(size)
    matrix = torch.eye(dims, dtype=torch.float64) + 0.2 * noise(dims, dims)
    field = torch.einsum("ij,nj...->ni...", matrix - torch.eye(dims, dtype=torch.float64), positions(size))
    found = jacobian_determinant(field)
    assert found.shape == (1, 1, *size)
    torch.testing.assert_close(found, torch.linalg.det(matrix).expand_as(found))


def test_jacobian_above_one_where_things_shrink() -> None:
    """A disk of radius 8, seen through positions 1.25 times as far from its center, has the radius 6.4."""
    away = positions((32, 40))
    disk = (away.square().sum(1, keepdim=True) < 8**2).double()
    assert (jacobian_determinant(0.25 * away) > 1).all() and (jacobian_determinant(-0.25 * away) < 1).all()
    shrunk, grown = (warp(disk, s * away).sum() / disk.sum() for s in (0.25, -0.25))
    assert shrunk.item() == pytest.approx(1 / 1.25**2, rel=0.05) and grown.item() == pytest.approx(16 / 9, rel=0.05)


@each_size
def test_an_integrated_flow_is_undone_by_its_opposite(size: tuple[int, ...]) -> None:
    velocity = smooth_field(size, 2.0)
    there, back = integrate_velocity(velocity, 6), integrate_velocity(-velocity, 6)
    assert there.abs().max() > 1
    assert (there + warp(back, there)).abs().max() < 0.1
    steep = smooth_field(size, 12.0)
    assert jacobian_determinant(steep).min() < 0 < jacobian_determinant(integrate_velocity(steep, 6)).min()
