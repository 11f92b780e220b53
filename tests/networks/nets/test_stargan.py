# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from monai_anomaly.networks.nets.stargan import StarGANDiscriminator, StarGANGenerator

TARGET = torch.tensor([0, 1])


def generator(**kwargs) -> StarGANGenerator:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return StarGANGenerator(**{"channels": 4, "num_blocks": 2, **kwargs})


def discriminator(**kwargs) -> StarGANDiscriminator:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return StarGANDiscriminator(**{"channels": 4, "num_layers": 3, **kwargs})


def images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_generator_has_the_published_parameters() -> None:
    # model.py of github.com/yunjey/stargan for CelebA: RGB, 5 attributes; no biases, norms with 2 per channel
    convs = (
        8 * 64 * 49 + 64 * 128 * 16 + 128 * 256 * 16 + 12 * 256 * 256 * 9 + 256 * 128 * 16 + 128 * 64 * 16 + 64 * 3 * 49
    )
    norms = 2 * (64 + 128 + 256 + 12 * 256 + 128 + 64)
    assert count(StarGANGenerator(2, 3, 5)) == convs + norms == 8_430_528


def test_discriminator_has_the_published_parameters() -> None:
    # the same, 128 x 128: 6 convolutions with bias, heads without, the class head's kernel is 2 x 2
    widths = [3, 64, 128, 256, 512, 1024, 2048]
    convs = sum(16 * inp * out + out for inp, out in pairwise(widths))
    with torch.device("meta"):
        network = StarGANDiscriminator(2, 3, 5, input_size=128)
    assert count(network) == convs + 9 * 2048 + 4 * 2048 * 5 == 44_762_048


def test_layers_are_in_the_published_order() -> None:
    kinds = [type(m).__name__ for m in generator(num_blocks=1).modules() if not list(m.children())]
    norm_act = ["InstanceNorm2d", "ReLU"]
    down, up = ["Conv2d", *norm_act], ["ConvTranspose2d", *norm_act]
    assert kinds == [*down * 3, *down, "Conv2d", "InstanceNorm2d", *up * 2, "Conv2d", "Tanh"]


@pytest.mark.parametrize(("dims", "size"), [(1, (16,)), (2, (16, 24)), (3, (8, 8, 12))])
def test_translation_has_the_shape_and_range_of_the_image(dims: int, size: tuple[int, ...]) -> None:
    x = images(2, 1, *size)
    result = generator(spatial_dims=dims)(x, TARGET)
    assert result.shape == x.shape and result.abs().max() <= 1


def test_generator_is_told_the_class_and_is_the_same_in_every_mode() -> None:
    network, x = generator(num_classes=3), images(1, 1, 16, 16).expand(3, -1, -1, -1)
    first, second, third = network(x, torch.tensor([0, 1, 2]))
    assert not torch.equal(first, second) and not torch.equal(second, third)
    torch.testing.assert_close(network.eval()(x[:1], torch.tensor([1]))[0], second)  # nor does the batch matter


def test_generator_without_activation_is_unbounded() -> None:
    x = images(2, 1, 16, 16)
    raw = generator(activation=None)(x, TARGET)
    torch.testing.assert_close(raw.tanh(), generator()(x, TARGET))


def test_generator_refuses_sizes_it_would_change() -> None:
    with pytest.raises(ValueError, match=r"divisible by 4, got \[16, 18\]"):
        generator()(images(2, 1, 16, 18), TARGET)


def test_one_pass_and_classify_agree() -> None:
    network, x = discriminator(num_classes=3), images(2, 1, 32, 24)
    critic, logits = network(x, TARGET)
    assert critic.shape == (2, 1, 4, 3) and logits.shape == (2, 3)
    assert torch.equal(network.classify(x), logits)
    assert torch.equal(network(x)[0], critic) and torch.equal(network(x, 1 - TARGET)[0], critic)


def test_class_head_is_the_published_one_at_its_size_and_an_average_beyond() -> None:
    network = discriminator(input_size=(16, 24))
    x = images(2, 1, 16, 48)
    features = network.main(x)
    windows = [network.classifier(features[..., i : i + 3]).flatten(1) for i in range(4)]
    assert network.classifier(features[..., :3]).shape == (2, 2, 1, 1)
    torch.testing.assert_close(network.classify(x), torch.stack(windows).mean(0))


def test_class_head_for_any_size_sees_the_mean_features() -> None:
    network, x = discriminator(), images(2, 1, 40, 24)
    mean = network.main(x).mean((2, 3), keepdim=True)
    torch.testing.assert_close(network.classify(x), network.classifier(mean).flatten(1))


def test_discriminator_takes_volumes() -> None:
    critic, logits = discriminator(spatial_dims=3, input_size=16)(images(2, 1, 16, 16, 16), TARGET)
    assert critic.shape == (2, 1, 2, 2, 2) and logits.shape == (2, 2)


def test_discriminator_refuses_small_images() -> None:
    with pytest.raises(ValueError, match=r"at least 2\^num_layers = 8, got 7"):
        discriminator(input_size=7)
    with pytest.raises(ValueError, match=r"at least \[16, 16\] pixels, got \[16, 8\]"):
        discriminator(input_size=16).classify(images(1, 1, 16, 8))


def test_every_parameter_learns() -> None:
    network, judge = generator(), discriminator()
    critic, logits = judge(network(images(2, 1, 16, 16), TARGET), TARGET)
    (critic.square().sum() + logits.square().sum()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for n in (network, judge) for p in n.parameters())


def test_gradient_penalty_reaches_the_weights() -> None:
    network, x = discriminator(), images(2, 1, 16, 16).requires_grad_()
    (gradient,) = torch.autograd.grad(network(x)[0].sum(), x, create_graph=True)
    gradient.square().sum().backward()
    assert all(layer.conv.weight.grad.any() for layer in network.main)


@pytest.mark.parametrize("export", [torch.jit.script, lambda n: torch.jit.trace(n, (images(2, 1, 16, 16), TARGET))])
@pytest.mark.parametrize("build", [generator, discriminator])
def test_exports_to_torchscript(build, export) -> None:
    network, x = build().eval(), images(2, 1, 16, 16)
    torch.testing.assert_close(export(network)(x, TARGET), network(x, TARGET))
