# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from torch import nn

from monai_anomaly.utils import frozen


def test_weights_learn_again_after_an_error_and_what_was_frozen_stays_so() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1)).requires_grad_(False)
    network[1].requires_grad_(True)
    with pytest.raises(RuntimeError, match="failed"), frozen(network):
        assert not any(p.requires_grad for p in network.parameters())
        raise RuntimeError("failed")
    assert [p.requires_grad for p in network.parameters()] == [False, False, True, True]


def test_a_function_has_nothing_to_freeze() -> None:
    with frozen(len):
        pass
