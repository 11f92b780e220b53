# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_anomaly.networks.layers import he_initialization


@pytest.mark.parametrize(("kind", "kernel"), [(nn.Conv1d, 9), (nn.Conv2d, 3), (nn.Conv3d, 2)])
def test_variance_is_two_over_the_inputs(kind: type[nn.Module], kernel: int) -> None:
    torch.manual_seed(0)
    layer = kind(32, 64, kernel).apply(he_initialization)
    fan_in = layer.weight[0].numel()
    assert layer.weight.var().item() == pytest.approx(2 / fan_in, rel=0.05) and not layer.bias.any()


def test_other_layers_stay_and_a_bias_may_be_absent() -> None:
    network = nn.Sequential(nn.Conv2d(2, 3, 3, bias=False), nn.Linear(3, 3), nn.BatchNorm2d(3))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.apply(he_initialization)
    assert [n for n, v in network.state_dict().items() if not torch.equal(v, before[n])] == ["0.weight"]
