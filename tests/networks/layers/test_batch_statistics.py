# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import nn

from monai_anomaly.networks.layers import image_statistics


def images(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0)) * 3 + 1


def build(**norm) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Conv2d(2, 4, 3),
            nn.BatchNorm2d(4, **norm),
            nn.Dropout(0.5),
            nn.Conv2d(4, 3, 3),
            nn.BatchNorm2d(3, **norm),
        )
        network(torch.randn(4, 2, 8, 8))  # running statistics that are not the initial ones
    return network.eval()


def state(network: nn.Module) -> tuple[dict[str, torch.Tensor], list]:
    attributes = [(m.training, getattr(m, "track_running_stats", None)) for m in network.modules()]
    return deepcopy(network.state_dict()), attributes


def same(first: tuple, second: tuple) -> bool:
    return first[1] == second[1] and all(torch.equal(first[0][name], second[0][name]) for name in second[0])


@pytest.mark.parametrize("norm", [{}, {"momentum": None}, {"track_running_stats": False}, {"affine": False}])
def test_equals_training_mode_except_for_dropout(norm: dict) -> None:
    network, x = build(**norm), images(3, 2, 9, 9)
    published = deepcopy(network).train()
    published[2].eval()
    with image_statistics(network):
        torch.testing.assert_close(network(x), published(x))


def test_one_image_at_a_time_is_normalized_by_itself() -> None:
    network = build(affine=False)
    with image_statistics(network):
        result = network(images(1, 2, 9, 9))
    torch.testing.assert_close(result.mean((2, 3)), torch.zeros(1, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(result.std((2, 3), unbiased=False), torch.ones(1, 3), atol=1e-3, rtol=0)


@pytest.mark.parametrize("training", [True, False])
def test_leaves_the_network_as_it_was(training: bool) -> None:
    network = build().train(training)
    network[1].eval()  # a frozen layer stays frozen
    before = state(network)
    evaluated = deepcopy(network).eval()(images(2, 2, 9, 9))
    with image_statistics(network):
        network(images(2, 2, 9, 9))
    assert same(state(network), before)
    assert torch.equal(network.eval()(images(2, 2, 9, 9)), evaluated)


def test_leaves_the_network_as_it_was_after_an_error() -> None:
    network = build()
    before = state(network)
    with pytest.raises(ValueError, match="Expected more than 1 value"), image_statistics(network):
        network(images(1, 2, 5, 5))  # one value per channel at the last layer
    assert same(state(network), before)


def test_can_be_nested() -> None:
    network, x = build(), images(2, 2, 9, 9)
    before = state(network)
    with image_statistics(network):
        expected = network(x)
        with image_statistics(network[1]):
            network(x)
        assert torch.equal(network(x), expected)
    assert same(state(network), before)


def test_gradients_of_a_training_pass_survive_it() -> None:
    network = build().train()
    loss = network(images(2, 2, 9, 9)).square().sum()
    with image_statistics(network):
        loss = loss + network(images(2, 2, 9, 9)).sum()
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert network[1].num_batches_tracked == 2  # of build, and of the pass before


def test_network_without_batch_normalization_is_not_changed() -> None:
    network, x = (
        nn.Sequential(nn.Conv2d(2, 4, 3), nn.InstanceNorm2d(4, track_running_stats=True)).eval(),
        images(1, 2, 8, 8),
    )
    expected = network(x)
    with image_statistics(network):
        assert torch.equal(network(x), expected)
