# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.networks.layers import reverse_gradient


@pytest.mark.parametrize("scale", [0.0, 0.3, 1.0])
def test_gradient_turns_and_values_stay(scale: float) -> None:
    x = torch.randn(3, 4, requires_grad=True)
    y = reverse_gradient(x, scale)
    assert torch.equal(y, x)
    (gradient,) = torch.autograd.grad((y**3).sum(), x)
    torch.testing.assert_close(gradient, -scale * 3 * x.detach() ** 2)


def test_what_lies_behind_learns_and_what_lies_before_unlearns() -> None:
    before, behind = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
    (reverse_gradient(before) * behind).backward()
    assert before.grad == -3 and behind.grad == 2
