# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch

from ..utils import binary_entropy
from .slicewise import Results, SlicewiseInferer

__all__ = ["SlicewiseSegmentationInferer"]


class SlicewiseSegmentationInferer(SlicewiseInferer):
    """Base of inferers that segment 2D slices several times over: an ensemble, its mean and its uncertainty (thesis
    ch. 5).

    A subclass defines :py:meth:`draw`. The result has, of K regions, ``mean`` (N, K, ...), over the samples, in [0, 1];
    ``variance``, unbiased, 0 for a single sample; ``entropy`` of the mean in bits, of each region by itself; with
    ``keep_samples`` also ``samples`` (N, n, K, ...). Slices left out are empty in all of them.

    Args:
        num_samples: n, the members of the ensemble.
        binarize: threshold each sample at 0.5 before anything else, as the paper does; by default the samples are
            averaged as `draw` gives them.
        keep_samples: give the samples, too.
        regions: K, the channels of a mask.
        seed: of the samples where they are random, not negative.
        kwargs: see `SlicewiseInferer`; ``batch_size`` counts network inputs, that is slices times samples. It bounds
            the network's memory; the result itself lies on the inputs' device, with ``keep_samples`` all n masks of it.

    Raises:
        ValueError: when there is no sample or no region, or the seed is negative.
    """

    def __init__(
        self,
        num_samples: int = 1,
        binarize: bool = False,
        keep_samples: bool = False,
        regions: int = 1,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("num_samples", num_samples), ("regions", regions)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if seed < 0:
            raise ValueError(f"seed must not be negative, got {seed}")
        self.seed = seed
        self.num_samples = num_samples
        self.binarize = binarize
        self.keep_samples = keep_samples
        self.regions = regions

    @property
    def settings(self) -> dict[str, Any]:
        """What a result depends on beside the network, for its record."""
        return {
            "inferer": type(self).__name__,
            "num_samples": self.num_samples,
            "binarize": self.binarize,
            "seed": self.seed,
        }

    @property
    def slices_at_a_time(self) -> int:
        """As many slices as have all their samples in one batch, at least one."""
        return max(1, self.batch_size // self.num_samples)

    @abstractmethod
    def draw(self, x: torch.Tensor, network: Any, samples: range) -> torch.Tensor:
        """Samples of the masks of slices, as probabilities or soft masks in [0, 1].

        What a sample is must depend on the slice, the sample's number and the inferer's seed alone, so that a result
        does not depend on the batch it was computed in.

        Args:
            x: slices (N, C, H, W), padded.
            network: as in the call.
            samples: the numbers of the samples asked for.

        Returns:
            (N, len(samples), K, H, W); NaN where the network gave no number, see `nan_where_infinite`.
        """

    def blank(self, x: torch.Tensor) -> Results:
        """No lesion: mean, variance, entropy and samples of 0."""
        size = (self.regions, *x.shape[2:])
        fields = {name: x.new_zeros(len(x), *size) for name in ("mean", "variance", "entropy")}
        return {**fields, "samples": x.new_zeros(len(x), self.num_samples, *size)} if self.keep_samples else fields

    def map_slices(self, x: torch.Tensor, network: Any, index: Sequence[int]) -> Results:
        """Mean, variance, entropy and, where asked for, samples of slices (N, C, H, W)."""
        padded = self.pad(x)
        n, step = self.num_samples, max(1, self.batch_size // len(x))
        parts = [self.draw(padded, network, range(n)[start : start + step]) for start in range(0, n, step)]
        samples = torch.cat(parts, dim=1).float()
        if samples.shape[1:3] != (n, self.regions):
            found = tuple(samples.shape[1:3])
            raise ValueError(f"expected {n} sample(s) of {self.regions} region(s), the network gives {found}")
        if self.binarize:
            samples = torch.where(samples.isnan(), samples, (samples > 0.5).float())  # NaN is not "no lesion"
        mean = samples.mean(1)
        variance = samples.var(1) if n > 1 else torch.zeros_like(mean)
        fields = {"mean": mean, "variance": variance, "entropy": binary_entropy(mean)}
        return {**fields, "samples": samples} if self.keep_samples else fields
