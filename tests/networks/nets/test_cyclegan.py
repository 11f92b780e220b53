# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from monai_anomaly.networks.nets import CycleGANDiscriminator, CycleGANGenerator, TranslationGAN

TARGET = torch.tensor([0, 1, 1])


def images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_critics_have_the_published_parameters() -> None:
    # 70 x 70 PatchGAN of github.com/junyanz/pytorch-CycleGAN-and-pix2pix: RGB, biases, norms without weights
    widths = [3, 64, 128, 256, 512, 1]
    convs = sum(16 * inp * out + out for inp, out in pairwise(widths))
    assert count(CycleGANDiscriminator(2, 3)) == 2 * convs == 2 * 2_764_737


def test_a_value_for_each_patch_of_70_pixels() -> None:
    critic = CycleGANDiscriminator(channels=2, num_classes=1).eval()
    image = images(1, 1, 128, 128).requires_grad_()
    judged, no_logits = critic(image, torch.tensor([0]))
    assert judged.shape == (1, 1, 14, 14) and no_logits is None
    for layer in critic.modules():  # which would spread a value over the image
        if isinstance(layer, nn.InstanceNorm2d):
            layer.forward = lambda x: x  # type: ignore[method-assign]
    judged = critic(image, torch.tensor([0]))[0]
    (slope,) = torch.autograd.grad(judged[0, 0, 7, 7], image)
    rows = slope[0, 0].abs().sum(1).nonzero()[:, 0]
    assert rows.max() - rows.min() + 1 == 70


def test_generators_are_the_networks_of_stargan_without_label_planes() -> None:
    # a 7-convolution, 2 halvings, 9 blocks, 2 doublings, a 7-convolution; norms with weights, no biases
    convs = 3 * 64 * 49 + 64 * 128 * 16 + 128 * 256 * 16 + 18 * 256 * 256 * 9
    convs += 256 * 128 * 16 + 128 * 64 * 16 + 64 * 3 * 49
    norms = 2 * (64 + 128 + 256 + 18 * 256 + 128 + 64)
    assert count(CycleGANGenerator(2, 3, num_blocks=9)) == 2 * (convs + norms)


@pytest.mark.parametrize("dims", [2, 3])
def test_each_class_has_networks_of_its_own(dims: int) -> None:
    """What an image becomes, and what is said of it, does not depend on the other images, nor on the other class."""
    size = [16] * dims
    generator, critic = CycleGANGenerator(dims, channels=2, num_blocks=1), CycleGANDiscriminator(dims, 1, 2, 2, 1)
    x = images(3, 1, *size)
    for network, shape in ((generator, x.shape), (critic, (3, 1, *[6] * dims))):
        found = network(x, TARGET)
        found = found[0] if network is critic else found
        assert found.shape == shape
        (found[TARGET == 1]).sum().backward()
        learned = {name.split(".")[1] for name, p in network.named_parameters() if p.grad.any()}
        assert learned == {"1"}
        alone = network(x[:1], TARGET[:1])
        torch.testing.assert_close(alone[0] if network is critic else alone, found[:1])
    assert generator(x, TARGET).abs().max() <= 1


def test_translates_to_healthy_and_classifies_nothing() -> None:
    network = TranslationGAN(CycleGANGenerator(channels=2, num_blocks=1), CycleGANDiscriminator(channels=2)).eval()
    x = images(2, 1, 32, 32)
    torch.testing.assert_close(network.translate(x, 0), network.generator.generators[0](x))
    torch.testing.assert_close(network(x), (network.translate(x, 0) - x).abs())


def test_a_size_that_cannot_be_halved() -> None:
    with pytest.raises(ValueError, match=r"image size must be divisible by 4, got \[16, 18\]"):
        CycleGANGenerator(channels=2, num_blocks=1)(images(1, 1, 16, 18), TARGET[:1])
