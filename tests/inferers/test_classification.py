# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_anomaly.inferers import ClassificationInferer


@pytest.mark.parametrize("autocast", [None, "bfloat16"])
def test_logits_are_those_of_the_network(autocast: str | None) -> None:
    network, x = nn.Sequential(nn.Flatten(), nn.Linear(12, 3)), torch.rand(2, 3, 2, 2)
    found = ClassificationInferer(autocast)(x, network)
    assert list(found) == ["logits"] and found["logits"].dtype == torch.float32
    torch.testing.assert_close(found["logits"], network(x), atol=0.05 if autocast else 0, rtol=0)
    assert torch.equal(found["logits"], network(x)) == (autocast is None)
