# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from monai_anomaly.networks.nets import DeScarGANGenerator

PUBLISHED = [
    *(f"down{i}" for i in range(4)),
    *("up3", "up2", "up1", "conv5", "conv6", "conv7_g", "conv7_k"),
]
"""Blocks of the published generator in the order of ours; within a block the order of the tensors is the same."""


def tiny(**options: object) -> DeScarGANGenerator:
    torch.manual_seed(0)
    return DeScarGANGenerator(channels=(4, 8, 16, 32), **options)  # type: ignore[arg-type]


@pytest.fixture
def published(
    reference: Callable[[str], dict[str, torch.Tensor]],
) -> tuple[DeScarGANGenerator, dict[str, torch.Tensor]]:
    tensors = reference("40_descargan_generator_nf4")
    weights = [v for block in PUBLISHED for k, v in tensors.items() if k.startswith(f"sd/{block}.")]
    network = tiny().double()
    ours = network.state_dict()
    assert [v.shape for v in weights] == [v.shape for v in ours.values()]
    network.load_state_dict(dict(zip(ours, weights, strict=True)))
    return network, tensors


def test_parameters_of_the_thesis() -> None:
    assert sum(p.numel() for p in DeScarGANGenerator().parameters()) == 8_528_262


@pytest.mark.parametrize(("mode", "rounding"), [("eval", 1e-6), ("train", 2e-4)])
@pytest.mark.parametrize(("target", "name"), [(0, "healthy"), (1, "diseased")])
def test_published_code(published, mode: str, rounding: float, target: int, name: str) -> None:
    network, tensors = published
    network.train(mode == "train")
    with torch.no_grad():
        out = network(tensors["x"], torch.tensor([target, target]))
    torch.testing.assert_close(out, tensors[f"{name}_{mode}"], rtol=0, atol=rounding)


@pytest.mark.parametrize(("mode", "rounding"), [("eval", 1e-6), ("train", 2e-4)])
def test_published_code_one_image(published, mode: str, rounding: float) -> None:
    network, tensors = published
    network.train(mode == "train")
    with torch.no_grad():
        out = network(tensors["x"][:1], torch.tensor([0]))
    torch.testing.assert_close(out, tensors[f"healthy_{mode}_batch1"], rtol=0, atol=rounding)


def test_mixed_targets_are_those_of_each() -> None:
    """The published code takes the diseased branch for all images as soon as one is to become diseased."""
    network = tiny().eval()
    x = torch.rand(4, 1, 16, 24)
    with torch.no_grad():
        each = [network(x, torch.full((4,), c)) for c in (0, 1)]
        mixed = network(x, torch.tensor([1, 0, 0, 1]))
    torch.testing.assert_close(mixed, torch.stack([each[1][0], each[0][1], each[0][2], each[1][3]]))


def test_no_skip_connection_at_the_top() -> None:
    """The top level's features reach the output through the poolings only: no path keeps single pixels."""
    network = tiny(norm="instance").eval()
    assert isinstance(network.join[-1], torch.nn.Identity)
    assert [len(list(join.parameters())) > 0 for join in network.join] == [True, True, False]


@pytest.mark.parametrize("options", [{}, {"in_channels": 3, "num_classes": 4}, {"spatial_dims": 3}])
def test_shapes_and_range(options: dict) -> None:
    network = tiny(**options).eval()
    channels, dims = options.get("in_channels", 1), options.get("spatial_dims", 2)
    x = torch.randn(2, channels, *[16] * dims)
    out = network(x, torch.tensor([0, options.get("num_classes", 2) - 1]))
    assert out.shape == x.shape and out.abs().max() <= 1


def test_every_branch_learns() -> None:
    network = tiny()
    network(torch.rand(2, 1, 16, 16), torch.tensor([0, 1])).sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_wrong_number_of_targets() -> None:
    with pytest.raises(ValueError, match="one target per image, 2"):
        tiny()(torch.rand(2, 1, 16, 16), torch.tensor([0]))
