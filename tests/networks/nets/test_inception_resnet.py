# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from monai_anomaly.networks.nets import InceptionResNetV1


def small(dims: int = 3, **kwargs: Any) -> InceptionResNetV1:
    arguments = {"out_channels": 6, "width": 0.125, "blocks": (1, 1, 1), "hidden": 16, "padding": True}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return InceptionResNetV1(dims, **arguments | kwargs).eval()


def images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_trunk_of_the_thesis() -> None:
    with torch.device("meta"):
        network = InceptionResNetV1()
        assert parameters(network.features) == 34_465_120
        assert network.features(torch.empty(1, 1, 124, 120, 172)).shape == (1, 1792, 2, 2, 4)
        assert network(torch.empty(1, 1, 124, 120, 172)).shape == (1, 128)


def test_trunk_in_2d() -> None:
    """Of a face of 160 x 160 pixels FaceNet's implementations have 1792 features at 3 x 3 locations."""
    with torch.device("meta"):
        network = InceptionResNetV1(2, in_channels=3)
        assert network.features(torch.empty(1, 3, 160, 160)).shape == (1, 1792, 3, 3)
    assert not any(isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)) for m in network.modules())


@pytest.mark.parametrize("shape", [(40, 48, 40), (33, 20, 1), (40, 48)])
def test_small_images_pass_with_padding(shape: tuple[int, ...]) -> None:
    network = small(len(shape))
    x = images(2, 1, *shape)
    found = network.train()(x)
    assert found.shape == (2, 6) and found.isfinite().all()
    found.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("padding", [False, True])
@pytest.mark.parametrize("locations", [1, 2, 3])
def test_the_smallest_size_is_the_smallest(padding: bool, locations: int) -> None:
    network = small(2, padding=padding)
    size = network.smallest_size(locations)
    assert network.features(images(1, 1, size, 110)).shape[2] == locations
    if size > 1 and locations > 1:
        assert network.features(images(1, 1, size - 1, 110)).shape[2] == locations - 1


@pytest.mark.parametrize(
    ("padding", "size", "message"),
    [
        (False, (74, 120), r"at least 75 voxels along every axis and 107 along one, found \[74, 120\]; padding=True"),
        (False, (106, 106), r"107 along one, found \[106, 106\]; padding=True takes smaller"),
        (True, (32, 32), r"at least 1 voxels along every axis and 33 along one, found \[32, 32\]$"),
        (True, (40, 40, 40), r"images of 2 axes \(N, C, ...\), found the shape \[1, 1, 40, 40, 40\]"),
    ],
)
def test_an_image_that_is_too_small_is_told_the_size(padding: bool, size: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(2, padding=padding)(images(1, 1, *size))
    if len(size) == 2:  # one more voxel along the axis at fault is enough
        assert small(2, padding=padding)(images(1, 1, size[0] + 1, size[1])).isfinite().all()


def test_width_and_depth() -> None:
    sizes = [parameters(small(width=width)) for width in (0.05, 0.125, 0.25)]
    assert sizes == sorted(set(sizes))
    assert parameters(small(blocks=(0, 0, 0))) < parameters(small()) < parameters(small(blocks=(1, 2, 1)))
    channels = {m.out_channels for m in small(width=0.01).features.modules() if isinstance(m, nn.Conv3d)}
    assert min(channels) == 4


def test_brightness_and_contrast_do_not_matter() -> None:
    """The first instance normalization takes them; the zeros of the padding are another matter."""
    network, x = small(2, padding=False), images(1, 1, 110, 110)
    torch.testing.assert_close(network(x), network(30 * x + 5), atol=1e-3, rtol=1e-3)


def test_batch_norm_of_the_output() -> None:
    network, x = small(2, batch_norm=True), images(5, 1, 40, 40)
    found = network.train()(x)
    torch.testing.assert_close(found.mean(0), torch.zeros(6), atol=1e-5, rtol=0)
    assert parameters(network) == parameters(small(2))


@pytest.mark.parametrize("dims", [2, 3])
def test_exports(dims: int) -> None:
    network, x = small(dims), images(2, 1, *[40, 48, 40][:dims])
    expected = network(x)
    torch.testing.assert_close(torch.jit.trace(network, x)(x), expected)
    torch.testing.assert_close(torch.export.export(network, (x,)).module()(x), expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dims": 1}, "must be 2 or 3"),
        ({"blocks": (1, 1)}, "three numbers"),
        ({"blocks": (1, -1, 1)}, "three numbers"),
        ({"width": 0.0}, "must be positive"),
        ({"hidden": 0}, "must be positive"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**arguments)
