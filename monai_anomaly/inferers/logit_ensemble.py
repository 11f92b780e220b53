# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ..diffusion import NoiseSource, SeededNoise
from ..losses.aleatoric import split_mean_sigma
from ..utils import hashed_seed
from .finite import nan_where_infinite
from .segmentation import SlicewiseSegmentationInferer
from .slicewise import Results

__all__ = ["LogitEnsembleInferer"]


class LogitEnsembleInferer(SlicewiseSegmentationInferer):
    """Samples of the mask from a network trained with `AleatoricLoss`, which gives its logits as Gaussians.

    Kendall & Gal (https://arxiv.org/abs/1703.04977), eq. 12: a sample is sigmoid(f + sigma eps). The network is
    evaluated once, whatever the number of samples. The noise is drawn pixel by pixel, so a sample is no plausible mask
    as a whole; mean and variance are what it is for.

    Args:
        noise_source: makes the noise of some samples from a seed for each, whatever the slice.
        kwargs: see `SlicewiseSegmentationInferer`.

    Example::

        network = nn.Conv2d(4, 2, 3, padding=1)  # any network that gives the mean and the log-variance of a region
        found = LogitEnsembleInferer(num_samples=20)(torch.rand(2, 4, 16, 16), network)
        found["mean"], found["variance"]  # each (2, 1, 16, 16)
    """

    def __init__(self, noise_source: NoiseSource = SeededNoise, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.noise_source = noise_source

    @property
    def slices_at_a_time(self) -> int:
        """A whole batch: the network sees each slice once."""
        return self.batch_size

    def map_slices(self, x: torch.Tensor, network: Any, index: Sequence[int]) -> Results:
        """As the base class, with the network evaluated beforehand."""
        output = nan_where_infinite(network(self.pad(x)))
        return super().map_slices(x, lambda _: output, index)

    def draw(self, x: torch.Tensor, network: Any, samples: range) -> torch.Tensor:
        """Samples (N, len(samples), K, H, W)."""
        mean, sigma = split_mean_sigma(network(x))
        noise = self.noise_source([hashed_seed(self.seed, sample) for sample in samples])
        eps = noise(mean.new_empty(len(samples), *mean.shape[1:]))
        return torch.sigmoid(mean[:, None] + sigma[:, None] * eps)
