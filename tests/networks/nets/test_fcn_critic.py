# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from monai_anomaly.networks.nets.fcn_critic import FCNCritic


def build(**kwargs) -> FCNCritic:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return FCNCritic(**{"channels": (4, 8, 8), "num_convs": (1, 2, 1), **kwargs})


def images(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_has_the_published_parameters() -> None:
    # C3D_fcn_16_2D of github.com/baumgach/vagan-code: inputs and outputs of its 3 x 3 convolutions, then 256 -> 1
    widths = [1, 16, 32, 64, 64, 128, 128, 256, 256, 256]
    expected = sum(9 * inp * out + out for inp, out in pairwise(widths)) + 257
    assert sum(p.numel() for p in FCNCritic().parameters()) == expected == 1_757_249


@pytest.mark.parametrize(("dims", "size"), [(1, (9,)), (2, (16, 12)), (2, (5, 7)), (2, (1, 1)), (3, (8, 7, 6))])
def test_one_value_per_image_of_any_size(dims: int, size: tuple[int, ...]) -> None:
    value, logits = build(spatial_dims=dims, in_channels=2)(images(3, 2, *size), torch.zeros(3).long())
    assert value.shape == (3, 1, *[1] * dims) and logits is None


def test_averages_over_the_image_and_ignores_the_target() -> None:
    network, x = build(), images(2, 1, 16, 12)
    value, _ = network(x)
    torch.testing.assert_close(value, network.main(x).mean((2, 3), keepdim=True))
    assert torch.equal(network(x, torch.tensor([1, 0]))[0], value)


def test_activations_keep_their_size_at_the_start() -> None:
    # He's initialization: the critic neither fades nor explodes with the depth
    features = FCNCritic().main[:-1](images(2, 1, 32, 32))
    assert 0.1 < features.square().mean().sqrt() < 10


def test_every_parameter_learns() -> None:
    network = build()
    network(images(2, 1, 8, 8))[0].sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_gradient_penalty_reaches_the_weights() -> None:
    network, x = build(), images(2, 1, 8, 8).requires_grad_()
    (gradient,) = torch.autograd.grad(network(x)[0].sum(), x, create_graph=True)
    gradient.square().sum().backward()
    assert all(p.grad.any() for name, p in network.named_parameters() if name.endswith("weight"))


def test_exports_to_torchscript() -> None:
    network, x = build(), images(2, 1, 8, 8)
    value, logits = torch.jit.script(network)(x, None)
    torch.testing.assert_close(value, network(x)[0])
    assert logits is None


@pytest.mark.parametrize("num_convs", [(1, 1), (1, 0, 1)])
def test_refuses_levels_that_disagree(num_convs: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="each of 3 levels, got num_convs"):
        build(num_convs=num_convs)
