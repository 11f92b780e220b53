# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from monai.networks.nets import VarAutoEncoder

from monai_anomaly.inferers import ReconstructionInferer
from monai_anomaly.networks.nets.constrained_vae import ConstrainedVAE


@pytest.fixture
def network() -> ConstrainedVAE:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        autoencoder = VarAutoEncoder(
            2, (2, 8, 12), 2, 4, (4, 8), (2, 2), norm="batch", use_sigmoid=False, use_mean_at_inference=True
        )
        return ConstrainedVAE(autoencoder)


def images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_encodes_its_reconstruction(network: ConstrainedVAE) -> None:
    x = images(3, 2, 8, 12)
    network(x)
    network.eval()
    *outputs, again = network(x)
    for found, expected in zip(outputs, network.autoencoder(x), strict=True):
        assert torch.equal(found, expected)
    assert again.shape == outputs[1].shape and torch.equal(again, network.autoencoder(outputs[0])[1])


def test_a_fixed_point_has_the_same_code(network: ConstrainedVAE) -> None:
    network.autoencoder.decode_forward = lambda z, use_sigmoid: x  # a decoder that knows the image
    x = images(3, 2, 8, 12)
    outputs = network(x)
    torch.testing.assert_close(outputs[4], outputs[1])  # in training mode both by the statistics of the batch


def test_reconstructions_do_not_count_in_running_statistics(network: ConstrainedVAE) -> None:
    x, plain = images(3, 2, 8, 12), deepcopy(network.autoencoder)
    state = torch.random.get_rng_state()
    network(x)
    torch.random.set_rng_state(state)
    plain(x)
    for (name, found), expected in zip(network.autoencoder.named_buffers(), plain.buffers(), strict=True):
        assert torch.equal(found, expected), name
    assert all(module.training for module in network.modules())


def test_every_parameter_learns(network: ConstrainedVAE) -> None:
    sum(output.square().sum() for output in network(images(3, 2, 8, 12))).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_the_inferer_takes_its_reconstruction(network: ConstrainedVAE) -> None:
    x = images(3, 2, 8, 12)
    result = ReconstructionInferer()(x, network.eval())
    torch.testing.assert_close(result["reconstruction"], network(x)[0].detach())


def test_traces(network: ConstrainedVAE) -> None:
    x = images(1, 2, 8, 12)
    torch.testing.assert_close(torch.jit.trace(network.eval(), x)(x), network(x))
