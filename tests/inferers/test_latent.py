# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_anomaly.inferers import LatentInferer
from monai_anomaly.networks.nets import LatentCenterClassifier
from monai_anomaly.utils import DataError


def network() -> LatentCenterClassifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LatentCenterClassifier(nn.Sequential(nn.Flatten(), nn.Linear(12, 8)), 8, 3)


@pytest.mark.parametrize("autocast", [None, "bfloat16"])
def test_fields(autocast: str | None) -> None:
    net, x = network(), torch.rand(4, 1, 3, 4)
    found = LatentInferer(autocast)(x, net)
    expected = net(x, details=True)
    assert set(found) == {*expected, "distance"}
    for name, value in expected.items():
        assert found[name].dtype == torch.float32
        torch.testing.assert_close(found[name], value, atol=0.05 if autocast else 0, rtol=0)
    torch.testing.assert_close(found["distance"], torch.cdist(found["latent"], found["centers"]))


def test_an_image_at_a_center_has_no_distance_and_finite_gradients() -> None:
    net = network()
    net.encoder = nn.Flatten()
    x = net.centers.detach().clone().requires_grad_()
    distance = LatentInferer(None)(x, net)["distance"]
    torch.testing.assert_close(distance.diagonal(), torch.zeros(3), atol=1e-6, rtol=0)
    distance.sum().backward()
    assert x.grad is not None and x.grad.isfinite().all()


def test_further_arguments_reach_the_encoder() -> None:
    net, seen = network(), []
    net.encoder.forward = lambda *args, **kwargs: seen.append((args[1:], kwargs)) or torch.ones(2, 8)
    LatentInferer(None)(torch.rand(2, 12), net, 1, timesteps=2)
    assert seen == [((1,), {"timesteps": 2})]


def test_broken_weights_are_an_error() -> None:
    net = network()
    net.classifier.weight.data[0, 0] = torch.nan
    with torch.no_grad(), pytest.raises(DataError, match="found NaN or infinity in float32"):
        LatentInferer(None)(torch.rand(2, 1, 3, 4), net)
