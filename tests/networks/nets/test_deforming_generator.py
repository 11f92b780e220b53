# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from monai.networks.layers.utils import get_norm_layer
from monai.networks.nets import BasicUNet
from torch import nn

from monai_anomaly.networks.nets import DeformingGenerator, DeScarGANGenerator, StarGANGenerator

TARGET = torch.tensor([0, 1])


def descargan(dims: int = 2, channels: int = 1, classes: int = 2) -> DeformingGenerator:
    options: dict[str, Any] = {"activation": None, "norm": ("instance", {"affine": True})}
    return DeformingGenerator(
        DeScarGANGenerator(dims, channels, classes, (4, 8), out_channels=channels + dims, **options), dims
    )


def stargan(dims: int = 2, channels: int = 1, classes: int = 2) -> DeformingGenerator:
    network = StarGANGenerator(
        dims, channels, classes, channels=4, num_blocks=1, activation=None, out_channels=channels + dims
    )
    return DeformingGenerator(network, dims)


def unet(dims: int = 2, channels: int = 1, classes: int = 2) -> DeformingGenerator:
    return DeformingGenerator(BasicUNet(dims, channels, channels + dims, (4, 4, 8, 8, 8, 4)), dims, conditional=False)


each_network = pytest.mark.parametrize("make", [descargan, stargan, unet])


class Given(nn.Module):
    """Answers with what it was given, for every image."""

    def __init__(self, *values: float) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.tensor(values))

    def output_layers(self) -> list[nn.Module]:
        return []

    def forward(self, x: torch.Tensor, target: torch.Tensor | None = None) -> torch.Tensor:
        dims = x.ndim - 2
        return self.values.reshape(1, -1, *[1] * dims).expand(len(x), -1, *x.shape[2:])


class Noise(Given):
    """Answers with noise, new in each call."""

    strength = 50.0

    def forward(self, x: torch.Tensor, target: torch.Tensor | None = None) -> torch.Tensor:
        return self.strength * torch.randn(len(x), len(self.values), *x.shape[2:])


def images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


@each_network
@pytest.mark.parametrize(("dims", "channels", "classes"), [(2, 1, 2), (2, 3, 4), (3, 2, 2)])
def test_nearly_the_identity_when_training_starts(make: Callable, dims: int, channels: int, classes: int) -> None:
    torch.manual_seed(0)
    generator = make(dims, channels, classes)
    x = images(2, channels, *(32, 32, 48)[:dims])
    image, displacement, residual = generator.deform(x, TARGET)
    assert image.shape == residual.shape == x.shape and displacement.shape == (2, dims, *x.shape[2:])
    assert displacement.abs().max() < 0.3 and residual.abs().max() < 0.1
    assert 0 < (image - x).abs().mean() < 0.05


@each_network
def test_the_gradient_reaches_field_and_residual_of_every_class(make: Callable) -> None:
    torch.manual_seed(0)
    generator = make()
    (generator(images(2, 1, 32, 32), TARGET) - images(2, 1, 32, 32).flip(-1)).square().sum().backward()
    assert all(p.grad is not None for p in generator.parameters())
    layers = generator.network.output_layers() if make is descargan else [list(_convolutions(generator))[-1]]
    for layer in layers:
        of_channel = (layer.weight.grad if layer.weight.shape[0] == 3 else None).flatten(1).norm(dim=1)
        assert (of_channel > 1e-6).all()  # two of the field, one of the residual


def _convolutions(network: nn.Module) -> list[nn.Module]:
    return [m for m in network.modules() if isinstance(m, nn.Conv2d)]


def test_classes_have_fields_and_residuals_of_their_own() -> None:
    generator = descargan()
    x = images(1, 1, 16, 16).expand(2, -1, -1, -1)
    before = generator.deform(x, TARGET)
    with torch.no_grad():
        generator.network.output_layers()[1].bias += torch.tensor([0.5, -0.5, 0.5])
    after = generator.deform(x, TARGET)
    for one, other in zip(before, after, strict=True):
        assert torch.equal(one[0], other[0]) and not torch.allclose(one[1], other[1], atol=0.05)


@pytest.mark.parametrize("resolution", [1, 4, 5])
@pytest.mark.parametrize("size", [(20, 32), (16, 20, 24)])
def test_a_known_field_moves_a_known_image(size: tuple[int, ...], resolution: int) -> None:
    """Channel i is the shift along axis i; what lies 2 voxels further comes here."""
    x = images(2, 1, *size)
    for axis, n in enumerate(size):
        raw = [0.0] * len(size) + [0.0]
        raw[axis] = math.atanh(2 / (n / 2) / 0.5)
        generator = DeformingGenerator(Given(*raw), len(size), max_displacement=0.5, resolution=resolution)
        image, displacement, residual = generator.deform(x)
        expected = torch.zeros_like(displacement)
        expected[:, axis] = 2
        torch.testing.assert_close(displacement, expected, atol=1e-5, rtol=0)
        assert torch.equal(generator.deform(x).displacement, displacement) and not residual.any()
        kept = n - 2 - 2  # the cubic kernel also sees the mirrored edge
        torch.testing.assert_close(image.narrow(axis + 2, 0, kept), x.narrow(axis + 2, 2, kept), atol=1e-4, rtol=0)


def test_paints_on_what_it_moved_and_stays_in_the_range() -> None:
    x = images(2, 2, 16, 16)
    generator = DeformingGenerator(Given(0.0, 0.0, 0.3, -9.0))
    image = generator(x)
    torch.testing.assert_close(image[:, 0], (x[:, 0] + math.tanh(0.3)).clamp(-1, 1))
    assert (image[:, 1] < -0.999 + (x[:, 1] + 1).clamp(min=0)).all() and image.abs().max() <= 1


@pytest.mark.parametrize("steps", [0, 4])
@pytest.mark.parametrize("size", [(24, 40), (16, 16, 24)])
def test_the_displacement_is_bounded_and_smooth(size: tuple[int, ...], steps: int) -> None:
    """Of the strongest noise: never beyond the limit; smoother the coarser its grid."""
    torch.manual_seed(0)
    x = images(2, 1, *size)
    slopes = []
    for resolution in (1, 4, 8):
        generator = DeformingGenerator(
            Noise(*[0.0] * (len(size) + 1)), len(size), 0.3, resolution, integration_steps=steps
        )
        field = generator.deform(x).displacement
        for axis, n in enumerate(size):
            assert field[:, axis].abs().max() <= 0.3 * n / 2 + 1e-4
        slopes.append(field.diff(dim=2).abs().mean().item())
    assert slopes[0] > 1.5 * slopes[1] > 1.8 * slopes[2]


@pytest.mark.parametrize("size", [(24, 40), (16, 16, 24)])
def test_detail_adds_the_field_of_twice_the_resolution(size: tuple[int, ...]) -> None:
    x = images(2, 1, *size)

    network = Noise(*[0.0] * (len(size) + 1))
    network.strength = 0.1

    def field(resolution: int, detail: float = 0.0) -> torch.Tensor:
        """Before the limit."""
        torch.manual_seed(0)
        displacement = DeformingGenerator(network, len(size), 1.0, resolution, detail).deform(x).displacement
        return torch.stack([displacement[:, i] / n * 2 for i, n in enumerate(size)], 1).atanh()

    torch.testing.assert_close(field(4, 0.5), field(4) + 0.5 * field(2), atol=1e-5, rtol=1e-3)


@each_network
def test_traces_for_any_number_and_size_of_images(make: Callable) -> None:
    torch.manual_seed(0)
    generator = make().eval()
    with torch.no_grad():
        for parameter in generator.parameters():  # far from the identity
            parameter += 0.1 * torch.randn_like(parameter)
    traced = torch.jit.trace(generator, (images(1, 1, 32, 32), TARGET[:1]))
    for size in ((32, 32), (32, 64)):
        x = images(1, 1, *size)
        torch.testing.assert_close(traced(x, TARGET[:1]), generator(x, TARGET[:1]))
    if make is not descargan:  # traced branches are those of the number of images
        torch.testing.assert_close(traced(images(2, 1, 64, 32), TARGET), generator(images(2, 1, 64, 32), TARGET))


def test_float32_also_in_mixed_precision() -> None:
    generator, x = descargan(), images(2, 1, 16, 16)
    with torch.autocast("cpu", torch.bfloat16):
        found = generator.deform(x, TARGET)
    assert {part.dtype for part in found} == {torch.float32}


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        (nn.Conv2d(1, 2, 3), {}, "the image's channels and 2 more, found one with 2 in all"),
        (nn.Sequential(nn.Conv2d(1, 3, 3), get_norm_layer("instance", 2, 3)), {}, "found InstanceNorm2d"),
        (nn.Sequential(nn.Conv2d(1, 3, 3), nn.GroupNorm(3, 3)), {}, "found GroupNorm"),
        (nn.Identity(), {}, "last layer is a convolution, found none"),
        (nn.Conv2d(1, 3, 3), {"spatial_dims": 1}, "spatial_dims must be 2 or 3, got 1"),
        (nn.Conv2d(1, 3, 3), {"mode": "nearest"}, "mode must be 'bilinear' or, in 2D, 'bicubic', got 'nearest' in 2D"),
        (nn.Conv3d(1, 4, 3), {"mode": "bicubic", "spatial_dims": 3}, "got 'bicubic' in 3D"),
        (nn.Conv2d(1, 3, 3), {"max_displacement": 0.0}, "max_displacement must be above 0 .* got 0"),
        (nn.Conv2d(1, 3, 3), {"resolution": 0}, "resolution from 1"),
        (nn.Conv2d(1, 3, 3), {"detail": -0.1}, "a detail from 0"),
        (nn.Conv2d(1, 3, 3), {"detail": 0.1, "resolution": 1}, "a resolution from 2, got 0.1 of 1"),
        (nn.Conv2d(1, 3, 3), {"integration_steps": -1}, "integration_steps from 0"),
    ],
)
def test_what_it_cannot_wrap(network: nn.Module, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DeformingGenerator(network, **options)
