# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.networks.utils import set_named_module
from torch import nn

from monai_anomaly.networks.blocks import Concatenation, FeatureStack, InceptionResBlock
from monai_anomaly.networks.nets import InceptionResNetV1


def seen(stack: nn.Module, size: int, location: int) -> tuple[int, int]:
    """First and last voxel that an inner location of the output depends on, along the first axis."""
    x = torch.rand(1, 1, size, size, requires_grad=True)
    y = stack(x)
    (gradient,) = torch.autograd.grad(y[:, :, location, y.shape[3] // 2].sum(), x)
    places = torch.nonzero(gradient[0, 0].any(1))[:, 0]
    return int(places[0]), int(places[-1])


@pytest.mark.parametrize("padding", [False, True])
def test_a_location_looks_at_its_voxel(padding: bool) -> None:
    features = InceptionResNetV1(2, width=0.125, blocks=(1, 1, 1), padding=padding).features
    for name, module in list(features.named_modules()):
        if isinstance(module, (nn.InstanceNorm2d, nn.ReLU)):  # they see the whole map, or are not linear
            set_named_module(features, name, nn.Identity())
        if isinstance(module, nn.MaxPool2d):
            set_named_module(features, name, nn.AvgPool2d(3, 2, module.padding))
        if isinstance(module, InceptionResBlock):
            module.scale = 0.0
    for depth in (1, 4, 7, 9, len(features)):
        first, step = features.grid(depth)
        low, high = seen(nn.Sequential(*list(features)[:depth]), 260, 2)
        assert (low + high) / 2 == first + 2 * step
    assert features.grid() == ((0, 32) if padding else (37, 32))


def test_grid_of_simple_layers() -> None:
    assert FeatureStack().grid() == (0, 1)
    assert FeatureStack(nn.AvgPool3d(2), nn.ReLU(), nn.MaxPool3d(2)).grid() == (1.5, 4)
    assert FeatureStack(Concatenation(nn.Conv2d(1, 1, 5), nn.AvgPool2d(5, 1))).grid() == (2, 1)
