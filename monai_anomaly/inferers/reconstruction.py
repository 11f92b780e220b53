# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import torch

from ..transforms.anomaly_map import AnomalyMap
from .slicewise import SlicewiseMapInferer

__all__ = ["ReconstructionInferer"]


class ReconstructionInferer(SlicewiseMapInferer):
    """Reconstruct images with an autoencoder of healthy ones; what it fails to reconstruct is the anomaly (thesis ch.
    4.2.1, scenario A).

    The output is laid out as that of `HealthyTranslationInferer`: the map, then the reconstruction. The network is
    called as ``network(x)`` and returns the reconstruction (N, C, H, W), alone or first of several, as MONAI's
    ``VarAutoEncoder`` does; that one should have ``use_mean_at_inference=True``.

    Args:
        data_range: width of the intensity range, the unit of the map.
        smoothing: of the map, see `AnomalyMap`.
        kwargs: see `SlicewiseMapInferer`.
    """

    reconstructs = True

    def __init__(self, data_range: float = 2.0, smoothing: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.anomaly_map = AnomalyMap(data_range, smoothing)

    def map_slices(self, x: torch.Tensor, network: Any) -> torch.Tensor:
        """The map and the reconstruction (N, 1 + C, H, W) of slices (N, C, H, W)."""
        output = network(x)
        healthy = output if isinstance(output, torch.Tensor) else output[0]
        return torch.cat([self.anomaly_map(x, healthy), healthy], dim=1)
