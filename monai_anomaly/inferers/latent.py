# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .autocast import AutocastInferer
from .slicewise import Results

__all__ = ["LatentInferer"]


class LatentInferer(AutocastInferer):
    """Classify images and tell where they lie among the class centers; for training and evaluation (thesis ch. 9).

    The result is what `LatentCenterClassifier` gives with ``details=True``, and ``"distance"`` (N, K), the Euclidean
    distance of each latent vector to each center, 0 to 2. An engine must not decollate it, as ``"centers"`` (K, m) are
    of no image.

    Args:
        autocast: see `autocast_dtype`.

    Example::

        encoder = InceptionResNetV1(2, out_channels=16, width=0.125, blocks=(1, 1, 1), hidden=32, padding=True)
        network = LatentCenterClassifier(encoder, latent_dim=16)
        found = LatentInferer()(torch.rand(4, 1, 40, 48), network)
        found["logits"], found["distance"]  # each (4, 2)
    """

    def __call__(self, inputs: torch.Tensor, network: Callable[..., Any], *args: Any, **kwargs: Any) -> Results:
        """The fields, see `AutocastInferer`."""
        found = super().__call__(inputs, network, *args, details=True, **kwargs)
        difference = found["latent"][:, None] - found["centers"]
        return {**found, "distance": torch.linalg.vector_norm(difference, dim=2)}
