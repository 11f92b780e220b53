# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ..utils import one_of
from .finite import nan_where_infinite
from .segmentation import SlicewiseSegmentationInferer

__all__ = ["SinglePassInferer", "region_activation"]

ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "sigmoid": torch.sigmoid,
    "softmax": lambda logits: logits.softmax(1)[:, 1:],
}


def region_activation(name: str) -> Callable[[torch.Tensor], torch.Tensor]:
    """From the logits of a network to probabilities of regions (N, K, ...), NaN where a logit is no finite number.

    Args:
        name: ``"sigmoid"`` for K logits, each region by itself; ``"softmax"`` for K + 1 classes, the first of which is
            the background, left out of the result.

    Raises:
        ValueError: when the name is another.
    """
    activation = ACTIVATIONS[one_of("activation", name, sorted(ACTIVATIONS))]
    return lambda logits: activation(nan_where_infinite(logits))


class SinglePassInferer(SlicewiseSegmentationInferer):
    """Segmentation by one pass through one network, e.g. a U-Net: the mean is its probability, the variance 0.

    Args:
        activation: see `region_activation`.
        binarize: threshold the probability at 0.5; off, so that the mean and its entropy say how sure the network is.
        kwargs: see `SlicewiseSegmentationInferer`, without ``num_samples``.

    Example::

        network = nn.Conv2d(4, 3, 3, padding=1)  # any network of four channels that gives the logits of three regions
        found = SinglePassInferer(regions=3)(torch.rand(2, 4, 16, 16), network)
        found["mean"], found["entropy"]  # each (2, 3, 16, 16)
    """

    def __init__(self, activation: str = "sigmoid", binarize: bool = False, **kwargs: Any) -> None:
        super().__init__(num_samples=1, binarize=binarize, **kwargs)
        self.activation = region_activation(activation)

    def draw(self, x: torch.Tensor, network: Any, samples: range) -> torch.Tensor:
        """The one sample (N, 1, K, H, W) there is."""
        return self.activation(network(x).float()).unsqueeze(1)
