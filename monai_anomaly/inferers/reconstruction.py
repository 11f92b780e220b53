# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .slicewise_map import SlicewiseReconstructionInferer

__all__ = ["ReconstructionInferer"]


class ReconstructionInferer(SlicewiseReconstructionInferer):
    """Reconstruct images with an autoencoder of healthy ones; what it fails to reconstruct is the anomaly (thesis ch.
    4.2.1, scenario A).

    The result is ``{"map": (N, 1, ...), "reconstruction": (N, C, ...)}``. The network is called as ``network(x)`` and
    returns the reconstruction (N, C, H, W), alone or first of several, as MONAI's ``VarAutoEncoder`` does; that one
    should have ``use_mean_at_inference=True``.

    Args:
        kwargs: see `SlicewiseReconstructionInferer` and `SlicewiseInferer`.

    Example::

        network = VarAutoEncoder(2, (1, 16, 16), 1, 8, (4, 8), (2, 2), use_sigmoid=False, use_mean_at_inference=True)
        found = ReconstructionInferer()(torch.rand(2, 1, 16, 16), network.eval())
        found["map"], found["reconstruction"]
    """

    def reconstruct(self, x: torch.Tensor, network: Any, index: Sequence[int]) -> list[torch.Tensor]:
        """The reconstruction of slices (N, C, H, W)."""
        output = network(x)
        return [output if isinstance(output, torch.Tensor) else output[0]]
