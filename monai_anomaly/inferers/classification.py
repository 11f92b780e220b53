# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .autocast import AutocastInferer
from .slicewise import Results

__all__ = ["ClassificationInferer"]


class ClassificationInferer(AutocastInferer):
    """Classify images, in mixed precision where asked for: ``{"logits": (N, K)}``.

    Args:
        autocast: see `autocast_dtype`.

    Example::

        network = ImageClassifier(DeScarGANDiscriminator(channels=(4, 8), num_convs=(1, 1), critics=False))
        probabilities = ClassificationInferer()(torch.rand(2, 1, 16, 16), network)["logits"].softmax(1)  # (2, 2)
    """

    def __call__(self, inputs: torch.Tensor, network: Callable[..., Any], *args: Any, **kwargs: Any) -> Results:
        """The network's logits, see `AutocastInferer`."""
        return {"logits": super().__call__(inputs, network, *args, **kwargs)}
