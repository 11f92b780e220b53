# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import torch

__all__ = ["binary_entropy"]


def binary_entropy(probability: torch.Tensor) -> torch.Tensor:
    """Entropy of a yes-or-no event in bits, elementwise: 0 where it is certain, 1 where the odds are even.

    Args:
        probability: of yes, in [0, 1], any shape.
    """
    return (torch.special.entr(probability) + torch.special.entr(1 - probability)) / math.log(2)
