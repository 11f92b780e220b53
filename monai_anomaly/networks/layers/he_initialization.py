# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from torch import nn

__all__ = ["he_initialization"]


def he_initialization(module: nn.Module) -> None:
    """Draw the weights of a convolution from the normal distribution of He et al. for ReLU, biases are 0; other layers
    stay as they are. For ``network.apply``.

    Source: He et al. (https://arxiv.org/abs/1502.01852), eq. 10.

    Args:
        module: any layer.
    """
    if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
