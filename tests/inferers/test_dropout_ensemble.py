# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import nn

from monai_anomaly.inferers import DropoutEnsembleInferer
from monai_anomaly.inferers.dropout_ensemble import dropout_layers, fixed_dropout
from monai_anomaly.networks.nets import SegNet


def images(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def network() -> SegNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = SegNet(2, 2, 2, (8, 8, 8), (1, 1, 1), dropout=0.5)
        network(images(4, 2, 16, 16))  # batch statistics that are not the initial ones
    return network.eval()


def hooks(network: nn.Module) -> int:
    return sum(len(m._forward_hooks) for m in network.modules())


def test_samples_differ_and_repeat(network: SegNet) -> None:
    x = images(3, 2, 16, 12)
    inferer = DropoutEnsembleInferer(num_samples=4, keep_samples=True, regions=2)
    result = inferer(x, network)
    samples = result["samples"]
    assert all(not torch.equal(samples[:, i], samples[:, j]) for i in range(4) for j in range(i))
    torch.testing.assert_close(result["mean"], samples.mean(1))
    torch.testing.assert_close(inferer(x, network), result, rtol=0, atol=0)
    other = DropoutEnsembleInferer(seed=1, num_samples=4, keep_samples=True, regions=2)(x, network)
    assert not torch.equal(other["samples"][:, 0], samples[:, 0])


@pytest.mark.parametrize("batch_size", [1, 2, 16])
def test_one_seed_is_one_result_whatever_the_batch_size(network: SegNet, batch_size: int) -> None:
    volume = images(2, 2, 16, 12, 3)
    expected = DropoutEnsembleInferer(num_samples=3, regions=2)(volume, network)
    result = DropoutEnsembleInferer(num_samples=3, regions=2, batch_size=batch_size)(volume, network)
    torch.testing.assert_close(result, expected)


def test_a_sample_does_not_depend_on_the_others(network: SegNet) -> None:
    x, inferer = images(2, 2, 16, 12), DropoutEnsembleInferer()
    torch.testing.assert_close(inferer.draw(x, network, range(2, 4)), inferer.draw(x, network, range(5))[:, 2:4])


def test_leaves_network_and_global_generator_as_they_were(network: SegNet) -> None:
    before, state, x = deepcopy(network.state_dict()), torch.get_rng_state(), images(2, 2, 16, 12)
    expected = network(x)
    DropoutEnsembleInferer(num_samples=2, regions=2)(x, network)
    assert hooks(network) == 0 and not any(m.training for m in network.modules())
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert torch.equal(network(x), expected) and torch.equal(torch.get_rng_state(), state)


def test_hooks_go_when_the_network_fails(network: SegNet) -> None:
    with pytest.raises(RuntimeError):
        DropoutEnsembleInferer(num_samples=2)(images(1, 3, 16, 16), network)
    assert hooks(network) == 0


@pytest.mark.parametrize("p", [0.2, 0.5])
@pytest.mark.parametrize("kind", [nn.Dropout, nn.Dropout2d])
def test_masks_follow_the_layer(kind: type[nn.Module], p: float) -> None:
    layer = nn.Sequential(kind(p)).eval()
    x = torch.ones(3, 2000, 2, 2) if kind is nn.Dropout2d else torch.ones(3, 20, 20, 20)
    with fixed_dropout(layer, 0, 0):
        result = layer(x)
    assert torch.equal(result[0], result[1]), "one mask for the batch"
    torch.testing.assert_close(result.unique(), torch.tensor([0, 1 / (1 - p)]))
    assert (result == 0).float().mean().item() == pytest.approx(p, abs=0.04)
    whole = (result.amax((2, 3)) == result.amin((2, 3))).all()
    assert whole == (kind is nn.Dropout2d), "Dropout2d drops whole channels"


def test_layers_have_masks_of_their_own() -> None:
    layers = nn.Sequential(nn.Dropout(), nn.Dropout()).eval()
    with fixed_dropout(layers, 0, 0):
        assert (layers(torch.ones(1, 4000)) == 0).float().mean().item() == pytest.approx(0.75, abs=0.04)


def test_a_layer_of_probability_one_drops_everything() -> None:
    layer = nn.Dropout(1.0).eval()
    with fixed_dropout(layer, 0, 0):
        assert not layer(torch.ones(1, 4, 4)).any()


def test_refuses_a_network_without_dropout() -> None:
    network = SegNet(2, 2, 1, (4, 4), (1, 1)).eval()
    assert dropout_layers(nn.Sequential(network, nn.Dropout(0.0))) == []
    with pytest.raises(ValueError, match="dropout layers with p > 0, found none in SegNet"):
        DropoutEnsembleInferer()(images(1, 2, 8, 8), network)
    with pytest.raises(ValueError, match="seed must not be negative"):
        DropoutEnsembleInferer(seed=-1)
