# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from monai.inferers import Inferer
from monai.utils import convert_to_tensor
from torch.nn import functional as F

__all__ = ["SlicewiseMapInferer"]


class SlicewiseMapInferer(Inferer):
    """Base of inferers that map the anomalies of 2D slices; volumes are taken slice by slice.

    A subclass defines :py:meth:`map_slices`. Slices of one intensity, where there is nothing to find, get an empty map
    and are their own reconstruction.

    Args:
        batch_size: slices processed at a time; bounds the memory.
        divisor: slices are padded (edge values) to multiples of it, as the network's levels need, and cropped again.
        slice_axis: spatial axis of 5-D inputs along which slices are taken.
    """

    reconstructs: bool = False
    """Whether ``map_slices`` returns the C channels of a healthy reconstruction after the map."""

    def __init__(self, batch_size: int = 16, divisor: int = 1, slice_axis: int = 2) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.divisor = divisor
        self.slice_axis = slice_axis

    @abstractmethod
    def map_slices(self, x: torch.Tensor, network: Any) -> torch.Tensor:
        """The map (N, 1, H, W), or the map and the reconstruction (N, 1 + C, H, W), of slices (N, C, H, W)."""

    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Anomaly map of each image, and its healthy reconstruction where the method has one.

        Args:
            inputs: images (N, C, H, W) or volumes (N, C, X, Y, Z), scaled as in training.
            network: what the subclass needs, in evaluation mode.
            args: not used.
            kwargs: not used.

        Returns:
            (N, 1, ...), or (N, 1 + C, ...) with the reconstruction.
        """
        network = getattr(network, "module", network)  # DistributedDataParallel
        inputs = convert_to_tensor(inputs, track_meta=False)
        if inputs.ndim == 4:
            return self._in_batches(inputs, network)
        axis = self.slice_axis + 2
        slices = inputs.movedim(axis, 1)
        result = self._in_batches(slices.flatten(0, 1), network)
        return result.unflatten(0, slices.shape[:2]).movedim(1, axis)

    @torch.no_grad()
    def _in_batches(self, x: torch.Tensor, network: Any) -> torch.Tensor:
        height, width = x.shape[2:]
        empty = torch.zeros_like(x[:, :1])
        result = torch.cat([empty, x], dim=1) if self.reconstructs else empty
        flat = x.flatten(1)
        todo = torch.nonzero(flat.amax(1) > flat.amin(1))[:, 0]
        for chosen in todo.split(self.batch_size):
            padded = F.pad(x[chosen], (0, -width % self.divisor, 0, -height % self.divisor), mode="replicate")
            result[chosen] = self.map_slices(padded, network)[..., :height, :width].to(result)
        return result
