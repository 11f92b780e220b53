# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_anomaly.networks.nets import AdditiveGenerator, DeScarGANDiscriminator, DeScarGANGenerator, TranslationGAN


class Shift(nn.Module):
    """Adds the target's number and 0.5."""

    def forward(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        assert target.shape == (len(x),) and target.dtype == torch.long and target.device == x.device
        return x + 0.5 + target.reshape(-1, 1, 1, 1)


def tiny() -> TranslationGAN:
    torch.manual_seed(0)
    return TranslationGAN(
        DeScarGANGenerator(channels=(2, 4), norm="instance"), DeScarGANDiscriminator(channels=(2, 4), num_convs=(1, 1))
    ).eval()


@pytest.mark.parametrize("target", [0, 1])
def test_target_of_all_or_of_each(target: int) -> None:
    network, x = TranslationGAN(Shift(), nn.Identity()), torch.rand(3, 2, 4, 5)
    torch.testing.assert_close(network.translate(x, target), x + 0.5 + target)
    each = torch.tensor([target, 1 - target, target])
    torch.testing.assert_close(network.translate(x, each), x + 0.5 + each.reshape(-1, 1, 1, 1))


@pytest.mark.parametrize("healthy", [0, 1])
def test_forward_is_the_map_to_the_healthy_class(healthy: int) -> None:
    x = torch.rand(3, 2, 4, 5)
    result = TranslationGAN(Shift(), nn.Identity(), healthy=healthy)(x)
    torch.testing.assert_close(result, torch.full((3, 1, 4, 5), 2 * (0.5 + healthy)))


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_traced_for_one_image_it_takes_many() -> None:
    network, x = tiny(), torch.rand(3, 1, 16, 16)
    traced = torch.jit.trace(network, x[:1])
    torch.testing.assert_close(traced(x), network(x))


def test_classify_is_the_discriminators() -> None:
    network, x = tiny(), torch.rand(3, 1, 16, 16)
    torch.testing.assert_close(network.classify(x), network.discriminator(x, torch.zeros(3, dtype=torch.long))[1])


def test_one_state_dict_for_both() -> None:
    network = tiny()
    prefixes = {name.split(".")[0] for name in network.state_dict()}
    assert prefixes == {"generator", "discriminator"}
    assert sum(p.numel() for p in network.parameters()) == sum(
        p.numel() for part in (network.generator, network.discriminator) for p in part.parameters()
    )


def test_head_makes_the_generator() -> None:
    inner = Shift()
    network = TranslationGAN(inner, nn.Identity(), head=AdditiveGenerator)
    assert isinstance(network.generator, AdditiveGenerator) and network.generator.network is inner
    assert not hasattr(network, "head")  # nothing else of it is left
