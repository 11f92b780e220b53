# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import torch
from torch import nn

__all__ = ["last_convolution", "through_own_network"]


def through_own_network(networks: nn.ModuleList, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Each image or features (N, C, ...) through the network of its class alone, which saves the work of the others
    and keeps their batch statistics apart.

    Args:
        networks: one for each class.
        x: (N, C, ...).
        target: class of each (N,), of int64.

    Raises:
        ValueError: when there is not one target per image, or a target is no class.
    """
    if torch.compiler.is_exporting():  # whose shapes know no count of images that is found on the way
        every = torch.stack([network(x) for network in networks], dim=1)
        return every[torch.arange(x.shape[0], device=x.device), target]
    rows = [torch.nonzero(target == c)[:, 0] for c in range(len(networks))]
    if sum(len(r) for r in rows) != len(x):
        raise ValueError(
            f"expected a target of 0..{len(networks) - 1} for each of {len(x)} images, found {target.tolist()}"
        )
    parts = [network(x[r]) for network, r in zip(networks, rows, strict=True) if len(r)]
    return torch.cat(parts)[torch.cat(rows).argsort()]


def last_convolution(network: nn.Module) -> Any:
    """The last convolution of a network, in the order in which it was made."""
    return [m for m in network.modules() if isinstance(m, nn.modules.conv._ConvNd)][-1]
