# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from torch import nn

__all__ = ["ImageClassifier"]


class ImageClassifier(nn.Module):
    """A classifier of images by itself, the comparison of a method that classifies as well (thesis ch. 6, table 2).

    Args:
        network: a classifier, called as ``network(x)``, e.g. MONAI's ``DenseNet169``; or one with a class head, whose
            ``classify(x)`` is used, e.g. ``DeScarGANDiscriminator(critics=False)``, the D_cls of the thesis.

    Example::

        network = ImageClassifier(DeScarGANDiscriminator(channels=(4, 8), num_convs=(1, 1), critics=False))
        logits = network(torch.rand(2, 1, 16, 16))  # (2, 2)
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, K) of images (N, C, ...)."""
        if hasattr(self.network, "classify"):
            return self.network.classify(x)  # type: ignore[operator]
        return self.network(x)

    def classify(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, K) of images (N, C, ...)."""
        return self(x)
