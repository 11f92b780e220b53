# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from monai.networks.nets import DenseNet
from torch import nn

from monai_anomaly.networks.nets.image_classifier import ImageClassifier
from monai_anomaly.networks.nets.stargan import StarGANDiscriminator


def images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


def densenet() -> nn.Module:
    return DenseNet(2, 1, 2, init_features=4, growth_rate=2, block_config=(1, 1))


def test_gives_the_logits_of_a_classifier() -> None:
    network, x = ImageClassifier(densenet()).eval(), images(2, 1, 16, 16)
    assert network(x).shape == (2, 2)
    assert torch.equal(network(x), network.network(x)) and torch.equal(network.classify(x), network(x))


def test_gives_the_logits_of_a_class_head() -> None:
    head = StarGANDiscriminator(channels=4, num_layers=2)
    network, x = ImageClassifier(head), images(2, 1, 16, 16)
    assert torch.equal(network(x), head(x)[1]) and torch.equal(network.classify(x), network(x))


def test_traces() -> None:
    network, x = ImageClassifier(densenet()).eval(), images(2, 1, 16, 16)
    torch.testing.assert_close(torch.jit.trace(network, x)(x), network(x))
