# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from monai_anomaly.networks.nets import SegNet
from monai_anomaly.networks.nets.segnet import max_unpool

VGG16 = 14_714_688  # its 13 convolutions with biases, 3 input channels (Simonyan & Zisserman, arXiv:1409.1556)


def build(**kwargs) -> SegNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SegNet(2, 2, 3, (8, 8, 12, 16), (2, 2, 1, 2), **kwargs).eval()


def images(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("regions", [1, 11])
def test_encoder_and_decoder_have_the_parameters_of_vgg16(regions: int) -> None:
    network = SegNet(2, 3, regions)
    outputs = [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6
    inputs = [3, *outputs[:-1]]
    norm = 2 * sum(outputs)
    assert sum(p.numel() for p in network.encoder.parameters()) == VGG16 + norm
    # the mirror image: the same weights, biases and norms for the encoder's inputs; the first layer gives regions
    weights = VGG16 - sum(outputs) - 9 * 3 * 64
    mirrored = weights + 3 * sum(inputs[1:]) + 9 * 64 * regions + regions
    decoder = [*network.decoder.parameters(), *network.classifier.parameters()]
    assert sum(p.numel() for p in decoder) == mirrored
    assert sum(p.numel() for p in network.parameters()) == 29_443_008 + 577 * regions


@pytest.mark.parametrize("size", [(16, 24), (155, 173), (5, 7), (1, 1)])
def test_takes_any_size(size: tuple[int, int]) -> None:
    assert build()(images(2, 2, *size)).shape == (2, 3, *size)


def test_takes_volumes() -> None:
    assert SegNet(3, 1, 2, (4, 8), (1, 1)).eval()(images(1, 1, 7, 8, 9)).shape == (1, 2, 7, 8, 9)


@pytest.mark.parametrize("size", [(8, 6), (7, 5)])
def test_unpooling_puts_the_maxima_back(size: tuple[int, int]) -> None:
    x = images(2, 3, *size)
    pooled, places = F.max_pool2d(x, 2, ceil_mode=True, return_indices=True)
    result = max_unpool(pooled, places, list(size))
    assert torch.equal(result, F.max_unpool2d(pooled, places, 2, output_size=size))
    assert ((result == x) | (result == 0)).all() and (result != 0).sum() == pooled.numel()


def test_dropout_is_where_the_published_network_has_it() -> None:
    network = SegNet(2, 3, 1, channels=(4,) * 5, dropout=0.5)
    assert [isinstance(m, nn.Dropout) for m in network.encoder_dropout] == [False, False, True, True, True]
    assert [isinstance(level[1], nn.Dropout) for level in network.decoder] == [True, True, True, False, False]
    assert not any(isinstance(m, nn.Dropout) for m in SegNet(2, 3, 1, (4,) * 5).modules())


def test_dropout_levels_are_chosen_and_leave_the_weights_alone() -> None:
    network = build(dropout=0.2, dropout_levels=[0])
    assert [m.p for m in network.modules() if isinstance(m, nn.Dropout)] == [0.2, 0.2]
    x = images(1, 2, 16, 16)
    plain = build()
    plain.load_state_dict(network.state_dict())
    assert torch.equal(network(x), plain(x))
    network.train()
    assert not torch.equal(network(x), network(x))


def test_every_parameter_learns() -> None:
    network = build(dropout=0.5).train()
    network(images(2, 2, 17, 16)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("export", ["script", "trace"])
def test_exports_to_torchscript(export: str) -> None:
    network, x = build(dropout=0.5), images(2, 2, 17, 16)
    exported = torch.jit.script(network) if export == "script" else torch.jit.trace(network, x)
    torch.testing.assert_close(exported(x), network(x))


def test_runs_in_bfloat16() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        result = build()(images(1, 2, 15, 16))
    assert result.dtype == torch.bfloat16 and result.isfinite().all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_convs": (2, 2)}, "4 levels in channels but 2 in num_convs"),
        ({"num_convs": (2, 2, 0, 2)}, "every level needs a convolution"),
        ({"dropout": 0.5, "dropout_levels": [4]}, r"dropout_levels must be in 0\.\.3, got \[4\]"),
    ],
)
def test_refuses_levels_that_disagree(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SegNet(**{"channels": (4, 4, 4, 4), "num_convs": (1, 1, 1, 1), **arguments})
