# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import nn

from monai_anomaly.networks.nets import DeScarGANDiscriminator


def tiny(**options: object) -> DeScarGANDiscriminator:
    torch.manual_seed(0)
    defaults: dict = {"channels": (4, 6, 8), "num_convs": (1, 2, 1), "hidden": 5}
    return DeScarGANDiscriminator(**{**defaults, **options})


def images(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_parameters_of_the_thesis() -> None:
    assert sum(p.numel() for p in DeScarGANDiscriminator().parameters()) == 18_170_180


@pytest.mark.parametrize("size", [(16, 16), (32, 20), (40, 48)])
@pytest.mark.parametrize("classes", [2, 3])
def test_any_size_that_the_poolings_allow(size: tuple[int, int], classes: int) -> None:
    judged, logits = tiny(num_classes=classes).eval()(images(2, 1, *size), torch.tensor([0, classes - 1]))
    assert judged.shape == (2, 1, size[0] // 4, size[1] // 4) and logits.shape == (2, classes)


@pytest.mark.parametrize("dims", [1, 3])
def test_other_dimensions_and_channels(dims: int) -> None:
    judged, logits = tiny(spatial_dims=dims, in_channels=2).eval()(images(2, 2, *[16] * dims), torch.tensor([0, 1]))
    assert judged.shape == (2, 1, *[4] * dims) and logits.shape == (2, 2)


def test_each_image_is_judged_by_the_critic_of_its_target() -> None:
    network, x = tiny(num_classes=3).eval(), images(5, 1, 16, 16)
    target = torch.tensor([2, 0, 1, 1, 2])
    with torch.no_grad():
        judged, _ = network(x, target)
        expected = torch.cat([network.critics[c](network.encoder(x[i : i + 1])) for i, c in enumerate(target)])
    torch.testing.assert_close(judged, expected)


def test_the_other_critics_and_the_classes_do_not_depend_on_the_target() -> None:
    network, x = tiny().eval(), images(3, 1, 16, 16)
    zeros = torch.zeros(3, dtype=torch.long)
    before, logits = network(x, zeros)
    torch.testing.assert_close(network(x, 1 - zeros)[1], logits)
    nn.init.constant_(network.critics[1][-1].conv.bias, 100.0)
    torch.testing.assert_close(network(x, zeros)[0], before)
    assert not torch.allclose(network(x, 1 - zeros)[0], before)


def test_only_the_critics_of_the_targets_learn() -> None:
    network = tiny()
    network(images(2, 1, 16, 16), torch.tensor([1, 1]))[0].sum().backward()
    moved = [any(p.grad is not None and p.grad.any() for p in critic.parameters()) for critic in network.critics]
    assert moved == [False, True] and all(p.grad is None for p in network.classifier.parameters())


def test_classify_is_what_forward_says() -> None:
    network, x = tiny().eval(), images(3, 1, 16, 16)
    torch.testing.assert_close(network.classify(x), network(x, torch.tensor([0, 1, 0]))[1])


def test_classifier_alone() -> None:
    whole, alone = tiny(), tiny(critics=False)
    assert len(alone.critics) == 0 and not [name for name in alone.state_dict() if name.startswith("critics")]
    alone.load_state_dict({k: v for k, v in whole.state_dict().items() if not k.startswith("critics")})
    x = images(3, 1, 16, 16)
    torch.testing.assert_close(alone.eval().classify(x), whole.eval().classify(x))
    with pytest.raises(RuntimeError, match="critics=False judges nothing"):
        alone(x, torch.tensor([0, 1, 0]))


def test_pooling_at_the_published_size_is_the_published_one() -> None:
    """256 x 256 with six levels: 8 x 8 features, which 2 x 2 poolings make 4 x 4."""
    network = tiny(channels=(2,) * 6, num_convs=(1,) * 6, critics=False).eval()
    published = deepcopy(network)
    published.classifier[2] = nn.MaxPool2d(2)
    x = images(1, 1, 256, 256)
    torch.testing.assert_close(network.classify(x), published.classify(x))


def test_activation() -> None:
    """Behind each convolution but the last of the critics; the hidden layer of the classifier has its ReLU."""
    network = tiny(act=("leakyrelu", {"negative_slope": 0.2}))
    leaky = [m for m in network.modules() if isinstance(m, nn.LeakyReLU)]
    assert len(leaky) == sum(isinstance(m, nn.Conv2d) for m in network.modules()) - 2
    assert {m.negative_slope for m in leaky} == {0.2}


@pytest.mark.parametrize(("norm", "kind"), [(None, None), (("instance", {"affine": True}), nn.InstanceNorm2d)])
def test_normalization(norm: tuple | None, kind: type | None) -> None:
    """One behind each convolution but the last of the critics."""
    network = tiny(norm=norm)
    convolutions = sum(isinstance(m, nn.Conv2d) for m in network.modules())
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._NormBase)]
    assert len(norms) == (0 if kind is None else convolutions - 2)
    assert kind is None or all(isinstance(m, kind) and m.affine for m in norms)  # type: ignore[arg-type]


def test_initialization_keeps_the_variance() -> None:
    network = tiny(channels=(64, 64, 64, 64), num_convs=(1, 2, 2, 2)).eval()
    with torch.no_grad():
        features = network.encoder(images(4, 1, 64, 64))
    assert 0.2 < features.square().mean() < 20


def test_levels_that_disagree() -> None:
    with pytest.raises(ValueError, match="3 levels in channels but 2 in num_convs"):
        tiny(num_convs=(1, 1))
