# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import torch
from torch.autograd import Function

__all__ = ["reverse_gradient"]


class _Reversal(Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, scale: float) -> torch.Tensor:
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return -ctx.scale * gradient, None


def reverse_gradient(x: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
    """The same tensor, whose gradient is multiplied by ``-scale``: what lies behind learns, what lies before unlearns.

    Source: Ganin et al., "Domain-Adversarial Training of Neural Networks" (https://arxiv.org/abs/1505.07818),
    section 4.2.

    Args:
        x: any floating tensor.
        scale: lambda, 0 or more.
    """
    return _Reversal.apply(x, scale)
