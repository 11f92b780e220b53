# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy

import pytest
import torch
from monai.networks.nets import DiffusionModelUNet

from monai_anomaly.networks.blocks import checkpoint_res_blocks
from monai_anomaly.networks.nets import GuidedDiffusionNet, NoiseConditionedEncoder

LEVELS = {
    "channels": (8, 16),
    "num_res_blocks": 2,
    "attention_levels": (False, True),
    "norm_num_groups": 4,
    "num_head_channels": 8,
}


@pytest.fixture
def network() -> GuidedDiffusionNet:
    torch.manual_seed(0)
    unet = DiffusionModelUNet(2, 1, 2, num_class_embeds=2, **LEVELS)
    network = GuidedDiffusionNet(unet, classifier=NoiseConditionedEncoder(2, 1, 2, input_size=16, **LEVELS))
    for p in network.parameters():  # nothing may stay at its zero start
        torch.nn.init.normal_(p, std=0.2)
    return network


def gradients(network: GuidedDiffusionNet) -> tuple[list[torch.Tensor], int]:
    """Gradients of input and parameters, and the bytes that the graph keeps between forward and backward."""
    network.zero_grad()
    x = torch.linspace(-1, 1, 512).reshape(2, 1, 16, 16).requires_grad_()
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.data_ptr()] = tensor.nbytes
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        outputs = network(x, torch.tensor([3.0, 700.0]), torch.tensor([0, 1])).values()
    size = sum(kept.values())
    sum(output.square().mean() for output in outputs).backward()
    return [x.grad, *(p.grad.clone() for p in network.parameters())], size


def test_same_gradients_with_less_memory(network):
    expected, before = gradients(network)
    found, after = gradients(checkpoint_res_blocks(network))
    for a, b in zip(expected, found, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    assert after < 0.6 * before


def test_leaves_names_and_modules_alone(network):
    keys, modules = list(network.state_dict()), [type(m) for m in network.modules()]
    assert checkpoint_res_blocks(checkpoint_res_blocks(network)) is network
    assert list(network.state_dict()) == keys
    assert [type(m) for m in network.modules()] == modules
    block = network.classifier.down_blocks[0].resnets[0]
    assert not hasattr(block.forward.forward, "forward"), "wrapped twice"


def test_a_deep_copy_uses_its_own_weights(network):
    twin = copy.deepcopy(checkpoint_res_blocks(network))
    with torch.no_grad():
        for p in network.parameters():
            p.zero_()
    assert gradients(twin)[0][0].abs().max() > 0


def test_traces_and_gives_gradients_of_the_input_alone(network):
    checkpoint_res_blocks(network)
    x = torch.randn(1, 1, 16, 16, requires_grad=True)
    (gradient,) = torch.autograd.grad(network.classifier(x, torch.tensor([5.0])).sum(), x)
    assert gradient.abs().max() > 0
    traced = torch.jit.trace(network.eval(), torch.randn(1, 1, 16, 16))
    torch.testing.assert_close(traced(x), network(x), rtol=1e-4, atol=1e-4)


def test_refuses_a_network_without_such_blocks():
    with pytest.raises(ValueError, match="Linear has no residual block"):
        checkpoint_res_blocks(torch.nn.Linear(2, 2))
