# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch

__all__ = ["add_instance_noise"]


def add_instance_noise(image: torch.Tensor, level: float) -> torch.Tensor:
    """Images (N, C, *spatial) with Gaussian noise of a standard deviation that is uniform in [0, level] for each.

    What a discriminator sees through noise it cannot be talked out of by changes that nobody sees: the generator has to
    change structures. Source: Sonderby et al. (https://arxiv.org/abs/1610.04490), section 3.1; that a classifier of
    noisy images is certain within a radius: Cohen et al. (https://arxiv.org/abs/1902.02918).

    Args:
        image: real or artificial images.
        level: the largest standard deviation, in units of the intensities; 0 for none.
    """
    if level == 0:
        return image
    deviation = level * torch.rand(len(image), *[1] * (image.ndim - 1), device=image.device, dtype=image.dtype)
    return image + deviation * torch.randn_like(image)
